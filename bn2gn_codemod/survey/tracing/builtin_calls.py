"""Calls of Python's builtins, as far as they look names up or hand their arguments on."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.tracing.arguments import arguments_of
from bn2gn_codemod.survey.tracing.computed_names import read_named, read_text, store_named
from bn2gn_codemod.survey.tracing.external_calls import is_opaque
from bn2gn_codemod.survey.tracing.tracer import Tracer
from bn2gn_codemod.survey.tracing.weight_loads import begins_report_of_load
from bn2gn_codemod.survey.value_graph import Node
from bn2gn_codemod.survey.values import UseContext


def call_builtin(
    tracer: Tracer, name: str, expr: ast.Call, result: Node, context: UseContext
) -> Node | None:
    """The node of what the call gives."""
    flow = tracer.flow
    arguments = expr.args
    if name == "print" and begins_report_of_load(arguments):
        tracer.loosened.update(arguments)
    if name == "getattr" and len(arguments) >= 2:
        base = tracer.evaluate(arguments[0])
        return read_named(tracer, base, arguments[1], expr, context) if base is not None else None
    if name == "setattr" and len(arguments) == 3:
        base, value = tracer.evaluate(arguments[0]), tracer.evaluate(arguments[2])
        if base is not None and value is not None:
            store_named(tracer, base, arguments[1], value)
        return None
    if name in ("globals", "locals") or (name == "vars" and not arguments):
        flow.add(result, flow.namespace_value(tracer.function.module))
        return result
    if name == "vars":
        base = tracer.evaluate(arguments[0])
        if base is not None:
            flow.attribute(base, "__dict__", result)
        return result
    if name == "eval" and arguments:
        return read_text(tracer, arguments[0], expr, context)
    if name == "super":
        return None
    if name in ("isinstance", "issubclass"):
        for argument in arguments:
            tracer.evaluate(argument, "other")
        return None
    handed = arguments_of(tracer, expr)
    if is_opaque(f"builtins.{name}"):
        return None
    for _, node in handed:
        flow.edge(node, result)
    return result
