"""Parts of a model that a loop over its modules leaves out by their names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.syntax.nodes import walk


class LeftOut(NamedTuple):
    """``if "backbone" not in name:`` in a loop over ``model.named_modules()``"""

    text: str
    model: ast.expr


def left_out_at(scope: ast.AST, node: ast.AST) -> Iterator[LeftOut]:
    """What does not come to the code at ``node``."""
    for loop in walk(scope):
        match loop:
            case ast.For(
                target=ast.Tuple(elts=[ast.Name(id=name), _]),
                iter=ast.Call(
                    func=ast.Attribute(value=model, attr="named_modules" | "named_children")
                ),
            ):
                for text in _texts_around(loop, name, node):
                    yield LeftOut(text, model)
            case _:
                pass


def _texts_around(loop: ast.For, name: str, node: ast.AST) -> Iterator[str]:
    for inner in walk(loop):
        match inner:
            case ast.If(
                test=ast.Compare(
                    left=ast.Constant(value=str(text)),
                    ops=[ast.NotIn()],
                    comparators=[ast.Name(id=asked)],
                ),
                body=body,
            ) if asked == name and any(one is node for part in body for one in walk(part)):
                yield text
            case _:
                pass
