"""Functions that fill the layers of a model with weights: ``net.neck.apply(fill)``.

What a function does to the layer that ``apply`` hands it, it does to all the layers of the
model. Most such functions start layers anew, and read no weights.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import AppliedFunction, LoadCall
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import reads_as, root_of
from bn2gn_codemod.survey.values import Function, FunctionValue, Weights


def note_applied(tracer: Tracer, func: ast.Attribute, expr: ast.Call) -> None:
    """Remember the function that is applied, and the model as a call would load it."""
    receiver = tracer.evaluate(func.value)
    applied = tracer.evaluate(expr.args[0]) if len(expr.args) == 1 else None
    if receiver is None or applied is None:
        return
    load = LoadCall(receiver, [], tracer.spot(expr), False)
    if isinstance(func.value, ast.Attribute):
        load.base, load.attribute = tracer.evaluate(func.value.value), func.value.attr
    tracer.flow.applied.append(AppliedFunction(applied, load))


def join_applied(flow: Flow) -> None:
    """Add the loads into the models, one for all that a function reads."""
    for applied, load in flow.applied:
        for value in dict.fromkeys(flow.values(applied)):
            if isinstance(value, FunctionValue):
                load.weights.extend(_read_by(flow, value.function, skip_first=value.bound))
        if load.weights:
            flow.load_calls.append(load)


def _read_by(flow: Flow, function: Function, *, skip_first: bool) -> list[Node]:
    """The weights out of files that a function puts into the layer that it is handed."""
    if isinstance(function.node, ast.Module):
        return []
    placed = [*function.node.args.posonlyargs, *function.node.args.args][skip_first:]
    return [
        node
        for call in flow.load_calls
        if placed and call.spot.function is function and call.into_tensors
        if _is_into(call.spot.node, placed[0].arg)
        for node in call.weights
        if any(isinstance(value, Weights) for value in flow.values(node))
    ]


def _is_into(load: ast.AST, layer: str) -> bool:
    """Whether a tensor of a variable is written: ``m.weight.data = w``, ``m.weight.copy_(w)``."""
    match load:
        case ast.Call(func=ast.Attribute(value=tensor)):
            return reads_as(root_of(tensor), layer)
        case ast.Call(func=ast.Name(id="setattr"), args=[owner, *_]):
            return reads_as(root_of(owner), layer)
        case ast.expr():
            return reads_as(root_of(load), layer)
        case _:
            return False
