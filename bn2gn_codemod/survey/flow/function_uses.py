"""All that code does with a function, as far as it may be this one: whether it is only called.

A function that is handed on may be called by whoever gets it: ``partial(load, strict=True)``.
"""

from __future__ import annotations

import ast
import functools
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.syntax.nodes import call_name, dotted, walk
from bn2gn_codemod.survey.values import (
    ClassValue,
    Function,
    FunctionValue,
    Instance,
    ModuleValue,
)

# Decorators that leave the parameters of a function as they are.
_PLAIN = frozenset({"staticmethod", "classmethod", "no_grad", "inference_mode"})


class Use(NamedTuple):
    """A call that is, or may be, one of a function.

    One that was not followed has no ``caller``, and may be bound or not: it is there twice.
    """

    caller: Function | None
    call: ast.Call
    is_bound: bool  # the object comes before what the call gives


class _Named(NamedTuple):
    path: str
    expr: ast.Name | ast.Attribute
    call: ast.Call | None  # that calls it


class FunctionUses:
    """What all of the code does with functions."""

    def __init__(self, flow: Flow, sites: CallSites) -> None:
        self._flow = flow
        self._sites = sites

    def calls_of(self, function: Function) -> list[Use] | None:
        """All calls that may be of a function; ``None`` if it is used for more, or not called."""
        if not self._sites.of(function) or _is_wrapped(function):
            return None
        found: list[Use] = []
        for caller, call in self._sites.of(function):
            kinds = {
                value.bound
                for value in self._flow.value_of(call.func)
                if isinstance(value, FunctionValue) and value.function is function
            }
            if len(kinds) > 1:
                return None
            found.append(Use(caller, call, kinds.pop() if kinds else True))
        known = {use.call for use in found}
        for one in self._by_function.get(function, ()):
            if one.call not in known:
                return None
        for one in self._unknown.get(function.name.rpartition(".")[2], ()):
            if one.call is None and self._may_be(one, function):
                return None
            if one.call is not None and one.call not in known and self._may_be(one, function):
                found += [Use(None, one.call, True), Use(None, one.call, False)]
        return found

    def _may_be(self, one: _Named, function: Function) -> bool:
        """Whether an expression of which nothing is known may stand for a function."""
        if isinstance(one.expr, ast.Name):
            return one.path == function.module.path
        held = list(self._flow.value_of(one.expr.value))
        if function.class_ is None:  # ``net.load_state_dict(...)`` is none of a module's functions
            return any(isinstance(value, ModuleValue) for value in held)
        inside = (Instance, ClassValue, ModuleValue)
        return not held or any(isinstance(value, inside) for value in held)

    @functools.cached_property
    def _all(self) -> tuple[dict[Function, list[_Named]], dict[str, list[_Named]]]:
        known: dict[Function, list[_Named]] = {}
        unknown: dict[str, list[_Named]] = {}
        for module in self._flow.modules:
            nodes = walk(module.tree)
            called = {node.func: node for node in nodes if isinstance(node, ast.Call)}
            for node in nodes:
                if not isinstance(node, (ast.Name, ast.Attribute)):
                    continue
                if not isinstance(node.ctx, ast.Load):
                    continue
                one = _Named(module.path, node, called.get(node))
                values = list(self._flow.value_of(node))
                for value in values:
                    if isinstance(value, FunctionValue):
                        known.setdefault(value.function, []).append(one)
                if not values:
                    name = node.id if isinstance(node, ast.Name) else node.attr
                    unknown.setdefault(name, []).append(one)
        return known, unknown

    @property
    def _by_function(self) -> dict[Function, list[_Named]]:
        return self._all[0]

    @property
    def _unknown(self) -> dict[str, list[_Named]]:
        return self._all[1]


def _is_wrapped(function: Function) -> bool:
    if not isinstance(function.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return True
    for one in function.node.decorator_list:
        name = call_name(one) if isinstance(one, ast.Call) else dotted(one) or ""
        if name.rpartition(".")[2] not in _PLAIN:
            return True
    return False
