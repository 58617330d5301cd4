"""What calls give: new instances, norm layers and weights, or the object that is asked."""

from __future__ import annotations

from typing import Literal

from bn2gn_codemod.survey.flow.analysis import Arguments, Flow
from bn2gn_codemod.survey.flow.attribute_reads import CHILDREN
from bn2gn_codemod.survey.flow.tracing.arguments import Call, bind, is_possible
from bn2gn_codemod.survey.flow.tracing.computed_names import spread
from bn2gn_codemod.survey.flow.tracing.kept_classes import keep_forwarded, keep_handed
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.known.library_models import parts_handed
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    External,
    FunctionValue,
    Instance,
    ModuleValue,
    NormClass,
    NormLayer,
    Spot,
    Value,
    Weights,
    is_registry,
)


def instantiate(call: Call, cls: Class, *, is_written: bool = True) -> None:
    """A call of a class of the repository; not ``is_written``: what is called there calls it."""
    flow = call.flow
    init = None if cls.is_registry else cls.find_method("__init__")
    if is_written and not cls.is_registry and not is_possible(call.expr, cls, init):
        return

    def make() -> Instance:
        made = Instance(cls, call.spot())
        flow.instances.setdefault(cls, []).append(made)
        return made

    made = flow.once(("instance", cls, call.expr), make)
    flow.add(call.result, made)
    if init is None and cls.is_parallel_wrapper:
        for key, node in call.arguments:
            flow.members.wrap(made, key, node)
    if init is not None:
        bind(call, init, skip_first=True)
    elif cls.is_registry:
        # Each holds its own: no attribute of the class would tell them apart.
        for _, node in call.arguments:
            flow.edge(node, call.result)
    elif cls.external_bases:
        hold(flow, cls, call.arguments)
        keep_forwarded(flow, call.expr, base_of_other_package(cls))


def hold(flow: Flow, cls: Class, arguments: Arguments) -> None:
    """What a class of another package, which this one extends, is made with."""
    base = flow.node()
    flow.add(base, flow.self_value(cls))
    kept = parts_handed(base_of_other_package(cls)) if cls.is_module else ()
    for key, node in arguments:
        name = kept[key] if isinstance(key, int) and key < len(kept) else key
        if name in kept:
            flow.attribute_stores.add(base, str(name), node)
            continue
        flow.hold_in_base(cls, node)
        if cls.is_module:
            keep_handed(flow, node, base_of_other_package(cls))
        if not cls.is_module and isinstance(key, str):
            flow.attribute_stores.add(base, key, node)
        elif not cls.is_module:
            spread(flow, base, node)


def base_of_other_package(cls: Class) -> str:
    """The name of a class of another package that a class extends."""
    return next(base for one in cls.ancestors() for base in one.external_bases)


def make_layer(call: Call, norm: NormClass) -> None:
    """A call of a norm class."""
    flow = call.flow

    def make() -> NormLayer:
        made = NormLayer(norm, call.spot())
        norm.layers[made] = None
        flow.norm_layers.append(made)
        return made

    flow.add(call.result, flow.once(("layer", norm, call.expr), make))


def read_weights(call: Call, kind: Literal["url", "file"], source: str) -> None:
    """A call that reads a state dict."""
    spot = call.spot()
    made = call.flow.once(("weights", call.expr), lambda: Weights(kind, spot, source))
    call.flow.add(call.result, made)


def give_same_object(flow: Flow, base: Node, name: str, result: Node) -> None:
    """``base.cuda()`` is ``base``, ``base.children()`` what it holds, ``base.build()`` is of it."""

    def on_base(held: Value) -> None:
        if name == "build" and is_registry(held):
            return  # what it builds is of the classes beside it
        if name == "item" and not isinstance(held, Weights):
            return  # a number; numpy.load(path).item() is a dict
        if isinstance(held, Instance):
            if name in CHILDREN:
                for owner in held.class_.ancestors():
                    flow.attribute_reads.children(owner, result)
            elif held.class_.find_method(name) is None:
                flow.add(result, held)
        elif isinstance(held, ClassValue) and name == "build":
            flow.add(result, weak_instance(flow, held.class_))
        elif not isinstance(held, (FunctionValue, ModuleValue, External)):
            flow.add(result, held)

    flow.hand_on(base, result)
    flow.watch(base, on_base)


def weak_instance(flow: Flow, cls: Class) -> Value:
    spot = Spot(cls.module, cls.node, flow.top_level[cls.path])

    def make() -> Instance:
        made = Instance(cls, spot, weak=True)
        flow.instances.setdefault(cls, []).append(made)
        return made

    return flow.once(("weak", cls), make)
