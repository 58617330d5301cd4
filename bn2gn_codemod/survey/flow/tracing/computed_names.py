"""Attributes and variables whose names are computed: ``setattr``, ``globals()[name]``, ``eval``."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import call_name, dotted, text_pattern
from bn2gn_codemod.survey.values import Entries, Lost, Spot, Text, UseContext, Value

_IDENTIFIER = re.compile(r"[A-Za-z_*][\w.*]{0,60}$")


def text_node(flow: Flow, pattern: str) -> Node | None:
    """The node of a string, if it could be a name."""
    if not _IDENTIFIER.match(pattern):
        return None
    node = flow.node()
    flow.add(node, flow.once(("text", pattern), lambda: Text(pattern)))
    return node


def store_named(tracer: Tracer, base: Node, name: ast.expr, value: Node) -> None:
    """``setattr(base, name, value)``"""
    flow = tracer.flow
    pattern = text_pattern(_said_above(tracer, name) or name)
    if pattern is not None:
        flow.attribute_stores.add(base, pattern, value)
        return
    named = tracer.evaluate(name)
    flow.attribute_stores.add(base, "*", value)
    if named is not None:
        _store_by_text(flow, base, named, value)


def _said_above(tracer: Tracer, name: ast.expr) -> ast.Constant | None:
    """``"features"`` of ``self.name = "features"`` right above ``self.add_module(self.name, ...)``.

    Between the two nothing gives the attribute another value.
    """
    node = tracer.function.node
    if not isinstance(name, ast.Attribute) or not isinstance(node, ast.FunctionDef):
        return None
    for above, statement in pairwise(node.body):
        match above:
            case ast.Assign(targets=[target], value=ast.Constant(value=str()) as said) if (
                statement is tracer.statement and dotted(target) == dotted(name)
            ):
                return said if dotted(name) is not None else None
            case _:
                pass
    return None


def spread(flow: Flow, base: Node, value: Node) -> None:
    """``base.__dict__.update(value)``"""

    def on_value(held: Value) -> None:
        if isinstance(held, Entries):
            _store_entries(flow, base, held)

    flow.watch(value, on_value)


def is_namespace(expr: ast.expr) -> bool:
    """Whether it is a mapping of names: ``globals()``, ``vars(models)``, ``models.__dict__``."""
    if isinstance(expr, ast.Call):
        return call_name(expr) in ("globals", "vars")
    return isinstance(expr, ast.Attribute) and expr.attr == "__dict__"


def read_named(
    tracer: Tracer, base: Node, key: ast.expr, expr: ast.expr, context: UseContext
) -> Node:
    """What a mapping of names holds under ``key``: ``globals()[key]``, ``getattr(base, key)``."""
    result = _named_result(tracer.flow, tracer.spot(expr), context)
    if text_pattern(key) is None:
        tracer.evaluate(key)
    _read_key(tracer.flow, base, key, result)
    return result


def look_up(flow: Flow, base: Node, lookup: ast.Call, spot: Spot) -> Node:
    """What ``getattr(module, name)``, which was read, gives of this very module."""
    result = _named_result(flow, spot, "callee")
    _read_key(flow, base, lookup.args[1], result)
    return result


def _read_key(flow: Flow, base: Node, key: ast.expr, result: Node) -> None:
    pattern = text_pattern(key)
    if pattern is not None:
        flow.attribute_reads.add(base, pattern, result, from_pattern=True)
        return
    named = flow.expressions.get(key)
    if named is None:
        flow.attribute_reads.add(base, "*", result, from_pattern=True)
        return
    seen: set[str] = set()

    def on_name(held: Value) -> None:
        name = "*" if isinstance(held, Lost) else getattr(held, "pattern", None)
        if name is not None and name not in seen:
            seen.add(name)
            flow.attribute_reads.add(base, name, result, from_pattern=True)

    flow.watch(named, on_name)
    flow.unnamed.append((named, base, result))


def read_text(tracer: Tracer, text: ast.expr, expr: ast.expr, context: UseContext) -> Node:
    """``eval('models.' + name + '.get_net')``: what the pattern may name."""
    flow = tracer.flow
    node = flow.node()
    flow.add(node, flow.namespace_value(tracer.function.module))
    pattern = text_pattern(text)
    if pattern is None:
        return read_named(tracer, node, text, expr, context)
    first, *rest = pattern.partition("(")[0].split(".")
    local = flow.lookup(tracer.function, first)
    if local is not None:  # it may be the function's own: an import there
        node = local
    else:
        rest = [first, *rest]
    for part in rest:
        inner = _named_result(flow, tracer.spot(expr), context)
        flow.attribute_reads.add(node, part, inner, from_pattern=False)
        node = inner
    return node


def _named_result(flow: Flow, spot: Spot, context: UseContext) -> Node:
    """A node for what a computed name stands for; a norm class is named there."""
    node = flow.node()
    flow.loads[node] = (spot, context, True)
    return node


def _store_by_text(flow: Flow, base: Node, named: Node, value: Node) -> None:
    def on_name(held: Value) -> None:
        if isinstance(held, Text):
            flow.attribute_stores.add(base, held.pattern, value)
        elif isinstance(held, Lost):
            flow.hand_to_lost([value])
        elif isinstance(held, Entries):
            # for key, value in entries.items(): setattr(self, key, value)
            _store_entries(flow, base, held)

    flow.watch(named, on_name)


def _store_entries(flow: Flow, base: Node, entries: Entries) -> None:
    for key, value in entries.nodes:
        flow.attribute_stores.add(base, key, value)
