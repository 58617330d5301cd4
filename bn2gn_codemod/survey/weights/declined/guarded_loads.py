"""Loads that pass by what has a part: ``if net.backbone is not None: ... else: net.load(...)``.

A script for many models loads the backbone of those that have one, and the others as a whole.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.certain_modules import CertainModules
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.known.module_classes import ModuleClasses
from bn2gn_codemod.survey.syntax.nodes import bound_names, flat, walk
from bn2gn_codemod.survey.values import Class


class GuardedLoads:
    """Tells the classes whose objects never come to a load."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._certain = CertainModules(flow, ModuleClasses())
        self._set_elsewhere: dict[str, bool] = {}

    def pass_by(self, call: LoadCall, cls: Class) -> bool:
        """Whether the load is only for what has no part that objects of the class always have."""
        return any(self._always_has(cls, name) for name in _missing_at(call))

    def _always_has(self, cls: Class, name: str) -> bool:
        is_class_variable = any(
            name in bound_names(statement)
            for one in cls.ancestors()
            for statement in flat(one.node.body)
        )
        if is_class_variable or self._is_set_elsewhere(name):
            return False
        return self._certain.is_never_none(cls, name)

    def _is_set_elsewhere(self, name: str) -> bool:
        """Whether any code sets such an attribute of an object that is not ``self``."""
        known = self._set_elsewhere.get(name)
        if known is None:
            known = self._set_elsewhere[name] = any(
                _sets(node, name)
                for module in self._flow.modules
                if name.encode() in module.source.data
                for node in walk(module.tree)
            )
        return known


def _sets(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Attribute(attr=attribute, ctx=ast.Store() | ast.Del()) if attribute == name:
            return not (isinstance(node.value, ast.Name) and node.value.id == "self")
        case ast.Call(args=[_, ast.Constant(value=text), *_]) if text == name:
            return isinstance(node.func, ast.Name) and node.func.id in ("setattr", "delattr")
        case _:
            return False


def _missing_at(call: LoadCall) -> Iterator[str]:
    """The attributes that the receiver of a load is known not to have where the load runs."""
    match call.spot.node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=receiver))) as load:
            pass
        case _:
            return
    for node in walk(call.spot.function.node):
        match node:
            case ast.If(
                test=ast.Compare(
                    left=ast.Attribute(value=ast.Name(id=asked), attr=name),
                    ops=[test],
                    comparators=[ast.Constant(value=None)],
                )
            ) if asked == receiver:
                is_missing = {ast.Is: node.body, ast.IsNot: node.orelse}
                branch = is_missing.get(type(test), [])
            case _:
                continue
        inside = [inner for statement in branch for inner in walk(statement)]
        if load in inside and not any(_changes(inner, receiver) for inner in inside):
            yield name


def _changes(node: ast.AST, variable: str) -> bool:
    return isinstance(node, ast.Name) and node.id == variable and isinstance(node.ctx, ast.Store)
