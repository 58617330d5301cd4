"""Models that a dict holds under literal keys: ``self.models["encoder"]``.

The flow of values does not tell the entries of a dict apart; what code stores under a key that
is written out there is what it means where it writes the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Class, Function, Value

_Scope = Class | Function


class KeyedParts:
    """What expressions hold, entries of dicts told by their keys."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._stored: dict[_Scope, dict[str, list[ast.expr]]] = {}

    def values(self, function: Function, expr: ast.expr) -> list[Value]:
        """What an expression in a function may hold."""
        match expr:
            case ast.Subscript(slice=ast.Constant(value=str())):
                stored = self._entries(function).get(ast.unparse(expr), ())
                if stored:
                    return [v for one in stored for v in self._flow.value_of(one)]
            case _:
                pass
        return list(self._flow.value_of(expr))

    def _entries(self, function: Function) -> dict[str, list[ast.expr]]:
        """What is stored under literal keys, in all methods of a class, or in one function."""
        scope = function.enclosing_class or function
        if scope not in self._stored:
            found: dict[str, list[ast.expr]] = {}
            for node in walk(scope.node):
                if isinstance(node, ast.Assign):
                    for target in node.targets:
                        for key, value in _entries(target, node.value):
                            found.setdefault(key, []).append(value)
            self._stored[scope] = found
        return self._stored[scope]


def _entries(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match target, value:
        case ast.Subscript(slice=ast.Constant(value=str())), _:
            yield ast.unparse(target), value
        case (
            (ast.Name() | ast.Attribute()),
            (
                ast.Dict(keys=keys, values=values)
                | ast.Call(args=[ast.Dict(keys=keys, values=values)])  # nn.ModuleDict({...})
            ),
        ):
            for key, held in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield f"{ast.unparse(target)}[{key.value!r}]", held
        case _:
            pass
