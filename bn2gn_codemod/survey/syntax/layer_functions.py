"""Functions that do nothing but make a layer: ``def norm(c): return nn.BatchNorm2d(c)``.

Their names are handed on and called as those of classes are.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.Module
# What may stand around the call: it neither sees the layer nor leaves anything behind.
_HARMLESS = (ast.Pass, ast.Raise, ast.Import, ast.ImportFrom)


def layer_calls(node: _FunctionNode) -> frozenset[ast.expr]:
    """The calls of which one gives the result, with the first parameter as number of channels.

    Empty where the function does anything beside, or may give anything else.
    """
    if isinstance(node, (ast.Module, ast.AsyncFunctionDef)):
        return frozenset()
    placed = [*node.args.posonlyargs, *node.args.args]
    if not placed:
        return frozenset()
    if isinstance(node, ast.Lambda):
        return frozenset([node.body]) if _takes(node.body, placed[0].arg) else frozenset()
    if node.decorator_list:
        return frozenset()
    try:
        return frozenset(_Body(placed[0].arg, node).calls())
    except _DoesMoreError:
        return frozenset()


class _DoesMoreError(Exception):
    """The function does more than to make one layer."""


class _Body:
    def __init__(self, channels: str, node: ast.FunctionDef) -> None:
        self._channels = channels
        self._node = node
        self._names: set[str] = set()  # that hold the layer
        self._returned: set[ast.AST] = set()

    def calls(self) -> list[ast.expr]:
        found = list(self._in(self._node.body))
        for node in ast.walk(self._node):
            # What is done to the layer on the way would be lost without the function.
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                if node.id in self._names and node not in self._returned:
                    raise _DoesMoreError
            elif isinstance(node, ast.Name) and node.id == self._channels:
                raise _DoesMoreError
        return found

    def _in(self, body: list[ast.stmt]) -> Iterator[ast.expr]:
        for statement in body:
            match statement:
                case ast.Expr(value=ast.Constant()):
                    pass
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    if _takes(value, self._channels):
                        self._names.add(name)
                        yield value
                case ast.If():
                    yield from self._in(statement.body)
                    yield from self._in(statement.orelse)
                case ast.Return(value=ast.Name(id=name) as value) if name in self._names:
                    self._returned.add(value)
                case ast.Return(value=ast.Call() as value) if _takes(value, self._channels):
                    yield value
                case _ if not isinstance(statement, _HARMLESS):
                    raise _DoesMoreError


def _takes(expr: ast.expr, channels: str) -> bool:
    """Whether it is a call that is handed the number of channels first."""
    match expr:
        case ast.Call(args=[ast.Name(id=name), *_]):
            return name == channels
        case ast.Call(args=[], keywords=keywords):
            return any(
                keyword.arg == "num_features"
                and isinstance(keyword.value, ast.Name)
                and keyword.value.id == channels
                for keyword in keywords
            )
        case _:
            return False
