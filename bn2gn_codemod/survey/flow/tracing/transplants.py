"""All that one module holds, given to another: ``new.__dict__.update(old.__dict__)``.

Also name by name: ``setattr(new, name, getattr(old, name))``. It is as if the state dict of the
one were loaded into the other. Settings are handed on in the same words.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.values import Class, Instance, NormLayer, Value


def note_transplant(tracer: Tracer, call: ast.Call) -> None:
    """Remember the call, if it is one of these, as the load that it may be."""
    match call:
        case ast.Call(
            func=ast.Attribute(value=ast.Attribute(value=new, attr="__dict__"), attr="update"),
            args=[ast.Attribute(value=old, attr="__dict__")],
        ):
            pass
        case ast.Call(
            func=ast.Name(id="setattr"),
            args=[new, ast.Name(id=name), ast.Call(func=ast.Name(id="getattr"), args=[old, asked])],
        ) if isinstance(asked, ast.Name) and asked.id == name:
            pass
        case _:
            return
    receiver, source = tracer.evaluate(new), tracer.evaluate(old)
    if receiver is not None and source is not None:
        load = LoadCall(receiver, [source], tracer.spot(call), False)
        load.tensors_of = [source]
        tracer.flow.transplants.append(load)


def join_transplants(flow: Flow) -> None:
    """Add those between models of one class, and those out of single layers or of a library.

    What another class has of its own comes from nowhere.
    """
    for load in flow.transplants:
        receivers = list(flow.values(load.receiver))
        classes = {value.class_ for value in receivers if isinstance(value, Instance)}
        if any(_gives_all(value, classes) for value in flow.values(load.weights[0])):
            flow.load_calls.append(load)


def _gives_all(value: Value, classes: set[Class]) -> bool:
    if isinstance(value, Instance):
        return value.class_.is_module and value.class_ in classes
    return isinstance(value, NormLayer) or library_model(value) is not None
