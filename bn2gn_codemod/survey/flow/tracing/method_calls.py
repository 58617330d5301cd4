"""Calls whose meaning is in the method's name: ``append``, ``cuda``, ``add_module``."""

from __future__ import annotations

import ast
import functools

from bn2gn_codemod.survey.flow.analysis import Arguments, Flow
from bn2gn_codemod.survey.flow.attribute_reads import CHILDREN
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.flow.tracing.applied_functions import note_applied
from bn2gn_codemod.survey.flow.tracing.arguments import Call, arguments_of, bind
from bn2gn_codemod.survey.flow.tracing.computed_names import (
    is_namespace,
    read_named,
    spread,
    store_named,
    text_node,
)
from bn2gn_codemod.survey.flow.tracing.containers import MUTATORS, container, put_into
from bn2gn_codemod.survey.flow.tracing.external_calls import drives_training
from bn2gn_codemod.survey.flow.tracing.kept_classes import (
    keep_class,
    keep_forwarded,
    keep_looked_up,
)
from bn2gn_codemod.survey.flow.tracing.made_objects import (
    base_of_other_package,
    give_same_object,
    hold,
    instantiate,
)
from bn2gn_codemod.survey.flow.tracing.named_makers import make_named, maker_of
from bn2gn_codemod.survey.flow.tracing.put_back import without_children
from bn2gn_codemod.survey.flow.tracing.table_entries import give_entry_or_default
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.tracing.weight_loads import load_state_dict, weights_into
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import is_super, text_pattern, walk_scope
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    ExternalObject,
    FunctionValue,
    Instance,
    Value,
    Weights,
    is_registry,
)

_SAME_OBJECT = {
    "to", "cuda", "cpu", "train", "eval", "half", "float", "double", "requires_grad_", "apply",
    "get", "pop", "values", "items", "copy", "deepcopy", "type", "share_memory", "popitem",
    "build", "state_dict", "parameters", "named_parameters", "buffers", "named_buffers",
    "item",
}  # fmt: skip
# What gives the tensors of weights as they are: ``torch.from_numpy(saved[key].asnumpy())``.
_SAME_WEIGHTS = {"asnumpy", "astype", "clone", "contiguous", "detach", "numpy"}
# Methods of containers that give what is in them.
_GETTERS = {"get", "pop", "values", "items", "copy", "popitem"}


def call_method(tracer: Tracer, func: ast.Attribute, expr: ast.Call, result: Node) -> bool:
    """Trace what the method's name says; whether that is all that the call does."""
    name = func.attr
    keep_looked_up(tracer, name, expr.args)
    if is_super(func.value):
        _call_super(tracer, name, expr, result)
        return True
    if name == "format" and isinstance(func.value, (ast.Constant, ast.JoinedStr)):
        arguments_of(tracer, expr)
        text = text_node(tracer.flow, text_pattern(expr) or "*")
        if text is not None:
            tracer.flow.edge(text, result)
        return True
    if name in ("load_state_dict", "_load_from_state_dict"):
        load_state_dict(tracer, func, expr)
        return True
    if name in ("from_pretrained", "load_from_checkpoint"):
        _make_pretrained(tracer, func, expr, result)
    if name in ("load", "load_checkpoint"):
        _note_load_of_trainer(tracer, func, expr)
    if name == "apply":
        note_applied(tracer, func, expr)
    if name in ("copy_", "set_"):
        weights = [node for _, node in arguments_of(tracer, expr)]
        target, given = func.value, expr.args
        if isinstance(target, ast.Attribute) and target.attr == "Tensor" and len(given) > 1:
            target, *given = given  # torch.Tensor.copy_(bn.weight, w)
        weights_into(tracer, target, weights, expr, given[0] if given else None)
        if isinstance(target, ast.Name) and _is_assigned(tracer, target.id):
            for node in weights:  # ``new = torch.empty_like(old)``, ``new.copy_(saved[key])``
                put_into(tracer, target, container(tracer, target), node)
    if name in ("add_module", "register_module", "__setattr__") and len(expr.args) == 2:
        _add_module(tracer, func, expr)
        return True
    if name in ("__getattr__", "__getattribute__") and len(expr.args) == 1:
        _read_named(tracer, func.value, expr, result)
        return True
    if name == "get" and expr.args and is_namespace(func.value):
        _read_named(tracer, func.value, expr, result)
        return True
    if name == "get" and give_entry_or_default(tracer, func, expr, result):
        return True
    if name == "get_submodule" and len(expr.args) == 1:
        _follow_path(tracer, func.value, expr.args[0], result)
        return True
    if name == "__get__":
        return _bind_function(tracer, func, expr, result)
    if name in MUTATORS:
        return _mutate(tracer, func, expr, result)
    if name.startswith("register"):
        _put_in_registry(tracer, func, expr)
    if name in _SAME_OBJECT or name in CHILDREN:
        base = tracer.evaluate(func.value)
        if base is not None:
            if name in _GETTERS or name in CHILDREN:
                tracer.flow.containers.take(base, result)
            if name in ("copy", "deepcopy"):
                tracer.flow.containers.make(result)
            give_same_object(tracer.flow, base, name, result)
    elif name in _SAME_WEIGHTS:
        _give_weights(tracer, func.value, result)
    return name in CHILDREN


def _is_assigned(tracer: Tracer, name: str) -> bool:
    """Whether a function gives a variable something itself: no parameter, no loop variable."""
    return any(
        isinstance(node, ast.Assign)
        and any(isinstance(one, ast.Name) and one.id == name for one in node.targets)
        for node in walk_scope(tracer.function.node)
    )


def _give_weights(tracer: Tracer, expr: ast.expr, result: Node) -> None:
    base = tracer.evaluate(expr)

    def on_base(held: Value) -> None:
        if isinstance(held, Weights):
            tracer.flow.add(result, held)

    if base is not None:
        tracer.flow.watch(base, on_base)


def _make_pretrained(tracer: Tracer, func: ast.Attribute, expr: ast.Call, result: Node) -> None:
    """``Net.from_pretrained(name)``, which the class has from one of another package."""
    base = tracer.evaluate(func.value)
    given: Arguments = [
        (key, node) for key, node in arguments_of(tracer, expr) if isinstance(key, str)
    ]
    call = Call(tracer.flow, tracer.function, expr, given, result)

    def on_class(held: Value) -> None:
        # Lightning's is called on objects as well, and makes others.
        is_maker = isinstance(held, ClassValue) or func.attr == "load_from_checkpoint"
        if not (is_maker and isinstance(held, (ClassValue, Instance)) and held.class_.is_module):
            return
        is_variable = (
            bool(tracer.function.name) and ast.unparse(func.value) in tracer.function.locals
        )
        if is_variable and isinstance(held, ClassValue):
            return  # whatever class it is: finished models that a library offers
        if held.class_.find_method(func.attr) is None:
            instantiate(call, held.class_, is_written=False)
            load = LoadCall(result, [], tracer.spot(expr), False, loader=func.attr)
            load.of_driver = func.attr == "load_from_checkpoint"
            tracer.flow.load_calls.append(load)

    if base is not None:
        tracer.flow.watch(base, on_class)


def _note_load_of_trainer(tracer: Tracer, func: ast.Attribute, expr: ast.Call) -> None:
    """``learn.load("stage-1")``: what drives a training loads all of the model that it holds."""
    base = tracer.evaluate(func.value)
    if base is None:
        return
    flow = tracer.flow
    loaded = flow.node()
    load = LoadCall(loaded, [], tracer.spot(expr), False, loader=func.attr, of_driver=True)

    def on_trainer(held: Value) -> None:
        is_trainer = isinstance(held, ExternalObject) and drives_training(held.name)
        if is_trainer and load not in flow.load_calls:
            flow.load_calls.append(load)
            flow.edge(base, loaded)

    flow.watch(base, on_trainer)


def _read_named(tracer: Tracer, owner: ast.expr, expr: ast.Call, result: Node) -> None:
    """``models.__getattribute__(name)``, ``models.__dict__.get(name, default)``"""
    key, *defaults = expr.args
    base = tracer.evaluate(owner)
    found = [] if base is None else [read_named(tracer, base, key, expr, "plain")]
    for node in [*found, *map(tracer.evaluate, defaults)]:
        if node is not None:
            tracer.flow.edge(node, result)


def _follow_path(tracer: Tracer, owner: ast.expr, path: ast.expr, result: Node) -> None:
    """``model.get_submodule("encoder.layer1")``"""
    reached = tracer.evaluate(owner)
    if reached is None:
        return
    for name in (text_pattern(path) or "*").split("."):
        inner = tracer.flow.node()
        tracer.flow.attribute_reads.add(reached, name, inner)
        reached = inner
    tracer.flow.edge(reached, result)


def _call_super(tracer: Tracer, name: str, expr: ast.Call, result: Node) -> None:
    """``super().name(...)``"""
    flow = tracer.flow
    arguments = arguments_of(tracer, expr)
    cls = tracer.function.enclosing_class
    if cls is None:
        return
    methods = [one for parent in cls.parents if (one := parent.find_method(name))]
    for method in methods if cls.is_one_of_several else methods[:1]:
        call = Call(flow, tracer.function, expr, arguments, result)
        bind(call, method, skip_first=True)
        maker = maker_of(flow, method)
        if maker is not None:
            make_named(call, method, maker, skip_first=True)
        else:
            flow.edge(flow.return_node(method), result)
    if methods:
        return
    if name == "__init__":
        hold(flow, cls, arguments)
        forwarded = flow.forwards.get(expr)
        if forwarded is not None:
            flow.listen_to_extras(forwarded, functools.partial(_note_forwarded, flow, cls))
        if cls.is_module:
            keep_forwarded(flow, expr, base_of_other_package(cls))
    elif name in ("add_module", "__setattr__") and len(expr.args) == 2:
        value = tracer.evaluate(expr.args[1])
        base = flow.node()
        flow.add(base, flow.self_value(cls))
        if value is not None:
            store_named(tracer, base, expr.args[0], value)


def _note_forwarded(flow: Flow, cls: Class, name: str, value: Node) -> None:
    """``super().__init__(**kwargs)``, where the base class is of another package."""
    del name  # of a parameter there: under which name it is kept is not known
    flow.forwarded_to_base.setdefault(cls, []).append(value)


def _add_module(tracer: Tracer, func: ast.Attribute, expr: ast.Call) -> None:
    """``base.add_module(name, layer)``"""
    base, value = tracer.evaluate(func.value), tracer.evaluate(expr.args[1])
    if base is not None and value is not None:
        name, given = expr.args
        value = without_children(tracer, func.value, name, given, value)
        store_named(tracer, base, name, value)
        tracer.flow.containers.add(base, value)
        holder = container(tracer, func.value)
        if holder is not None and isinstance(func.value, ast.Name):
            _into_plain_container(tracer.flow, base, value, holder)


def _bind_function(tracer: Tracer, func: ast.Attribute, expr: ast.Call, result: Node) -> bool:
    """``model.count = count.__get__(model)``: a method, which does not hold the model."""
    base = tracer.evaluate(func.value)
    arguments_of(tracer, expr)
    if base is not None:
        tracer.flow.edge(base, result)
    return True


def _into_plain_container(flow: Flow, base: Node, value: Node, holder: Node) -> None:
    """``seq.add_module("bn", nn.BatchNorm2d(c))`` on an ``nn.Sequential`` of torch."""

    def on_base(held: Value) -> None:
        if isinstance(held, ExternalObject):
            flow.containers.hold(value, holder)
            flow.edge(value, holder)

    flow.watch(base, on_base)


def _put_in_registry(tracer: Tracer, func: ast.Attribute, expr: ast.Call) -> None:
    """``HEADS.register("head", Head)``"""
    base = tracer.evaluate(func.value)

    def on_base(held: Value) -> None:
        is_function = isinstance(held, FunctionValue)  # @singledispatch
        if is_function or (
            isinstance(held, ClassValue) and held.class_.find_method(func.attr) is None
        ):
            for argument in expr.args:
                keep_class(tracer, argument, "is registered")
        holder = container(tracer, func.value) if is_registry(held) else None
        if holder is not None:
            for _, node in arguments_of(tracer, expr):
                tracer.flow.edge(node, holder)

    if base is not None:
        tracer.flow.watch(base, on_base)


def _mutate(tracer: Tracer, func: ast.Attribute, expr: ast.Call, result: Node) -> bool:
    """``layers.append(layer)``; whether it is certain that a container is meant."""
    flow = tracer.flow
    whole = tracer.evaluate(func.value) if func.attr == "setdefault" else None
    if whole is not None:
        flow.containers.take(whole, result)
        give_same_object(flow, whole, func.attr, result)
    holder = container(tracer, func.value)
    base: Node | None = None
    if isinstance(func.value, ast.Attribute) and func.value.attr == "__dict__":
        base = tracer.evaluate(func.value.value)
    for key, node in arguments_of(tracer, expr):
        put_into(tracer, func.value, holder, node)
        if base is not None and isinstance(key, str):
            flow.attribute_stores.add(base, key, node)
        elif base is not None:
            spread(flow, base, node)
    return False if func.attr == "add" else holder is not None
