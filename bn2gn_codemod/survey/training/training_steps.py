"""Statements that may train a model: what comes after them comes too late for those steps.

``net.train()``, ``self.run_epoch(loader)``, ``net.eval()``: the epoch ran in train mode.
"""

from __future__ import annotations

import ast
import builtins
import functools

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.freezing.effects import Effect
from bn2gn_codemod.survey.statements.scopes import all_calls
from bn2gn_codemod.survey.syntax.nodes import call_name, given_arguments
from bn2gn_codemod.survey.training.evaluating_loops import lasts_in_training
from bn2gn_codemod.survey.training.optimizers import Optimizers
from bn2gn_codemod.survey.values import ClassValue, FunctionValue

_STEPS = frozenset({"backward", "manual_backward", "fit", "scale"})


class TrainingSteps:
    """Finds the statements that take training steps, or may take them in code that is not known."""

    def __init__(self, flow: Flow, optimizers: Optimizers) -> None:
        self._flow = flow
        self._optimizers = optimizers

    def may_be_in(self, statement: ast.stmt, models: set[str]) -> bool:
        """Whether a statement may take steps; ``models``: what the model is called there."""
        calls = list(all_calls(statement))
        return any(
            call_name(call) in _STEPS or call in self._calls or self._hands_on(call, models)
            for call in calls
        )

    def may_follow(self, effect: Effect) -> bool:
        """Whether steps may come after an effect in the code in which they are taken."""
        return lasts_in_training(self._flow, effect)

    def _hands_on(self, call: ast.Call, models: set[str]) -> bool:
        """Whether code that was not followed gets the model, or is a method beside it."""
        name = call_name(call)
        if hasattr(builtins, name) or name[:1].isupper():  # hasattr(net, "module"), DDP(net)
            return False
        held = self._flow.value_of(call.func)
        if any(isinstance(one, (FunctionValue, ClassValue)) for one in held):
            return False
        match call.func:
            case ast.Attribute(value=ast.Name(id="self")):
                return True
        return any(ast.unparse(given) in models for given in given_arguments(call))

    @functools.cached_property
    def _calls(self) -> frozenset[ast.Call]:
        """The calls of functions that take steps, or call one that does."""
        pending = [
            scope.function
            for scope in self._optimizers.scopes
            if any(call_name(call) in _STEPS for _, call in scope.calls)
        ]
        known = set(pending)
        found: set[ast.Call] = set()
        while pending:
            for scope, _, call in self._optimizers.callers(pending.pop()):
                found.add(call)
                if scope.function not in known:
                    known.add(scope.function)
                    pending.append(scope.function)
        return frozenset(found)
