"""Models that may not be there where a freeze is to be written, and where they certainly are.

Whether one is there is asked of the assignments, and of the functions and callers behind them:
``return None`` of a factory, ``def train(net=None)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.origins import arguments_for
from bn2gn_codemod.survey.statements.none_models import (
    Binding,
    Presence,
    leaves,
    may_be_none,
)
from bn2gn_codemod.survey.statements.scopes import Scope, is_docstring
from bn2gn_codemod.survey.syntax.nodes import given_arguments, reads_as, walk
from bn2gn_codemod.survey.training.optimizers import Optimizers
from bn2gn_codemod.survey.values import Function, FunctionValue

_DEEPEST = 3  # functions that hand on what another one gave
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


class AbsentModels:
    """Tells where a variable holds a model whatever happens."""

    def __init__(self, flow: Flow, optimizers: Optimizers) -> None:
        self._flow = flow
        self._optimizers = optimizers

    def is_absent(self, scope: Scope, statement: ast.stmt, model: str) -> bool:
        """Whether there may be no model after a statement."""
        before = [statement, *scope.before(statement)]
        return self._presence(model, 0).is_there(before) is False

    def may_be_handed_none(self, scope: Scope, parameter: str) -> bool:
        """Whether a function may get no model for its parameter."""
        return self._is_handed_none(scope, parameter, 0)

    def gives_none(self, binding: Binding, model: str) -> bool:
        """Whether an assignment may leave the variable without a model."""
        return self._gives_none(binding, model, 0)

    def where_one_is(self, scope: Scope, places: Iterable[ast.stmt], model: str) -> ast.stmt | None:
        """The first of some statements after which the code fails where there is none."""
        presence = self._presence(model, 0)
        return next(
            (
                place
                for place in places
                if not is_docstring(place) and presence.always_reads(scope.after(place))
            ),
            None,
        )

    def _presence(self, model: str, depth: int) -> Presence:
        return Presence(
            model,
            lambda binding: self._gives_none(binding, model, depth),
            lambda call: self._reads_inside(call, model, depth),
        )

    def _gives_none(self, binding: Binding, model: str, depth: int) -> bool:
        made, value = binding
        if value is not None:
            return self._may_be_none(value, None, depth)
        if not isinstance(made, ast.Assign):
            return False
        for target in made.targets:
            parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
            for index, part in enumerate(parts):
                if reads_as(part, model):
                    return self._may_be_none(made.value, index, depth)
        return False

    def _may_be_none(self, value: ast.expr, index: int | None, depth: int) -> bool:
        """``index``: of what is unpacked."""
        if index is None and may_be_none(value):
            return True
        return isinstance(value, ast.Call) and any(
            isinstance(callee, FunctionValue)
            and self._returns_none(callee.function, index, depth + 1)
            for callee in self._flow.value_of(value.func)
        )

    def _returns_none(self, function: Function, index: int | None, depth: int) -> bool:
        scope = self._scope(function)
        if depth > _DEEPEST or scope is None or not isinstance(function.node, ast.FunctionDef):
            return False
        if not leaves(function.node.body) and index is None:
            return True
        for statement in scope.order:
            if not isinstance(statement, ast.Return):
                continue
            value = statement.value
            if index is not None:
                is_written = isinstance(value, ast.Tuple) and index < len(value.elts)
                value = value.elts[index] if isinstance(value, ast.Tuple) and is_written else value
                if not is_written:
                    continue  # what is unpacked there is not told
            if value is None or self._may_be_none(value, None, depth):
                return True
            if isinstance(value, ast.Name):
                presence = self._presence(value.id, depth)
                if presence.is_there(scope.before(statement)) is False:
                    return True
        return False

    def _is_handed_none(self, scope: Scope, parameter: str, depth: int) -> bool:
        node = scope.function.node
        if depth > _DEEPEST or isinstance(node, ast.Module):
            return False
        if parameter in _none_by_default(node.args):
            return True
        for outer, statement, call in self._optimizers.callers(scope.function):
            for argument in arguments_for(scope, call, parameter):
                if may_be_none(argument):
                    return True
                if not isinstance(argument, ast.Name):
                    continue
                presence = self._presence(argument.id, depth)
                is_there = presence.is_there(outer.before(statement))
                mine = outer.parameter(argument.id)
                if is_there is False or (
                    is_there is None
                    and mine is not None
                    and self._is_handed_none(outer, mine, depth + 1)
                ):
                    return True
        return False

    def _reads_inside(self, call: ast.Call, model: str, depth: int) -> bool:
        """Whether the functions that a call may run all read an attribute of the model."""
        if depth >= _DEEPEST or not any(reads_as(one, model) for one in given_arguments(call)):
            return False
        callees = list(self._flow.value_of(call.func))
        return bool(callees) and all(
            isinstance(callee, FunctionValue)
            and self._always_reads(callee.function, call, model, depth + 1)
            for callee in callees
        )

    def _always_reads(self, function: Function, call: ast.Call, model: str, depth: int) -> bool:
        node, scope = function.node, self._scope(function)
        if scope is None or not isinstance(node, ast.FunctionDef) or node.decorator_list:
            return False
        if any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in walk(node)):
            return False  # a generator runs when it is asked
        return any(
            reads_as(argument, model) and self._presence(parameter, depth).always_reads(node.body)
            for parameter in function.parameters
            for argument in arguments_for(scope, call, parameter)
        )

    def _scope(self, function: Function) -> Scope | None:
        return self._optimizers.origins.scopes.get(function)


def loops_around(scope: Scope, statement: ast.stmt) -> set[ast.stmt]:
    """The loops that a statement stands in."""
    return {around for around in scope.around(statement) if isinstance(around, _LOOPS)}


def _none_by_default(arguments: ast.arguments) -> set[str]:
    """The parameters that are ``None`` where a call leaves them out."""
    positional = [*arguments.posonlyargs, *arguments.args]
    with_default = positional[len(positional) - len(arguments.defaults) :]
    pairs = [
        *zip(with_default, arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return {one.arg for one, default in pairs if default is not None and may_be_none(default)}
