"""What an entry of a table of the repository gives: ``table[name]["make"]``, ``.get("make")``."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import walk


def give_entry(tracer: Tracer, expr: ast.Subscript, result: Node) -> bool:
    """Tell ``result`` what stands in a table under a key; whether that is certain to be all."""
    flow = tracer.flow
    found = flow.tables.entry(tracer.function, expr)
    if found is None:
        return False
    values, table = found
    home = tracer if table.home is None else type(tracer)(flow, flow.top_level[table.home.path])
    if any(_comes_later(tracer, value) for value in values):
        return False
    for value in values:
        node = home.evaluate(value)
        if node is not None:
            flow.edge(node, result)
    return True


def give_handed_entry(tracer: Tracer, expr: ast.Subscript, result: Node) -> list[ast.Dict]:
    """``parts["backbone"]`` of a parameter that is handed dicts, as ``give_entry``.

    Gives the dicts: what comes to the parameter in another way, as by a class that is looked up
    by a name, may be under any key.
    """
    flow = tracer.flow
    match expr:
        case ast.Subscript(
            value=ast.Name(id=name), slice=ast.Constant(value=str(key)), ctx=ast.Load()
        ) if name in tracer.function.parameters:
            found = flow.handed_tables.of(tracer.function, name) or []
        case _:
            return []
    given = [(one.caller, one.entries[key]) for one in found if key in one.entries]
    if any(_comes_later(tracer, value) for _, value in given):
        return []
    for caller, value in given:
        node = type(tracer)(flow, caller).evaluate(value)
        if node is not None:
            flow.edge(node, result)
    return [one.made for one in found]


def give_entry_or_default(
    tracer: Tracer, func: ast.Attribute, expr: ast.Call, result: Node
) -> bool:
    """``table[name].get("make", default)``, as ``give_entry``."""
    match expr:
        case ast.Call(args=[ast.Constant(value=str()) as key, *defaults], keywords=[]):
            asked = ast.Subscript(func.value, key, ast.Load())
        case _:
            return False
    if not give_entry(tracer, asked, result):
        return False
    tracer.evaluate(func.value)
    for default in defaults:
        node = tracer.evaluate(default)
        if node is not None:
            tracer.flow.edge(node, result)
    return True


def _comes_later(tracer: Tracer, value: ast.expr) -> bool:
    """Whether a call there is still to be read, with the statement that it stands in."""
    is_read = value in tracer.flow.expressions
    return not is_read and any(isinstance(part, ast.Call) for part in walk(value))
