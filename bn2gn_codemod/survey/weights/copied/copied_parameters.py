"""What it says of a model that parameters are copied which no name tells: ``p.data.copy_(q.data)``.

It may be pretrained weights that are put in by hand. But so do optimizers in mixed precision
bring their copies back, moving averages and teachers follow the model that is trained, and
all of that is resumed from checkpoints.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.syntax.nodes import call_name
from bn2gn_codemod.survey.values import (
    ExternalObject,
    FunctionValue,
    Instance,
    Value,
    Weights,
)

# What a model is called that follows the one that is trained.
_FOLLOWER = re.compile(r"(?:^|_)(?:ema|teacher|momentum|averaged?|shadow)(?:_|$)", re.IGNORECASE)
_OPTIMIZER = re.compile(r"optim", re.IGNORECASE)


def are_copied_back(flow: Flow, call: LoadCall) -> bool:
    """Whether nothing is copied but parameters of the same models, whatever these are.

    Where a script reads one of the models from a file, what was read is on both sides.
    """
    receivers = set(flow.values(call.receiver))
    sources = {*_values(flow, call.tensors_of), *_values(flow, call.weights)}
    read = {v for v in sources if isinstance(v, Weights) or library_model(v) is not None}
    is_same = any(
        isinstance(v, Instance) and v in receivers for v in _values(flow, call.tensors_of)
    )
    return is_same and read <= receivers


def are_layers_of_same_model(flow: Flow, call: LoadCall) -> bool:
    """Whether layers get what those in the same place of a copy of their own model have.

    ``bn2['running_mean'].data.copy_(bn1['running_mean'].data)`` in a loop over the modules of a
    model and of its teacher. A library's network is then on both sides, and so is what else
    the model has. Where the network alone gives what is copied, the others are filled with it.
    """
    if call.base is not None:
        return False  # an attribute is named that is filled
    receivers = set(filter(_is_object, flow.values(call.receiver)))
    given = set(_values(flow, call.weights))
    sources = set(filter(_is_object, given))
    networks = {value for value in sources if library_model(value) is not None}
    if any(isinstance(value, Weights) for value in given) or not networks < sources <= receivers:
        return False
    # A teacher may be that of models which are trained by other code.
    is_follower = any(map(_FOLLOWER.search, call.spot.function.parameters))
    return bool(networks) and (sources == receivers or is_follower)


def _is_object(value: Value) -> bool:
    """Whether a value is a model, or holds layers: norm layers are only seen inside of one."""
    is_layer = isinstance(value, ExternalObject) and bool(value.name)
    return is_layer or (isinstance(value, Instance) and value.class_.is_module)


def are_of_one_class(flow: Flow, call: LoadCall) -> bool:
    """Whether one model is copied into another one of its class, as into a moving average."""
    classes = {v.class_ for v in flow.values(call.receiver) if isinstance(v, Instance)}
    copied = _values(flow, call.tensors_of)
    return any(isinstance(value, Instance) and value.class_ in classes for value in copied)


def copied_models(flow: Flow, call: LoadCall) -> set[Value]:
    """The objects of the same classes as the receiver, where all that is loaded is theirs.

    ``p.data.copy_(q.data)``, ``self.slow.load_state_dict(self.fast.state_dict())``
    """
    match call.spot.node:
        case ast.Call(func=ast.Attribute(attr="load_state_dict"), args=[given, *_]):
            is_state = isinstance(given, ast.Call) and call_name(given) == "state_dict"
        case _:
            is_state = False
    sources = {*_values(flow, call.tensors_of), *_values(flow, call.weights)}
    if not (is_state or call.tensors_of) or any(
        isinstance(value, Weights) or library_model(value) is not None for value in sources
    ):
        return set()
    receivers = {value for value in flow.values(call.receiver) if isinstance(value, Instance)}
    made = {value for value in sources if isinstance(value, Instance)} - receivers
    classes = {value.class_ for value in made}
    is_twin = bool(receivers) and classes.issuperset(value.class_ for value in receivers)
    return set(made) if is_twin else set()


def are_resumed(flow: Flow, call: LoadCall) -> bool:
    """Whether the state of an optimizer is read out of the same file.

    Where parameters are copied that no name tells, the same function does it with the file;
    any others the same function does copy, as it is handed the optimizer's state as well.
    """
    read = {v for v in _values(flow, call.weights) if isinstance(v, Weights)}
    if not read:
        return False
    return all(_restores_optimizer(flow, call, one) for one in read) or (
        bool(call.tensors_of)
        and any(
            other.spot.function is call.spot.function
            and _is_into_optimizer(other)
            and read.issubset(_values(flow, other.weights))
            for other in flow.load_calls
        )
    )


def _restores_optimizer(flow: Flow, load: LoadCall, weights: Weights) -> bool:
    """``copy_state(optimizer.state_dict(), file["optimizer"])`` where the file is read."""
    for _, call in flow.calls_in.get(weights.spot.function, ()):
        state = next(filter(_is_state_of_optimizer, call.args), None)
        if state is not None and any(
            isinstance(value, FunctionValue) and value.function is load.spot.function
            for value in flow.value_of(call.func)
        ):
            others = (argument for argument in call.args if argument is not state)
            if any(weights in flow.value_of(argument) for argument in others):
                return True
    return False


def _is_state_of_optimizer(expr: ast.expr) -> bool:
    match expr:
        case ast.Call(func=ast.Attribute(value=receiver, attr="state_dict")):
            return _OPTIMIZER.search(ast.unparse(receiver)) is not None
        case _:
            return False


def _is_into_optimizer(call: LoadCall) -> bool:
    match call.spot.node:
        case ast.Call(func=ast.Attribute(value=receiver, attr="load_state_dict")):
            return _OPTIMIZER.search(ast.unparse(receiver)) is not None
        case _:
            return False


def _values(flow: Flow, nodes: Iterable[int]) -> list[Value]:
    return [value for node in nodes for value in flow.values(node)]
