"""Calls of Python's builtins, as far as they look names up or hand their arguments on."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.tracing.arguments import arguments_of
from bn2gn_codemod.survey.flow.tracing.computed_names import read_named, read_text, store_named
from bn2gn_codemod.survey.flow.tracing.containers import CONTAINERS
from bn2gn_codemod.survey.flow.tracing.external_calls import is_opaque
from bn2gn_codemod.survey.flow.tracing.kept_classes import (
    is_member_of_class,
    keep_asked,
    keep_handed_to_builtin,
)
from bn2gn_codemod.survey.flow.tracing.put_back import without_children
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.tracing.weight_loads import (
    TENSORS,
    begins_report_of_load,
    set_of_layer,
    weights_into,
)
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import call_name, text_pattern
from bn2gn_codemod.survey.values import Entries, UseContext

_CALL = re.compile(r"[\w.*]+\([^()]*\)")
_PLAIN = frozenset({"str", "int", "float", "bool", "bytes", "dict", "list", "tuple", "set"})


def _are_plain(classes: ast.expr) -> bool:
    """``isinstance(norm, str)`` says the same of a class and of a function."""
    parts = classes.elts if isinstance(classes, ast.Tuple) else [classes]
    return all(isinstance(part, ast.Name) and part.id in _PLAIN for part in parts)


def call_builtin(
    tracer: Tracer, name: str, expr: ast.Call, result: Node, context: UseContext
) -> Node | None:
    """The node of what the call gives."""
    flow = tracer.flow
    arguments = expr.args
    if name == "print" and begins_report_of_load(arguments):
        tracer.loosened.update(arguments)
    if name == "getattr" and len(arguments) >= 2:
        asked = text_pattern(arguments[1])
        is_of_class = asked is not None and is_member_of_class(asked)
        base = tracer.evaluate(arguments[0], "other" if is_of_class else "plain")
        default = _default(tracer, arguments)
        if base is None:
            return default
        found = read_named(tracer, base, arguments[1], expr, context)
        if default is not None:
            flow.edge(default, found)
        return found
    if name == "setattr" and len(arguments) == 3:
        base, value = tracer.evaluate(arguments[0]), tracer.evaluate(arguments[2])
        if base is not None and value is not None:
            owner, key, given = arguments
            store_named(tracer, base, key, without_children(tracer, owner, key, given, value))
        name_set = text_pattern(arguments[1])
        if name_set in TENSORS and base is not None and value is not None:
            weights_into(tracer, arguments[0], [value], expr, arguments[2])
        elif name_set in (None, "*") and base is not None:
            set_of_layer(tracer, arguments[0], arguments[2], expr)
        return None
    if name in ("globals", "locals") or (name == "vars" and not arguments):
        flow.add(result, flow.namespace_value(tracer.function.module))
        return result
    if name == "vars":
        base = tracer.evaluate(arguments[0], "other")
        if base is not None:
            flow.attribute_reads.add(base, "__dict__", result)
        return result
    if name == "eval" and arguments:
        return read_text(tracer, arguments[0], expr, context)
    if name == "super":
        return None
    if name in ("isinstance", "issubclass"):
        is_harmless = name == "isinstance" and len(arguments) == 2 and _are_plain(arguments[1])
        if not is_harmless:
            keep_asked(tracer, name, arguments)
        for argument in arguments:
            tracer.evaluate(argument, "test")
        return None
    if name == "type" and len(arguments) == 3:  # type("Norm", (nn.BatchNorm2d,), {})
        tracer.evaluate(arguments[1], "argument")
    elif name == "map" and arguments:
        tracer.evaluate(arguments[0], "argument")
    keep_handed_to_builtin(tracer, expr)
    handed = arguments_of(tracer, expr)
    if is_opaque(f"builtins.{name}"):
        return None
    is_container = name in CONTAINERS
    if is_container:
        flow.containers.make(result)
    for _, node in handed:
        if is_container:
            flow.containers.hold(node, result)
        else:
            flow.containers.take(node, result)
        flow.edge(node, result)
    entries = tuple((key, node) for key, node in handed if isinstance(key, str))
    if name == "dict" and entries:
        flow.add(result, Entries(entries))
    return result


def calls_in_text(expr: ast.Call) -> bool:
    """Whether a call is one of what its text names: ``eval(f"models.resnet{depth}(True)")``."""
    pattern = text_pattern(expr.args[0]) if call_name(expr) == "eval" and expr.args else None
    return pattern is not None and _CALL.fullmatch(pattern.strip()) is not None


def _default(tracer: Tracer, arguments: list[ast.expr]) -> Node | None:
    """The third argument of ``getattr``, unless it is the class of what is there already."""
    if len(arguments) < 3:
        return None
    node = tracer.evaluate(arguments[2])
    match arguments[2]:
        case ast.Attribute(attr="__class__"):
            return None
        case _:
            return node
