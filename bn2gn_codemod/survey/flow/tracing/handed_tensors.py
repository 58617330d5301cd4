"""Tensors of layers that are handed to what fills them: ``put(bn.weight, "gamma")``.

The function that copies into its parameter knows no layer; the call that hands the tensor over
knows no weights. Both are noted while the code is read, and put together once it is known
which function is called.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import HandedTensor, LoadCall
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.tracing.weight_loads import is_tensor_of_layer, layer_of
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.values import Function, FunctionValue


def note_handed(tracer: Tracer, callee: Node, call: ast.Call) -> None:
    """Remember the layers whose tensors a call hands over."""
    placed: list[tuple[int | str | None, ast.expr]] = list(enumerate(call.args))
    for place, given in (*placed, *((one.arg, one.value) for one in call.keywords)):
        if place is not None and is_tensor_of_layer(given):
            layer = tracer.evaluate(layer_of(given))
            if layer is not None:
                handed = HandedTensor(callee, place, layer, tracer.spot(call))
                tracer.flow.handed_tensors.append(handed)


def join_handed(flow: Flow) -> None:
    """Add the loads into what is handed over."""
    for handed in flow.handed_tensors if flow.filled_parameters else ():
        for value in dict.fromkeys(flow.values(handed.callee)):
            if isinstance(value, FunctionValue):
                name = _parameter(value.function, handed.place, skip_first=value.bound)
                for weights in flow.filled_parameters.get((value.function, name), ()):
                    load = LoadCall(handed.layer, weights, handed.spot, False, into_tensors=True)
                    load.of_layer = True
                    flow.load_calls.append(load)


def _parameter(function: Function, place: int | str, *, skip_first: bool) -> str:
    if isinstance(place, str) or isinstance(function.node, ast.Module):
        return str(place)
    placed = [*function.node.args.posonlyargs, *function.node.args.args][skip_first:]
    return placed[place].arg if place < len(placed) else ""
