"""What code does to put weights into something, as the flow analysis finds it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.values import Spot


class Whole(NamedTuple):
    """A model over all of whose layers code goes: ``base.attribute``, where it is written so."""

    model: Node
    in_order: bool  # the layers are told by their place among all of the model's
    base: Node | None = None
    attribute: str = ""


@dataclasses.dataclass(eq=False)
class LoadCall:
    """Weights that are put into ``receiver``: ``load_state_dict``, ``copy_``, a loader.

    Where the receiver is written ``base.attribute``, both are given.
    """

    receiver: Node
    weights: list[Node]
    spot: Spot
    strict: bool
    base: Node | None = None
    attribute: str = ""
    each_child: bool = False  # the receiver is a loop variable over a module's children
    by_name: bool = False  # it is looked up: getattr(model, name).load_state_dict(...)
    as_read: bool = False  # the weights keep the names under which they were published
    made_lenient: bool = False  # by a migration: it was strict, and is evidence as if it were
    of_layer: bool = False  # it is written layer.weight: a tensor of the receiver itself
    in_place: bool = False  # that layer stands in one place of a container: stem[0].weight
    into_tensors: bool = False  # layer.weight.data.copy_(...): the very layers are known
    # p.data.copy_(q.data), where no name tells which tensor of a model it is: what q stands for
    tensors_of: list[Node] = dataclasses.field(default_factory=list)
    # Where the receiver is any layer of a model: that model. And whose tensors are copied.
    wholes: list[Whole] = dataclasses.field(default_factory=list)
    in_order: bool = False
    sources: list[Node] = dataclasses.field(default_factory=list)
    made_of: list[Node] = dataclasses.field(default_factory=list)  # what the tensor is computed of
    copies: bool = False  # a.weight.data = b.weight.data: the tensors are those of a layer
    loader: str = ""  # an external function that finds the weights itself
    # It is of a library that drives the training, and may go on with one: ``learn.load(name)``.
    of_driver: bool = False


class HandedTensor(NamedTuple):
    """``put(bn.weight, "gamma")``: a tensor of a layer, and the place that it is handed over in."""

    callee: Node
    place: int | str
    layer: Node
    spot: Spot


class AppliedFunction(NamedTuple):
    """``net.neck.apply(fill)``: the function, and what a load into the model would be."""

    function: Node
    load: LoadCall


def spots_by_place(calls: Iterable[LoadCall]) -> dict[str, list[Spot]]:
    """The loads by where they stand, in the words of reasons: ``dla.py:294``."""
    found: dict[str, list[Spot]] = {}
    for call in calls:
        found.setdefault(call.spot.where, []).append(call.spot)
    return found
