"""Attributes with layers that stand in other attributes of the same class already."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.values import Class, Instance, NormLayer

_Place = tuple[Instance | NormLayer, Node]


def same_layers(
    contents: Contents, slot: Slot, others: Sequence[Slot], *, for_certain: bool = False
) -> Slot | None:
    """One of the other attributes in which all the layers of ``slot`` are.

    ``self.low_features = self.features[:4]``; a slice may seem to be one of a block. Or the
    first of several, in which they are together: ``nn.Sequential(self.conv1, self.bn1)``.
    ``for_certain``: nothing that the constructor makes in a loop will do.
    """
    layers = _layers(contents, slot)
    if not layers:
        return None
    held = {other: contents.inside(other) for other in others}

    def _are_same(given: Collection[Slot]) -> bool:
        return are_read_from(contents, slot, given, for_certain=for_certain)

    for other, inside in held.items():
        if inside.issuperset(layers) and _are_same([other]):
            return other
    if set().union(*held.values()).issuperset(layers) and _are_same(others):
        return next(other for other, inside in held.items() if not inside.isdisjoint(layers))
    return None


def are_read_from(
    contents: Contents, slot: Slot, others: Collection[Slot], *, for_certain: bool = False
) -> bool:
    """Whether the layers in ``slot`` are those of the other attributes, which hold their like.

    What the constructor makes is there once. What a function makes, ``conv_bn()``, looks the
    same after each call; it is the same where it comes out of another attribute, or out of
    something in there.
    """
    flow = contents.flow
    own = [
        one
        for one in _layers(contents, slot)
        if for_certain or not _is_made_by_constructor(one, slot)
    ]
    if not own:
        return True
    sources = {flow.slots[one] for one in others if one != slot}
    return _come_from(flow, [(one, flow.slots[slot]) for one in own], slot[0], sources)


def _come_from(flow: Flow, pending: list[_Place], owner: Class, sources: set[Node]) -> bool:
    """Whether values get to nodes by certain attributes of the owner and on no other way.

    What is read from an object in there is in there: ``self.low = self.resnet.layer1``. But two
    networks of a class have the same attributes, so it has to be that very object.
    """
    own, seen = set(owner.ancestors()), set(pending)
    for value, node in pending:  # grows
        if node in sources:
            continue
        maker = value.spot.node if value.spot is not None else None
        made = flow.expressions.get(maker) if isinstance(maker, ast.expr) else None
        ways = flow.bringing(value, node)
        if node == made or not ways:
            return False
        for before in ways:
            cls = flow.class_read.get(before)
            if cls is None or cls in own:
                found: list[_Place] = [(value, before)]
            else:
                found = _objects_read(flow, node, cls)
            if not found:
                return False
            pending += [one for one in found if one not in seen]
            seen.update(found)
    return True


def _objects_read(flow: Flow, node: Node, cls: Class) -> list[_Place]:
    """The objects of a class one of whose attributes is read to a node, and where they are."""
    return [
        (held, base)
        for base in flow.handing(node)
        for held in flow.values(base)
        if isinstance(held, Instance) and cls in held.class_.ancestors()
    ]


def wraps(contents: Contents, slot: Slot, other: Slot) -> bool:
    """Whether an attribute has nothing but objects around what another one holds.

    ``self.extractor = Extractor(self.network)``
    """
    layers, held = _layers(contents, slot), set(contents.of_slot[other])
    for value in layers:
        parts = contents.family_slots(value.class_) if isinstance(value, Instance) else []
        inner = {one for part in parts for one in contents.of_slot[part]}
        if not inner or not inner <= held:
            return False
    return bool(layers)


def _layers(contents: Contents, slot: Slot) -> list[Instance | NormLayer]:
    return [one for one in contents.of_slot[slot] if isinstance(one, (Instance, NormLayer))]


def _is_made_by_constructor(value: Instance | NormLayer, slot: Slot) -> bool:
    function = value.spot.function if value.spot is not None else None
    return function is not None and function is slot[0].methods.get("__init__")
