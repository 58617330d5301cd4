"""What is put around a model where it is made, and the model that is inside."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.transparent_wrappers import keeps_names
from bn2gn_codemod.survey.statements.scopes import Scope, all_calls, assignments, binds, calls
from bn2gn_codemod.survey.syntax.nodes import call_name, given_arguments, walk
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.training.optimizers import Optimizer, Optimizers
from bn2gn_codemod.survey.values import Class, ClassValue, FunctionValue

# What waits for the gradients that are due when it is made: freeze before it.
_WAITS_FOR_GRADIENTS = {
    "DistributedDataParallel",
    "DDP",
    "FullyShardedDataParallel",
    "FSDP",
    "prepare",
    "prepare_model",
    "setup_module",
}


class ModelWrappers:
    """Looks through the calls that a model is handed to."""

    def __init__(self, flow: Flow, models: TrainedModels, optimizers: Optimizers) -> None:
        self._flow = flow
        self._models = models
        self._optimizers = optimizers

    def inside(self, value: ast.expr | None) -> str | None:
        """``backbone`` of ``Network(backbone, head)``, a class that is not in the repository.

        Under which name its modules lie there is not known. So it is with what a
        function of the repository makes that had no reason to be read.
        """
        if not isinstance(value, ast.Call):
            return None
        callees = self._flow.value_of(value.func)
        if not call_name(value)[:1].isupper() and not any(map(self._models.is_unread, callees)):
            return None
        if keeps_names(value):
            return None
        if any(isinstance(v, (ClassValue, FunctionValue)) for v in self._flow.value_of(value.func)):
            return None
        for argument in given_arguments(value):
            if isinstance(argument, (ast.Name, ast.Attribute)) and self._models.of(argument):
                return ast.unparse(argument)
        return None

    def inside_unknown(self, entries: Iterable[Optimizer]) -> set[Class]:
        """Models that lie in a module whose attributes are not known."""
        return {
            cls
            for entry in entries
            if self._lies_inside(entry.scope, entry.model, set())
            for cls in entry.models
        }

    def _lies_inside(self, scope: Scope, model: str, seen: set[str]) -> bool:
        """Whether a name, or what it is another name for, stands for such a module."""
        seen.add(model)
        cls = scope.function.class_
        is_attribute = cls is not None and model.startswith("self.")
        for where in self._optimizers.methods(cls) if cls is not None and is_attribute else [scope]:
            for statement in where.body:
                for _, value in assignments(statement, model):
                    if self.inside(value) is not None:
                        return True
                    moved = self.moved(value)
                    is_other = moved is not None and moved not in seen
                    if moved and is_other and self._lies_inside(where, moved, seen):
                        return True
        return False

    def moved(self, value: ast.expr | None) -> str | None:
        """The source of the model that a statement wraps, or gives another name."""
        if isinstance(value, (ast.Name, ast.Attribute)):
            return ast.unparse(value)
        while (
            isinstance(value, ast.Call)
            and isinstance(value.func, ast.Attribute)
            and isinstance(value.func.value, ast.Call)
        ):
            value = value.func.value  # DataParallel(net).cuda()
        if not isinstance(value, ast.Call):
            return None
        for argument in given_arguments(value):
            if isinstance(argument, (ast.Name, ast.Attribute)) and self._models.of(argument):
                return ast.unparse(argument)
        # Functions may be given anything first: to_parallel(args, net.cuda())
        return _wrapped(value) if keeps_names(value) else None

    def wait_for_gradients(self, statement: ast.stmt) -> bool:
        """Whether a statement puts the model into what takes its gradients as they are by then."""
        for call in calls(statement):
            if call_name(call) in _WAITS_FOR_GRADIENTS:
                return True
            for callee in self._flow.value_of(call.func):
                if isinstance(callee, FunctionValue):
                    body = callee.function.node
                    if any(
                        isinstance(inner, ast.Call)
                        and call_name(inner) in ("DistributedDataParallel", "DDP")
                        for inner in walk(body)
                    ):
                        return True
        return False

    def is_wrapped(self, entry: Optimizer) -> bool:
        """Whether its modules' names start with ``module.`` where the optimizer is built."""
        return any(
            call_name(call) in ("DataParallel", *_WAITS_FOR_GRADIENTS)
            for statement in entry.scope.before(entry.statement)
            if binds(statement, entry.model)
            for call in all_calls(statement)
        )


def _wrapped(call: ast.Call) -> str | None:
    """The source of the module that a wrapper is called with."""
    for argument in [*call.args[:1], *(k.value for k in call.keywords if k.arg == "module")]:
        if isinstance(argument, (ast.Name, ast.Attribute)):
            return ast.unparse(argument)
        if isinstance(argument, ast.Call) and isinstance(argument.func, ast.Attribute):
            owner = argument.func.value  # DistributedDataParallel(net.cuda())
            if isinstance(owner, ast.Name):
                return owner.id
    return None
