"""Weights that code puts into a module: ``load_state_dict``, ``copy_``, ``layer.weight.data =``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.generated.checkpoint_loads import SAID
from bn2gn_codemod.survey.flow.load_calls import LoadCall, Whole
from bn2gn_codemod.survey.flow.tracing.arguments import arguments_of
from bn2gn_codemod.survey.flow.tracing.just_stored import (
    attribute_of_tensors,
    is_of_one_class,
    is_only_set_in_constructors,
    just_stored,
)
from bn2gn_codemod.survey.flow.tracing.kept_keys import keeps_keys
from bn2gn_codemod.survey.flow.tracing.loads_by_part import whole_model
from bn2gn_codemod.survey.flow.tracing.rebuilt_layers import keeps_place
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.tracing.walked_models import walked_models
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import call_name, dotted, walk_scope

# ``bn.weight.data.copy_(...)`` is about ``bn``.
TENSORS = {"weight", "bias", "running_mean", "running_var", "data"}


def load_state_dict(tracer: Tracer, func: ast.Attribute, expr: ast.Call) -> None:
    """``receiver.load_state_dict(weights, strict)``"""
    receiver = tracer.evaluate(func.value)
    weights = [node for _, node in arguments_of(tracer, expr)]
    if isinstance(func.value, ast.Attribute) and func.value.attr == "Module" and expr.args:
        receiver = tracer.evaluate(expr.args[0])  # nn.Module.load_state_dict(model, weights)
    receiver = whole_model(tracer, func.value) or receiver
    if receiver is None:
        return
    made_lenient = expr in tracer.loosened
    strict = made_lenient or not _is_lenient(expr)
    load = LoadCall(receiver, weights, tracer.spot(expr), strict)
    load.made_lenient = made_lenient
    load.as_read = bool(expr.args) and keeps_keys(tracer.function.node, expr.args[0])
    if isinstance(func.value, ast.Attribute):
        load.base, load.attribute = tracer.evaluate(func.value.value), func.value.attr
    elif isinstance(func.value, ast.Name):
        load.each_child = func.value.id in tracer.children_names
        if not load.each_child:
            load.wholes = list(_wholes(tracer, func.value))
    else:
        load.by_name = _is_looked_up(func.value)
    tracer.flow.load_calls.append(load)


def hand_on_load(tracer: Tracer, method: ast.Attribute, base: Node) -> None:
    """``load = net.load_state_dict``, which somebody calls with weights that are not known."""
    load = LoadCall(base, [], tracer.spot(method), False, loader="load_state_dict")
    if isinstance(method.value, ast.Attribute):
        load.base, load.attribute = tracer.evaluate(method.value.value), method.value.attr
    tracer.flow.load_calls.append(load)


def weights_into(
    tracer: Tracer, target: ast.expr, weights: list[Node], at: ast.expr, source: ast.expr | None
) -> None:
    """``layer.weight.data.copy_(w)``, ``layer.weight.data = w``, ``net.state_dict()[k]...``"""
    if source is not None and _merges_own_statistics(tracer, target, source):
        return
    tensors = _listed_tensors(tracer, target)
    if tensors:
        for tensor in tensors:
            weights_into(tracer, tensor, weights, at, source)
        return
    is_variable = _is_variable(target)
    layer = layer_of(target)
    if source is not None and _is_rebuilt(tracer, target, source):
        return
    made = _just_stored(tracer, layer)
    receiver = tracer.evaluate(layer) if made is None else made
    weights = [*weights, *_in_parameter(tracer, source), *_copied(tracer, source)]
    name = layer.id if is_variable and isinstance(layer, ast.Name) else ""
    if name in tracer.function.parameters:
        filled = tracer.flow.filled_parameters.setdefault((tracer.function, name), [])
        filled.append(weights)
    if receiver is not None and weights:
        load = LoadCall(receiver, weights, tracer.spot(at), False, into_tensors=True)
        load.copies = _is_tensor(source)
        load.of_layer = _is_tensor(target)
        load.in_place = _is_place(_element_of(target))
        named = attribute_of_tensors(layer)
        if named is not None and (made is None or is_of_one_class(tracer.function, named.attr)):
            load.base, load.attribute = tracer.evaluate(named.value), named.attr
        load.wholes = list(_wholes(tracer, layer))
        if source is not None:
            load.sources = list(_models_of(tracer, source, layer))
            load.made_of = list(_made_of(tracer, source))
            if is_variable:
                load.tensors_of = list(_variables(tracer, source))
        tracer.flow.load_calls.append(load)


def _listed_tensors(tracer: Tracer, target: ast.expr) -> list[ast.expr]:
    """Those of ``for t in (bn.bias, bn.weight): t.data.copy_(...)``, by which layers are told."""
    if not _is_variable(target):
        return []
    variable = target.value if isinstance(target, ast.Attribute) else target
    return [
        tensor
        for loop in walk_scope(tracer.function.node)
        if isinstance(loop, ast.For)
        and isinstance(loop.iter, (ast.Tuple, ast.List))
        and isinstance(loop.target, ast.Name)
        and isinstance(variable, ast.Name)
        and loop.target.id == variable.id
        for tensor in loop.iter.elts
        if is_tensor_of_layer(tensor)
    ]


def set_of_layer(tracer: Tracer, owner: ast.expr, value: ast.expr, at: ast.expr) -> None:
    """``setattr(bn, name, nn.Parameter(w))``, where the name is not known."""
    made = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
    if any(
        isinstance(one, ast.Call) and call_name(one) in ("Parameter", "clone", "detach")
        for one in made
    ):
        node = tracer.evaluate(value)
        weights_into(tracer, owner, [] if node is None else [node], at, value)


def _just_stored(tracer: Tracer, layer: ast.expr) -> Node | None:
    """What a constructor fills that has just put it there; ``None``: whatever may be there."""
    made = just_stored(tracer.function, layer)
    if made is None or not is_only_set_in_constructors(tracer.function, layer):
        return None
    return tracer.evaluate(made)


def _merges_own_statistics(tracer: Tracer, target: ast.expr, source: ast.expr) -> bool:
    """``self.bn.running_mean.data = merged(self.split.running_mean)``: no weights of others."""
    own = tracer.function.first_parameter
    tensors = [part for part in ast.walk(source) if _is_tensor(part)]
    return (
        own is not None
        and bool(tensors)
        and all(_is_statistic_of(one, own) for one in (target, *tensors))
    )


def _is_rebuilt(tracer: Tracer, target: ast.expr, source: ast.expr) -> bool:
    """Whether a layer gets the weights of the one that stood in its place."""
    tensors = [part for part in ast.walk(source) if is_tensor_of_layer(part)]
    sources = [_element_of(one) for one in tensors if isinstance(one, ast.Attribute)]
    return keeps_place(tracer.function, _element_of(target), sources)


def is_tensor_of_layer(part: ast.AST) -> bool:
    """``bn.weight``, ``conv.weight.data``"""
    return isinstance(part, ast.Attribute) and part.attr in TENSORS


def _element_of(tensor: ast.expr) -> ast.expr:
    """``self.base[0]`` of ``self.base[0].weight.data[:3]``"""
    element = part = tensor
    while isinstance(part, (ast.Attribute, ast.Subscript)):
        if is_tensor_of_layer(part):
            element = part.value
        part = part.value
    return element


def _is_statistic_of(tensor: ast.AST, own: str) -> bool:
    match tensor:
        case ast.Attribute(value=inner, attr="data"):
            return _is_statistic_of(inner, own)
        case ast.Attribute(value=layer, attr="running_mean" | "running_var"):
            return (dotted(layer) or "").startswith(f"{own}.")
        case _:
            return False


def begins_report_of_load(arguments: list[ast.expr]) -> bool:
    """Whether they are those of the ``print`` around a load that a migration made lenient."""
    first = arguments[0] if arguments else None
    return isinstance(first, ast.Constant) and first.value == SAID


def _is_lenient(load: ast.Call) -> bool:
    """Whether ``strict`` is said to be false."""
    said = [keyword.value for keyword in load.keywords if keyword.arg == "strict"]
    said += load.args[1:2]
    return any(isinstance(value, ast.Constant) and not value.value for value in said)


def _is_looked_up(receiver: ast.expr) -> bool:
    """Whether it is an attribute by a name: ``getattr(model, name)``, ``model._modules[name]``."""
    match receiver:
        case ast.Call():
            return call_name(receiver) == "getattr"
        case ast.Subscript(value=ast.Attribute(attr="_modules")):
            return True
        case _:
            return False


def layer_of(tensor: ast.expr) -> ast.expr:
    """``bn`` of ``bn.weight.data[:3]`` and of ``getattr(bn, name).data``"""
    is_data = False
    while isinstance(tensor, ast.Subscript) or (
        isinstance(tensor, ast.Attribute) and tensor.attr in TENSORS
    ):
        is_data = isinstance(tensor, ast.Attribute) and tensor.attr == "data"
        tensor = tensor.value
    match tensor:
        case ast.Call(func=ast.Name(id="getattr"), args=[layer, *_]) if is_data:
            return layer
        case _:
            return tensor


def _wholes(tracer: Tracer, layer: ast.expr) -> Iterator[Whole]:
    """The models that a variable goes through, layer by layer."""
    if not isinstance(layer, ast.Name) or tracer.narrowed.get(layer.id) == "layer":
        return
    for model, in_order in walked_models(tracer.function.node, layer):
        node = tracer.evaluate(model)
        if node is not None:
            whole = Whole(node, in_order)
            if isinstance(model, ast.Attribute):
                whole = whole._replace(base=tracer.evaluate(model.value), attribute=model.attr)
            yield whole


def _models_of(tracer: Tracer, source: ast.expr, mine: ast.expr) -> Iterator[Node]:
    """What the tensors of layers belong to of which a value is made, models where these are told.

    ``theirs`` of ``copy(theirs.weight.data)`` in a loop over the layers of a model. ``mine`` is
    the layer that is filled.
    """
    for part in ast.walk(source):
        if isinstance(part, ast.Attribute) and part.attr in TENSORS:
            layer = layer_of(part)
            if ast.dump(layer) != ast.dump(mine):
                wholes = [whole.model for whole in _wholes(tracer, layer)]
                node = tracer.evaluate(layer)
                yield from wholes or ([] if node is None else [node])


def _in_parameter(tracer: Tracer, source: ast.expr | None) -> Iterator[Node]:
    """What ``nn.Parameter(weights)`` is made of."""
    match source:
        case ast.Call(args=[given, *_]) if call_name(source) == "Parameter":
            node = tracer.flow.expressions.get(given)
            if node is not None:
                yield node
        case ast.Tuple(elts=parts):  # bn.bias, bn.weight = Parameter(b), Parameter(w)
            for part in parts:
                yield from _in_parameter(tracer, part)
        case ast.IfExp(body=body, orelse=other):
            yield from _in_parameter(tracer, body)
            yield from _in_parameter(tracer, other)
        case _:
            pass


def _made_of(tracer: Tracer, source: ast.expr) -> Iterator[Node]:
    """What a value is computed of: ``weights[i:j]`` of ``torch.tensor(weights[i:j]).view(8)``."""
    for part in ast.walk(source):
        if isinstance(part, ast.Name | ast.Subscript | ast.Call):
            node = tracer.flow.expressions.get(part)
            if node is not None:
                yield node


def _copied(tracer: Tracer, source: ast.expr | None) -> Iterator[Node]:
    """What ``getattr(bn, name).data.clone()`` is a tensor of, and ``Parameter(t.clone())``."""
    inner, is_copy = source, False
    while isinstance(inner, ast.Call | ast.Attribute):
        match inner:
            case ast.Call(args=[given, *_]) if call_name(inner) == "Parameter":
                inner = given
            case ast.Call(func=ast.Attribute(value=copied, attr="clone" | "detach")):
                inner, is_copy = copied, True
            case ast.Attribute(value=tensor, attr="data"):
                inner = tensor
            case ast.Call(func=ast.Name(id="getattr"), args=[layer, _]):
                inner, is_copy = layer, True
                break
            case _:
                return
    node = tracer.evaluate(inner) if inner is not None and is_copy else None
    if node is not None:
        yield node


def _is_tensor(expr: ast.AST | None) -> bool:
    """``b.weight.data.clone()``; not what is computed of several, as where layers are fused."""
    match expr:
        case ast.Call(args=[given, *_]) if call_name(expr) == "Parameter":
            return _is_tensor(given)
        case ast.Call(func=ast.Attribute(value=inner)) | ast.Attribute(value=inner, attr="data"):
            return _is_tensor(inner)
        case ast.Attribute(attr=name):
            return name in TENSORS
        case _:
            return False


def _is_place(layer: ast.expr) -> bool:
    """``stem[0]``"""
    match layer:
        case ast.Subscript(slice=ast.Constant(value=int())):
            return True
        case _:
            return False


def _is_variable(target: ast.expr) -> bool:
    """Whether a tensor is told by a variable alone: ``p`` or ``p.data``."""
    if isinstance(target, ast.Attribute) and target.attr == "data":
        target = target.value
    return isinstance(target, ast.Name)


def _variables(tracer: Tracer, source: ast.expr) -> Iterator[Node]:
    """What the tensors that a value is made of are, or belong to; keys are none of them."""
    pending: list[ast.AST] = [source]
    for part in pending:
        match part:
            case ast.Name():
                node = tracer.evaluate(part)
                if node is not None:
                    yield node
            case (
                ast.Subscript(value=owner)
                | ast.Call(func=ast.Attribute(value=owner, attr="get" | "pop"))
            ):
                pending.append(owner)
            case ast.IfExp(body=body, orelse=other):  # what is asked for is not copied
                pending.extend((body, other))
            case _:
                pending.extend(ast.iter_child_nodes(part))
