"""Models that are only tried out: built under ``__main__`` of their own file and called once."""

from __future__ import annotations

import ast
import functools

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.optimizer_calls import optimizer_call
from bn2gn_codemod.survey.statements.main_blocks import is_main_block
from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.syntax.nodes import call_name, given_arguments, walk
from bn2gn_codemod.survey.training.optimizers import Optimizers
from bn2gn_codemod.survey.training.untrained_models import stays_untrained
from bn2gn_codemod.survey.values import ClassValue, Function, FunctionValue

# What training comes to, whoever wrote it.
_TRAINS = {"backward", "step", "zero_grad", "fit", "scale"}
# What looks at a model and trains nothing.
_LOOKS = {"print", "len", "type", "isinstance", "summary", "profile", "id", "repr", "str"}


class TrialRuns:
    """Finds ``.train()`` calls after which nothing is trained."""

    def __init__(self, flow: Flow, optimizers: Optimizers) -> None:
        self._flow = flow
        self._optimizers = optimizers

    def has(self, scope: Scope, statement: ast.stmt, model: ast.expr) -> bool:
        """Whether a statement is part of one, in which ``model`` is tried out, or only measured."""
        if scope.function not in self._training and stays_untrained(
            self._flow, scope.function, model
        ):
            return True
        if not isinstance(scope.function.node, ast.Module) or scope.function in self._training:
            return False
        if not any(map(is_main_block, scope.around(statement))):
            return False
        source = ast.unparse(model)
        return all(self._keeps(call, source) for _, call in scope.calls)

    def is_training(self, function: Function) -> bool:
        """Whether a function trains something, or calls one that does."""
        return function in self._training

    def _keeps(self, call: ast.Call, model: str) -> bool:
        """Whether a call does not hand the model to code that is not known."""
        given = given_arguments(call)
        if call_name(call) in _LOOKS or not any(
            isinstance(node, ast.expr) and ast.unparse(node) == model
            for argument in given
            for node in walk(argument)
        ):
            return True
        callees = list(self._flow.value_of(call.func))
        return bool(callees) and all(isinstance(v, (FunctionValue, ClassValue)) for v in callees)

    @functools.cached_property
    def _training(self) -> frozenset[Function]:
        """Functions that train something, or call one that does."""
        found = {
            scope.function: None
            for scope in self._optimizers.scopes
            if any(
                call_name(call) in _TRAINS or optimizer_call(self._flow, call) is not None
                for _, call in scope.calls
            )
        }
        pending = list(found)
        while pending:
            for scope, _, _ in self._optimizers.callers(pending.pop()):
                if scope.function not in found:
                    found[scope.function] = None
                    pending.append(scope.function)
        return frozenset(found)
