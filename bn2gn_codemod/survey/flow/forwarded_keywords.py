"""``**kwargs`` that a call forwards: whether anybody hands over a keyword in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import ClassValue, Function, Instance

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class ForwardedKeywords:
    """Follows what functions forward to whoever calls them."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._call_sites = CallSites(flow)

    def is_left_out(self, function: Function, call: ast.Call, name: str) -> bool:
        """Whether a call in a function certainly hands nothing over by that name."""
        return self._is_left_out(function, call, name, set())

    def _is_left_out(
        self, function: Function, call: ast.Call, name: str, seen: set[Function]
    ) -> bool:
        return all(
            keyword.arg != name
            and (keyword.arg is not None or self._is_without(function, keyword.value, name, seen))
            for keyword in call.keywords
        )

    def _is_without(
        self, function: Function, value: ast.expr, name: str, seen: set[Function]
    ) -> bool:
        """Whether ``**value`` holds no such keyword."""
        match value:
            case ast.Dict(keys=keys):
                return all(isinstance(key, ast.Constant) and key.value != name for key in keys)
            case ast.Name() if _only_forwards(function, value.id):
                return self._is_never_given(function, name, seen)
            case _:
                return False

    def _is_never_given(self, function: Function, name: str, seen: set[Function]) -> bool:
        """Whether every caller is seen, and none of them hands it over."""
        if function in seen:
            return True
        seen.add(function)
        if name in self._flow.extras.get(function, {}):
            return False
        callers = list(self._callers(function))
        return bool(callers) and all(
            caller is not None and self._is_left_out(caller[0], caller[1], name, seen)
            for caller in callers
        )

    def _callers(self, function: Function) -> Iterator[tuple[Function, ast.Call] | None]:
        """The calls of a function, and the functions they stand in; ``None``: what is not seen."""
        cls, node = function.class_, function.node
        if not isinstance(node, _DEFINITIONS) or node.decorator_list:
            yield None
        elif cls is None:
            yield from self._call_sites.of(function)
        elif node.name != "__init__" or len(cls.descendants()) > 1 or cls.node.decorator_list:
            yield None  # it may be called by another name, or by the constructor of a subclass
        else:
            yield from map(self._call_that_made, self._flow.instances.get(cls, ()))

    def _call_that_made(self, made: Instance) -> tuple[Function, ast.Call] | None:
        call = made.spot.node if made.spot is not None else None
        if made.spot is None or made.weak or not isinstance(call, ast.Call):
            return None
        is_called = any(isinstance(held, ClassValue) for held in self._flow.value_of(call.func))
        return (made.spot.function, call) if is_called else None


def _only_forwards(function: Function, name: str) -> bool:
    """Whether a name is ``**kwargs`` of a function that only hands it on, as it is."""
    node = function.node
    if not isinstance(node, _DEFINITIONS) or node.args.kwarg is None or node.args.kwarg.arg != name:
        return False
    inside = walk(node)
    forwarded = [one.value for one in inside if isinstance(one, ast.keyword) and one.arg is None]
    named = [one for one in inside if isinstance(one, ast.Name) and one.id == name]
    return all(one in forwarded for one in named)
