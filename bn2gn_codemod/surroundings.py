"""What stands at a place of a source file: its scope, and the code that begins there."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator

from bn2gn_codemod.plan import Place
from bn2gn_codemod.sources import SourceFile

_SCOPES = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_POSITIONED = (ast.stmt, ast.expr, ast.excepthandler, ast.arg, ast.keyword, ast.alias)


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """The dotted name of the scope around a place, and the code there.

    ``start`` and ``end`` (half open) are indices into the file's text. The code
    is the outermost expression or statement that begins at the place; of one
    with a body, or of what cannot be parsed, the rest of the line.
    """

    scope: str
    start: int
    end: int


def surroundings(source: SourceFile, place: Place) -> Surroundings | None:
    """``None`` where the file has no such line."""
    if not 0 < place.line <= len(source.lines):
        return None
    line = source.lines[place.line - 1]
    try:
        around = list(_around(source.tree, place.line, len(line[: place.column - 1].encode())))
    except SyntaxError:
        around = []
    scope = ".".join(node.name for node in around if isinstance(node, _SCOPES))
    here = source.offset(place.line, place.column)
    for node in around:
        if isinstance(node, (ast.expr, ast.stmt)) and not hasattr(node, "body"):
            start, end = source.span(node)
            if start == here:
                return Surroundings(scope, start, end)
    rest = line[place.column - 1 :].rstrip()
    return Surroundings(scope, here, here + len(rest))


def _around(tree: ast.AST, line: int, offset: int) -> Iterator[ast.AST]:
    """The nodes around a position, outermost first; ``offset`` counts bytes from 0."""
    inner: ast.AST | None = tree
    while inner is not None:
        inner = next((node for node in _positioned(inner) if _covers(node, line, offset)), None)
        if inner is not None:
            yield inner


def _positioned(node: ast.AST) -> Iterator[ast.AST]:
    """The nearest nodes below ``node`` that know where they stand."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _POSITIONED):
            yield child
        else:  # such as the arguments of a function, or a case
            yield from _positioned(child)


def _covers(node: ast.AST, line: int, offset: int) -> bool:
    assert isinstance(node, _POSITIONED)
    first = min(part.lineno for part in (node, *getattr(node, "decorator_list", ())))
    start = (first, node.col_offset) if first == node.lineno else (first, 0)
    return start <= (line, offset) < (node.end_lineno or 0, node.end_col_offset or 0)
