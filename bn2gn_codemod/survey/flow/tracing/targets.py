"""Where an assignment puts its value: names, attributes, entries, and several at once."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.attribute_stores import OF_TENSORS
from bn2gn_codemod.survey.flow.external_members import wraps_model
from bn2gn_codemod.survey.flow.tracing.computed_globals import is_own_namespace
from bn2gn_codemod.survey.flow.tracing.computed_names import store_named
from bn2gn_codemod.survey.flow.tracing.containers import container, put_into
from bn2gn_codemod.survey.flow.tracing.put_back import without_children
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.tracing.weight_loads import TENSORS, weights_into
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import call_name, dotted, walk
from bn2gn_codemod.survey.values import Entries, Text, TupleValue, Value

# Where modules keep their tensors: ``bn._parameters["weight"] = w``.
_TENSOR_DICTS = frozenset({"_parameters", "_buffers"})


def assign(tracer: Tracer, target: ast.expr, value: Node | None, iterate: bool = False) -> None:
    """``target = value``, or ``for target in value`` with ``iterate``."""
    if value is None:
        return
    flow = tracer.flow
    match target:
        case ast.Name():
            if tracer.cls is not None:
                variable: Node | None = flow.slot(tracer.cls, target.id)
            else:
                variable = flow.lookup(tracer.function, target.id)
            if variable is not None:
                if iterate:
                    flow.containers.take(value, variable)
                flow.edge(value, variable)
        case ast.Attribute():
            base = tracer.evaluate(target.value)
            if base is None:
                flow.strays.store(None, target.attr, value)
            else:
                makers = _makers(tracer) if target.attr in OF_TENSORS else ()
                is_wrapped = _wraps_itself(target, _source(tracer))
                flow.attribute_stores.add(
                    base,
                    target.attr,
                    value,
                    is_written=True,
                    makers=makers,
                    is_wrapped=is_wrapped,
                )
            if target.attr in TENSORS:
                weights_into(tracer, target, [value], target, _source(tracer))
        case ast.Subscript():
            value = _put_in_modules(tracer, target, value)
            holder = container(tracer, target.value)
            put_into(tracer, target.value, holder, value)
            key = target.slice.value if isinstance(target.slice, ast.Constant) else None
            if holder is not None and isinstance(key, str):
                flow.add(holder, Entries(((key, value),)))
            _store_in_modules(tracer, target, value)
            if isinstance(target.value, ast.Attribute) and target.value.attr in _TENSOR_DICTS:
                weights_into(tracer, target.value.value, [value], target, _source(tracer))
            if _is_all(target.slice):  # p[:] = state[name]
                weights_into(tracer, target, [value], target, _source(tracer))
        case ast.Starred():
            assign(tracer, target.value, value)
        case ast.Tuple() | ast.List():
            _unpack(tracer, target.elts, value, iterate)


def _is_all(key: ast.expr) -> bool:
    """``[:]`` or ``[...]``"""
    match key:
        case ast.Slice(lower=None, upper=None, step=None):
            return True
        case ast.Constant(value=value):
            return value is ...
        case _:
            return False


def _source(tracer: Tracer) -> ast.expr | None:
    """What the statement that is read now assigns."""
    return tracer.statement.value if isinstance(tracer.statement, ast.Assign) else None


def _wraps_itself(target: ast.Attribute, source: ast.expr | None) -> bool:
    """``net.trunk = nn.DataParallel(net.trunk)``, which adds nothing to what is there."""
    match source:
        case ast.Call(args=[wrapped, *_]) if wraps_model(call_name(source)):
            return dotted(wrapped) is not None and dotted(wrapped) == dotted(target)
        case _:
            return False


def _makers(tracer: Tracer) -> list[ast.expr]:
    """The calls that give what is assigned now, at once or by a variable of the function."""
    source = _source(tracer)
    if not isinstance(source, ast.Name):
        return [] if source is None else [source]
    return [
        statement.value
        for statement in ast.walk(tracer.function.node)
        if isinstance(statement, ast.Assign)
        and any(isinstance(one, ast.Name) and one.id == source.id for one in statement.targets)
    ]


def assign_each(tracer: Tracer, target: ast.expr, iterable: ast.expr) -> None:
    """``for target in iterable``; pairs that ``zip`` makes are taken apart again."""
    value = tracer.evaluate(iterable)
    match target, _written_tuple(tracer, iterable) or iterable:
        case (
            ast.Tuple(elts=targets) | ast.List(elts=targets),
            ast.Call(func=ast.Name(id="zip" | "izip" | "zip_longest"), args=parts),
        ) if len(targets) == len(parts) and not _has_starred([*targets, *parts]):
            for one, part in zip(targets, parts, strict=True):
                assign_each(tracer, one, part)
                if isinstance(one, ast.Name):
                    _assign_elements(tracer, one, tracer.evaluate(part))
        case (
            ast.Tuple(elts=[ast.Name(), one]) | ast.List(elts=[ast.Name(), one]),
            ast.Call(func=ast.Name(id="enumerate"), args=[part, *_]),
        ) if not isinstance(one, ast.Starred):
            assign_each(tracer, one, part)
        case (_, ast.Tuple(elts=parts)) if not _has_starred(parts):
            for part in parts:
                assign(tracer, target, tracer.evaluate(part))
        case _:
            assign(tracer, target, value, iterate=True)


def _written_tuple(tracer: Tracer, iterable: ast.expr) -> ast.Tuple | None:
    """``(net.stem, net.stage)``, which alone is stored in the variable that a loop goes over."""
    if not isinstance(iterable, ast.Name) or iterable.id in tracer.function.parameters:
        return None
    made: list[ast.expr | None] = []
    for one in walk(tracer.function.node):
        match one:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == iterable.id:
                made.append(value)
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if name == iterable.id:
                made.append(None)
            case _:
                pass
    # The assignment, and the name in it.
    match made:
        case [ast.Tuple() as found, None]:
            return found
        case _:
            return None


def _has_starred(parts: list[ast.expr]) -> bool:
    return any(isinstance(part, ast.Starred) for part in parts)


def _assign_elements(tracer: Tracer, target: ast.Name, value: Node | None) -> None:
    """What goes one by one out of a tuple."""
    if value is None:
        return
    flow, element = tracer.flow, tracer.flow.node()

    def on_value(held: Value) -> None:
        if isinstance(held, TupleValue):
            for one in held.elements:
                flow.edge(one, element)

    flow.watch(value, on_value)
    assign(tracer, target, element)


def _unpack(tracer: Tracer, targets: list[ast.expr], value: Node, iterate: bool) -> None:
    flow = tracer.flow
    nodes = [flow.node() for _ in targets]
    for node in nodes:
        flow.containers.take(value, node)
    for target, node in zip(targets, nodes, strict=True):
        assign(tracer, target, node)
        if isinstance(target, ast.Subscript):  # what is read there is all that the dict has
            flow.expressions.setdefault(target, node)

    def on_value(held: Value) -> None:
        if isinstance(held, TupleValue) and len(held.elements) == len(nodes):
            for element, node in zip(held.elements, nodes, strict=True):
                flow.edge(element, node)
        elif isinstance(held, TupleValue):
            if not iterate:
                flow.misfits.update(targets)
            for element in held.elements:
                for node in nodes:
                    flow.edge(element, node)
        elif not (isinstance(held, Text) and iterate):
            for node in nodes:
                flow.add(node, held)

    flow.watch(value, on_value)


def _put_in_modules(tracer: Tracer, target: ast.Subscript, value: Node) -> Node:
    """Of what is stored in ``model._modules[name]``, what did not stand there before."""
    source = _source(tracer)
    if source is None or not isinstance(target.value, ast.Attribute):
        return value
    if target.value.attr != "_modules":
        return value
    return without_children(tracer, target.value.value, target.slice, source, value)


def _store_in_modules(tracer: Tracer, target: ast.Subscript, value: Node) -> None:
    """``self._modules[name] = layer``, ``globals()[name] = Net``"""
    if is_own_namespace(target.value):
        names = tracer.evaluate(target.value)
        if names is not None:
            store_named(tracer, names, target.slice, value)
    if isinstance(target.value, ast.Attribute) and target.value.attr == "_modules":
        base = tracer.evaluate(target.value.value)
        if base is not None:
            store_named(tracer, base, target.slice, value)
