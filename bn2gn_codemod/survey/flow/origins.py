"""Where the expressions of train scripts come from, one step back at a time.

The flow analysis tells what may be *in* a value, not what kind of value it is: a list
of parameters seems to be the model that they are of. So it is read again here.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.statements.scopes import Scope, assignments
from bn2gn_codemod.survey.syntax.nodes import all_arguments, walk
from bn2gn_codemod.survey.values import Function, Instance

Callers = Callable[[Function], list[tuple[Scope, ast.stmt, ast.Call]]]


class Origin(NamedTuple):
    """An expression that another one may be the value of.

    ``adds``: it is only added to what is there (``groups += more``).
    """

    scope: Scope
    expr: ast.expr
    adds: bool = False


class Origins:
    """Finds what was assigned to variables and attributes, or handed to parameters."""

    def __init__(self, flow: Flow, scopes: list[Scope], callers: Callers) -> None:
        self.flow = flow
        self.scopes: Mapping[Function, Scope] = {scope.function: scope for scope in scopes}
        self.callers = callers

    def of(self, scope: Scope, expr: ast.expr) -> Iterator[Origin]:
        """What is assigned to a variable or an attribute, or handed to a parameter."""
        yield from self.assigned(scope, expr)
        yield from self.handed(scope, expr)

    def assigned(self, scope: Scope, expr: ast.expr) -> Iterator[Origin]:
        """What is assigned to a variable or an attribute."""
        for where, name in self._places(scope, expr):
            for statement in where.body:
                for at, value in assignments(statement, name):
                    if value is not None:
                        yield Origin(where, value, isinstance(at, ast.AugAssign))

    def all_assigned(self, scope: Scope, expr: ast.expr) -> list[Origin]:
        """The same, where that is all that it may be; what is changed in place stays what it is.

        Empty for parameters, and for what loops or ``a, b = f()`` bind.
        """
        if scope.parameter(ast.unparse(expr)) is not None:
            return []
        found: list[Origin] = []
        for where, name in self._places(scope, expr):
            if any(name in _bound_by_loop(one) for one in where.order):
                return []
            for statement in where.body:
                for at, value in assignments(statement, name):
                    if value is None:
                        return []
                    if not isinstance(at, ast.AugAssign):
                        found.append(Origin(where, value))
        return found

    def _places(self, scope: Scope, expr: ast.expr) -> list[tuple[Scope, str]]:
        """The scopes that may bind an expression, and what it is called there."""
        source = ast.unparse(expr)
        places: list[tuple[Scope, str]] = [(scope, source)]
        if isinstance(expr, ast.Attribute):
            places += [(method, f"self.{expr.attr}") for method in self._methods(scope, expr)]
        elif not _is_local(scope.function, source):
            top = self.scopes.get(self.flow.top_level[scope.path])
            places += [(top, source)] if top is not None and top is not scope else []
        return places

    def handed(self, scope: Scope, expr: ast.expr) -> Iterator[Origin]:
        """What calls give to a parameter."""
        parameter = scope.parameter(ast.unparse(expr))
        if parameter is not None:
            for outer, _, call in self.callers(scope.function):
                for argument in arguments_for(scope, call, parameter):
                    yield Origin(outer, argument)

    def _methods(self, scope: Scope, expr: ast.Attribute) -> Iterator[Scope]:
        """The methods that may set the attribute."""
        classes = {
            value.class_ for value in self.flow.value_of(expr.value) if isinstance(value, Instance)
        }
        if ast.unparse(expr.value) == "self" and scope.function.class_ is not None:
            classes.add(scope.function.class_)
        methods = {
            method
            for cls in classes
            for owner in cls.ancestors()
            for method in owner.methods.values()
        }
        return (self.scopes[m] for m in methods if m in self.scopes and m is not scope.function)


def arguments_for(scope: Scope, call: ast.Call, parameter: str) -> list[ast.expr]:
    """What a call gives to a parameter of the scope's function; several for ``*args``."""
    node = scope.function.node
    if isinstance(node, ast.Module):
        return []
    extra, named = node.args.kwarg, [k for k in call.keywords if k.arg == parameter]
    if named:
        return [named[0].value]
    known = {argument.arg for argument in all_arguments(node.args)}
    if extra is not None and extra.arg == parameter:
        return [keyword.value for keyword in call.keywords if keyword.arg not in known]
    names = [argument.arg for argument in [*node.args.posonlyargs, *node.args.args]]
    if scope.function.class_ is not None and not scope.function.is_static:
        names = names[1:]
    if node.args.vararg is not None and node.args.vararg.arg == parameter:
        return call.args[len(names) :]
    if parameter not in names:
        return []
    index = names.index(parameter)
    return call.args[index : index + 1]


def _bound_by_loop(statement: ast.stmt) -> set[str]:
    if not isinstance(statement, (ast.For, ast.AsyncFor)):
        return set()
    return {ast.unparse(node) for node in walk(statement.target) if isinstance(node, ast.expr)}


def _is_local(function: Function, name: str) -> bool:
    return name in function.locals or name in function.parameters
