"""Code that never runs: ``if batch_norm:``, where no call gives ``batch_norm`` anything."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.syntax.nodes import FunctionNode, is_off, unpacks, walk
from bn2gn_codemod.survey.values import Function, FunctionValue, Spot


class _Branch(NamedTuple):
    """Code that runs only where a name is true."""

    name: str
    nodes: frozenset[ast.AST]


class UnusedBranches:
    """Finds what stands under a parameter that is always off.

    Only functions that all calls are seen of count: no methods, which classes
    of elsewhere may override, and nothing that is handed on or decorated.
    """

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._call_sites = CallSites(flow)
        self._off: dict[tuple[Function, str], bool] = {}
        self._branches: dict[FunctionNode, list[_Branch]] = {}

    def holds(self, spot: Spot) -> bool:
        """Whether the code at a place never runs, as far as the repository goes."""
        node = spot.function.node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        if node not in self._branches:
            self._branches[node] = list(_branches_in(node))
        return any(
            spot.node in branch.nodes and self._is_off(spot.function, branch.name)
            for branch in self._branches[node]
        )

    def _is_off(self, function: Function, parameter: str) -> bool:
        key = (function, parameter)
        if key not in self._off:
            self._off[key] = False  # what calls itself does not speak for itself
            self._off[key] = self._is_never_given(function, parameter)
        return self._off[key]

    def _is_never_given(self, function: Function, parameter: str) -> bool:
        node = function.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        default = _default(node, parameter)
        if default is None or not is_off(default) or _is_set(node, parameter):
            return False
        if function.class_ is not None or node.decorator_list or function in self.handed_on:
            return False
        if any(node.name in file.text for file in self._flow.unread):
            return False  # a call of it may stand there
        calls = self._call_sites.of(function)
        return bool(calls) and not any(
            self._gives(caller, call, node, parameter) for caller, call in calls
        )

    def _gives(self, caller: Function, call: ast.Call, node: FunctionNode, parameter: str) -> bool:
        """Whether a call may give the parameter anything but what it is off with."""
        if unpacks(call):
            return True
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        given = [keyword.value for keyword in call.keywords if keyword.arg == parameter]
        if parameter in names:
            position = names.index(parameter)
            given += call.args[position : position + 1]
        return any(not is_off(value) and not self._hands_on(caller, value) for value in given)

    def _hands_on(self, caller: Function, value: ast.expr) -> bool:
        """Whether a call gives a parameter of its own function, which is off as well."""
        node = caller.node
        return (
            isinstance(value, ast.Name)
            and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and value.id in caller.parameters
            and self._is_off(caller, value.id)
        )

    @functools.cached_property
    def handed_on(self) -> frozenset[Function]:
        """Functions that stand somewhere else than where they are called."""
        called = {call.func for calls in self._flow.calls_in.values() for _, call in calls}
        return frozenset(
            value.function
            for expr in self._flow.expressions
            if expr not in called and isinstance(expr, (ast.Name, ast.Attribute))
            for value in self._flow.value_of(expr)
            if isinstance(value, FunctionValue)
        )


def _branches_in(function: FunctionNode) -> Iterator[_Branch]:
    """The code of a function for which a name has to be true."""
    for node in walk(function):
        match node:
            case ast.If(test=ast.Name(id=name), body=body):
                branch: list[ast.stmt] | list[ast.expr] = body
            case ast.IfExp(test=ast.Name(id=name), body=value):
                branch = [value]
            case _:
                continue
        yield _Branch(name, frozenset(inner for part in branch for inner in walk(part)))


def _default(function: FunctionNode, parameter: str) -> ast.expr | None:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(positional), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return next((default for argument, default in pairs if argument.arg == parameter), None)


def _is_set(function: FunctionNode, name: str) -> bool:
    """Whether the function, or one in it, gives the parameter another value."""
    return any(
        (isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load))
        or (isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names)
        for node in walk(function)
    )
