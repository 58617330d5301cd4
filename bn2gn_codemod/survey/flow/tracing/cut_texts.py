"""Names that are taken out of strings which are written out: ``eval(name.split("_x")[0])``."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.tracing.computed_names import text_node
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.values import Lost, Text, Value


def taken_text(tracer: Tracer, expr: ast.Subscript) -> Node | None:
    """The node of the strings that an element may be; ``None``: it is of no list of strings."""
    match expr:
        case ast.Subscript(value=ast.List(elts=[_, *_] as texts)) if all(map(_is_text, texts)):
            return _one_of(tracer, texts)
        case ast.Subscript(
            value=ast.Call(
                func=ast.Attribute(value=text, attr="split"),
                args=[ast.Constant(value=str(separator))],
                keywords=[],
            ),
            slice=ast.Constant(value=int(place)),
        ) if separator:
            whole = tracer.evaluate(text)
            return None if whole is None else _piece(tracer, whole, separator, place)
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
        is_told = "*" not in held.pattern and place < len(pieces)
        piece = text_node(flow, pieces[place] if is_told else "*")
        if piece is not None:
            flow.edge(piece, result)

    flow.watch(whole, on_text)
    return result


def _is_text(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Constant) and isinstance(expr.value, str)
