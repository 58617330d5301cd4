"""Which expressions of train scripts are an optimizer, or come from one, and so are no model.

A model seems to be in everything that code was handed together with it, and an
optimizer is handed on with the model all the time.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.optimizer_calls import optimizer_call
from bn2gn_codemod.survey.flow.origins import Origins
from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.syntax.nodes import given_arguments
from bn2gn_codemod.survey.training.collections_of_parameters import is_used_as_module
from bn2gn_codemod.survey.values import ClassValue, Function, FunctionValue, Instance

_DEEPEST = 6
_Seen = frozenset[tuple[Scope, str]]


class OptimizerObjects:
    """Follows an expression back to the call that builds an optimizer."""

    def __init__(self, flow: Flow, origins: Origins) -> None:
        self._flow = flow
        self._origins = origins

    def is_one(self, scope: Scope, expr: ast.expr) -> bool:
        """Whether an expression of a function is an optimizer, or something that is in one."""
        return not is_used_as_module(scope, ast.unparse(expr)) and self._is_one(
            scope, expr, frozenset()
        )

    def _is_one(self, scope: Scope, expr: ast.expr, seen: _Seen) -> bool:
        match expr:
            case ast.Call():
                return self._is_made_by(scope, expr, seen)
            case ast.Subscript(value=value):
                return self._is_one(scope, value, seen)
            case ast.Name() | ast.Attribute():
                key = (scope, ast.unparse(expr))
                if key in seen or len(seen) > _DEEPEST:
                    return False
                return self._is_bound(scope, expr, seen | {key})
        return False

    def _is_bound(self, scope: Scope, expr: ast.expr, seen: _Seen) -> bool:
        # What is assigned beside it is None, or the optimizer that was resumed.
        if any(self._is_one(o.scope, o.expr, seen) for o in self._origins.assigned(scope, expr)):
            return True
        # Other callers of ``def to_device(x)`` hand over the model.
        handed = list(self._origins.handed(scope, expr))
        return bool(handed) and all(self._is_one(o.scope, o.expr, seen) for o in handed)

    def _is_made_by(self, scope: Scope, call: ast.Call, seen: _Seen) -> bool:
        kind = optimizer_call(self._flow, call)
        if kind is not None and kind.is_alone:
            return True
        callees = list(self._flow.value_of(call.func))
        functions = [value.function for value in callees if isinstance(value, FunctionValue)]
        if functions or any(isinstance(value, ClassValue) for value in callees):
            return bool(functions) and all(self._gives_one(one, seen) for one in functions)
        # Code that is not known gives what it makes of what it is handed: a learning rate.
        given = given_arguments(call)
        holding = [one for one in given if self._holds_module(one)]
        return bool(holding) and all(self._is_one(scope, one, seen) for one in holding)

    def _holds_module(self, expr: ast.expr) -> bool:
        return any(isinstance(value, Instance) for value in self._flow.value_of(expr))

    def _gives_one(self, function: Function, seen: _Seen) -> bool:
        scope = self._origins.scopes.get(function)
        if scope is None:
            return False
        key = (scope, "return")
        if key in seen or len(seen) > _DEEPEST:
            return False
        returned = [
            statement.value
            for statement in scope.order
            if isinstance(statement, ast.Return) and statement.value is not None
        ]
        return any(self._is_one(scope, value, seen | {key}) for value in returned)
