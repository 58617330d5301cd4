"""Names that are taken out of strings: ``eval(name.split("_x")[0])``, ``parts[-1]`` of a path."""

from __future__ import annotations

import ast
import functools
from typing import NamedTuple

from bn2gn_codemod.survey.flow.tracing.computed_names import text_node
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.tracing.written_paths import is_written_out
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.statements.newest_value import newest_value
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Function, Lost, Text, Value


def taken_text(tracer: Tracer, expr: ast.Subscript) -> Node | None:
    """The node of the strings that an element may be; ``None``: it is of no list of strings."""
    match expr:
        case ast.Subscript(value=ast.List(elts=[_, *_] as texts)) if all(map(_is_text, texts)):
            return _one_of(tracer, texts)
        case ast.Subscript(value=pieces):
            cut, place = split_text(tracer.function, pieces), _place(expr.slice)
            if cut is None or place is None:
                return None
            whole = tracer.evaluate(cut.text)
            if whole is None:
                return None
            piece = _piece(tracer, whole, cut.separator, place)
            if isinstance(pieces, ast.Name) or place < 0:
                _open_if_not_said(tracer, cut.text, piece)
            return piece


class SplitText(NamedTuple):
    """``text.split(separator)``"""

    text: ast.expr
    separator: str


def split_text(function: Function, pieces: ast.expr) -> SplitText | None:
    """What is cut there, at once or before: ``parts = name.split(".")``."""
    if isinstance(pieces, ast.Name):
        if pieces.id in _used_otherwise(function):
            return None
        made = newest_value(function.node, pieces, pieces)
        return None if made is None else split_text(function, made)
    match pieces:
        case ast.Call(
            func=ast.Attribute(value=text, attr="split"),
            args=[ast.Constant(value=str(separator))],
            keywords=[],
        ) if separator:
            return SplitText(text, separator)
        case _:
            return None


@functools.cache  # asked for each element that the function takes out of anything
def _used_otherwise(function: Function) -> frozenset[str]:
    """The variables that are more than looked into: ``parts[-1]``, ``len(parts)``."""
    read: set[ast.Name] = set()
    for node in walk(function.node):
        match node:
            case ast.Subscript(value=ast.Name() as used, ctx=ast.Load()):
                read.add(used)
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name() as used]):
                read.add(used)
            case _:
                pass
    all_used = (node for node in walk(function.node) if isinstance(node, ast.Name))
    return frozenset(
        node.id for node in all_used if node not in read and isinstance(node.ctx, ast.Load)
    )


def _open_if_not_said(tracer: Tracer, path: ast.expr, piece: Node) -> None:
    """A piece of what may be any path may be any name."""
    flow, function = tracer.flow, tracer.function

    def give_any() -> None:
        named = None if is_written_out(flow, function, path) else text_node(flow, "*")
        if named is not None:
            flow.edge(named, piece)

    flow.unplaced.append((flow.node(), give_any))


def _place(index: ast.expr) -> int | None:
    match index:
        case ast.Constant(value=int(place)):
            return place
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(place))):
            return -place
        case _:
            return None


def _one_of(tracer: Tracer, texts: list[ast.expr]) -> Node | None:
    """``["Block", "Aspp"][0]``: whoever sets the number may take another one."""
    result = tracer.flow.node()
    found = [node for text in texts if (node := tracer.evaluate(text)) is not None]
    for node in found:
        tracer.flow.edge(node, result)
    return result if found else None


def _piece(tracer: Tracer, whole: Node, separator: str, place: int) -> Node:
    flow = tracer.flow
    result = flow.node()

    def on_text(held: Value) -> None:
        if isinstance(held, Lost):
            flow.add(result, held)
        if not isinstance(held, Text):
            return
        pieces = held.pattern.split(separator)
        is_told = "*" not in held.pattern and -len(pieces) <= place < len(pieces)
        # ``pose.get_*``: what is computed at the end of a name has no more dots in it.
        is_told = is_told or (place == -1 and "*" not in "".join(pieces[:-1]) != "")
        piece = text_node(flow, pieces[place] if is_told else "*")
        if piece is not None:
            flow.edge(piece, result)

    flow.watch(whole, on_text)
    return result


def _is_text(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Constant) and isinstance(expr.value, str)
