"""Calls of functions that stand in no function which is followed, or are made by other packages.

``make = lambda: Net(pretrained=True)``, ``partial(Net, pretrained=True)``, ``map(Net, names)``
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import called_function
from bn2gn_codemod.survey.syntax.nodes import call_name, given_arguments, walk
from bn2gn_codemod.survey.values import Function

# What is handed a function or a class and calls none, or whose calls are followed.
# fmt: off
_ASKS = frozenset({
    "apply", "callable", "dir", "getattr", "hasattr", "help", "id", "isinstance", "issubclass",
    "len", "print", "repr", "setattr", "str", "super", "type", "vars",
})
# fmt: on
_MORE = ast.Name(id="_", ctx=ast.Load())


class HiddenCalls:
    """Finds them in all of the code."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def of(self, function: Function) -> list[ast.Call]:
        """The calls, those of other packages as far as is known what they hand over."""
        return self._found.get(function, [])

    @functools.cached_property
    def _found(self) -> dict[Function, list[ast.Call]]:
        known = {call for calls in self._flow.calls_in.values() for _, call in calls}
        found: dict[Function, list[ast.Call]] = {}
        for module in self._flow.modules:
            for node in walk(module.tree):
                if isinstance(node, ast.Call):
                    calls = [] if node in known else [node]
                    for call in (*calls, *self._made_elsewhere(node)):
                        for function in dict.fromkeys(self._called(call.func)):
                            found.setdefault(function, []).append(call)
        return found

    def _made_elsewhere(self, call: ast.Call) -> Iterator[ast.Call]:
        """Calls of what a function that is not here gets: ``partial`` tells what it hands over."""
        if call_name(call) in _ASKS or any(map(called_function, self._flow.value_of(call.func))):
            return
        for one in given_arguments(call):
            if isinstance(one, ast.Call):
                continue  # ``partial(...)``, which is one itself
            bound, named = list[ast.expr](), list[ast.keyword]()
            if call_name(call) == "partial" and one is call.args[0]:
                bound, named = call.args[1:], call.keywords
            more = ast.Starred(value=_MORE, ctx=ast.Load())
            named = [*named, ast.keyword(arg=None, value=_MORE)]
            made = ast.Call(func=one, args=[*bound, more], keywords=named)
            yield ast.copy_location(made, call)

    def _called(self, func: ast.expr) -> Iterator[Function]:
        for value in self._flow.value_of(func):
            function = called_function(value)
            if function is not None:
                yield function
