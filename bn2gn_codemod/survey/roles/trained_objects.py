"""Whose parameters an optimizer gets, as far as the survey of roles has to know it."""

from __future__ import annotations

import ast
from collections.abc import Collection

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.keyed_parts import KeyedParts
from bn2gn_codemod.survey.flow.optimizer_calls import may_take_parameters, optimizer_call
from bn2gn_codemod.survey.syntax.nodes import call_name, children, walk
from bn2gn_codemod.survey.values import Class, Function, Instance

_GIVES = frozenset({"parameters", "named_parameters"})
_HANDS_ON = frozenset({"list", "tuple", "set", "filter", "chain", "dict"})
_ADDS = frozenset({"append", "extend", "add_param_group"})


class TrainedObjects:
    """Finds classes of models that are trained: nothing that is frozen is."""

    def __init__(self, flow: Flow, parts: KeyedParts) -> None:
        self._flow = flow
        self._parts = parts

    def among(self, classes: Collection[Class]) -> set[Class]:
        """Those of the classes whose parameters go to an optimizer, and are never frozen."""
        trained: set[Class] = set()
        frozen: set[Class] = set()
        for function, calls in self._flow.calls_in.items():
            for statement, call in calls:
                if call_name(call) not in _GIVES and call_name(call) != "requires_grad_":
                    continue
                if not isinstance(call.func, ast.Attribute):
                    continue
                found = self._classes(function, call.func.value).intersection(classes)
                if not found:
                    continue
                if _freezes(statement, call):
                    frozen |= found
                elif self._is_trained(statement, call):
                    trained |= found
        return trained - frozen

    def _classes(self, function: Function, expr: ast.expr) -> set[Class]:
        values = self._parts.values(function, expr)
        return {value.class_ for value in values if isinstance(value, Instance)}

    def _is_trained(self, statement: ast.stmt, call: ast.Call) -> bool:
        """Whether the parameters go to an optimizer, or into a list that may be for one."""
        match statement:
            case (
                ast.Assign(value=value)
                | ast.AugAssign(value=value)
                | ast.Return(value=ast.expr() as value)
            ):
                return self._goes_on(value, call)
            case ast.Expr(value=ast.Call() as value):
                return self._goes_on(value, call)
            case _:
                return False

    def _goes_on(self, expr: ast.AST, call: ast.Call) -> bool:
        if expr is call:
            return True
        if isinstance(expr, ast.Call) and not self._takes(expr):
            return False
        return any(call in walk(one) and self._goes_on(one, call) for one in children(expr))

    def _takes(self, call: ast.Call) -> bool:
        name = call_name(call)
        if name in _HANDS_ON or name in _ADDS:
            return True
        return optimizer_call(self._flow, call) is not None or may_take_parameters(self._flow, call)


def _freezes(statement: ast.stmt, call: ast.Call) -> bool:
    """``for p in net.parameters(): p.requires_grad = False``, ``net.requires_grad_(False)``"""
    if call_name(call) == "requires_grad_":
        return bool(call.args) and not _is_true(call.args[0])
    if not isinstance(statement, ast.For) or call not in walk(statement.iter):
        return False
    return any(
        isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Attribute) and t.attr == "requires_grad" for t in node.targets)
        and not _is_true(node.value)
        for one in statement.body
        for node in walk(one)
    )


def _is_true(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Constant) and expr.value is True
