"""Defaults behind ``None``: ``if norm_layer is None: norm_layer = nn.BatchNorm2d``.

Such a value is as good as one in the signature, for the calls that leave the parameter and for
those that hand ``None`` over. So it has to be known which calls certainly do neither.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.statements.scopes import assignments
from bn2gn_codemod.survey.syntax.nodes import bound_names, dotted, flat, walk
from bn2gn_codemod.survey.values import Class, External, Function

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def none_default(function: Function, parameter: str) -> ast.expr | None:
    """What a parameter is given where it is ``None``, in place of a default in the signature.

    ``None`` where the function gives it anything else as well, or only on some ways.
    """
    node = function.node
    if not isinstance(node, _DEFINITIONS) or parameter in function.extra_parameters:
        return None
    if sum(_stores(one, parameter) for one in walk(node)) != 1:
        return None
    values = (_given_for_none(statement, parameter) for statement in node.body)
    return next((value for value in values if value is not None), None)


def _stores(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)


def _given_for_none(statement: ast.stmt, name: str) -> ast.expr | None:
    match statement:
        case ast.If(test=test, body=[ast.Assign(targets=[ast.Name(id=target)], value=value)]) if (
            target == name and _asks_for_none(test, name)
        ):
            return value
        case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
            match value:
                case ast.BoolOp(op=ast.Or(), values=[ast.Name(id=first), given]) if first == name:
                    return given
                case ast.IfExp(test=test, body=given, orelse=ast.Name(id=other)) if (
                    other == name and _asks_for_none(test, name)
                ):
                    return given
                case ast.IfExp(test=test, body=ast.Name(id=other), orelse=given) if (
                    other == name and _asks_for_value(test, name)
                ):
                    return given
    return None


def _asks_for_none(test: ast.expr, name: str) -> bool:
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _asks_for_value(operand, name)
        case ast.Compare(left=ast.Name(id=asked), ops=[ast.Is()], comparators=[right]):
            return asked == name and isinstance(right, ast.Constant) and right.value is None
        case _:
            return False


def _asks_for_value(test: ast.expr, name: str) -> bool:
    match test:
        case ast.Name(id=asked):
            return asked == name
        case ast.Compare(left=ast.Name(id=asked), ops=[ast.IsNot()], comparators=[right]):
            return asked == name and isinstance(right, ast.Constant) and right.value is None
        case _:
            return False


class NeverNone:
    """Tells expressions that are certain to be no ``None``."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def is_sure(self, function: Function, expr: ast.expr) -> bool:
        """Whether an expression in a function is something, whatever the ways that lead there."""
        return self._is_sure(function, expr, set())

    def _is_sure(self, function: Function, expr: ast.expr, seen: set[object]) -> bool:
        match expr:
            case ast.Constant(value=value):
                return value is not None
            case ast.Lambda():
                return True
            case ast.IfExp(body=body, orelse=orelse):
                return all(self._is_sure(function, part, seen) for part in (body, orelse))
            case ast.BoolOp(op=ast.Or(), values=values):
                return self._is_sure(function, values[-1], seen)
            case ast.Call(func=func):
                return self._is_external(func, "partial")
            case ast.Name(id=name):
                return self._is_sure_name(function, name, expr.lineno, seen)
            case ast.Attribute(value=ast.Name(id=base), attr=attribute) if (
                function.enclosing_class is not None and base == function.first_parameter
            ):
                return self._is_sure_attribute(function.enclosing_class, attribute, seen)
            case ast.Attribute():
                return dotted(expr) is not None and self._is_external(expr.value)
            case _:
                return False

    def _is_external(self, expr: ast.expr, name: str = "") -> bool:
        """Whether an expression is a module or a function of another package."""
        held = list(self._flow.value_of(expr))
        return bool(held) and all(
            isinstance(one, External) and one.name.endswith(name) for one in held
        )

    def _is_sure_name(self, function: Function, name: str, line: int, seen: set[object]) -> bool:
        """Whether a name is something where a function reads it on a line."""
        scope: Function | None = function
        while scope is not None and name not in scope.locals:
            scope = scope.outer
        if scope is None or isinstance(scope.node, ast.Lambda):
            return False
        if (scope, name) in seen:
            return True
        seen.add((scope, name))
        if name in scope.parameters:
            given = none_default(scope, name)
            if given is None or (scope is function and given.lineno >= line):
                return False
            return self._is_sure(scope, given, seen)
        return self._is_sure_variable(scope, name, seen)

    def _is_sure_variable(self, scope: Function, name: str, seen: set[object]) -> bool:
        assert not isinstance(scope.node, ast.Lambda)
        found: list[ast.expr | None] = []
        is_defined = False
        for statement in flat(scope.node.body):
            found += [value for inner, value in assignments(statement, name) if inner is statement]
            match statement:
                case ast.Import() | ast.ImportFrom() if name in bound_names(statement):
                    if not self._is_sure_import(scope, name, seen):
                        return False
                    is_defined = True
                case ast.ClassDef() | ast.FunctionDef() if statement.name == name:
                    is_defined = True
        if len(found) != sum(_stores(node, name) for node in walk(scope.node)):
            return False  # it is bound in other ways as well
        return bool(found or is_defined) and all(
            value is not None and self._is_sure(scope, value, seen) for value in found
        )

    def _is_sure_import(self, scope: Function, name: str, seen: set[object]) -> bool:
        target, attribute = self._flow.bindings.get((scope.module.path, name), (None, None))
        if isinstance(target, str):
            return True
        if target is None or attribute is None:
            return target is not None
        return self._is_sure_name(self._flow.top_level[target.path], attribute, 0, seen)

    def _is_sure_attribute(self, cls: Class, name: str, seen: set[object]) -> bool:
        """Whether all that is stored in ``self.name`` is something."""
        if (cls, name) in seen:
            return True
        seen.add((cls, name))
        from_outside = re.compile(rb"\.%s\b[^\n=]*=\s*None\b" % re.escape(name.encode()))
        if any(from_outside.search(module.source.data) for module in self._flow.modules):
            return False
        family = dict.fromkeys([*cls.ancestors(), *cls.descendants()])
        if any(name in bound_names(one) for owner in family for one in owner.node.body):
            return False
        stored = list(self._stored(family, name))
        return bool(stored) and all(
            value is not None and self._is_sure(method, value, seen) for method, value in stored
        )

    def _stored(
        self, family: Iterable[Class], name: str
    ) -> Iterator[tuple[Function, ast.expr | None]]:
        for owner in family:
            for method in owner.methods.values():
                if isinstance(method.node, _DEFINITIONS):
                    source = f"{method.first_parameter}.{name}"
                    for statement in flat(method.node.body):
                        for inner, value in assignments(statement, source):
                            if inner is statement:
                                yield method, value
