"""Attributes with layers that stand in other attributes of the same class already."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.contents import Contents
from bn2gn_codemod.survey.value_graph import Node
from bn2gn_codemod.survey.values import Instance, NormLayer


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
    inner = {
        held
        for other in others
        for value in contents.inside(other)
        if isinstance(value, Instance)
        for held in contents.family_slots(value.class_)
    }
    sources = {flow.slots[one] for one in (*others, *inner) if one != slot}
    return all(_comes_from(contents, value, flow.slots[slot], sources) for value in own)


def _comes_from(
    contents: Contents, value: Instance | NormLayer, node: Node, sources: set[Node]
) -> bool:
    """Whether a value gets to a node by nothing but the sources."""
    flow = contents.flow
    maker = value.spot.node if value.spot is not None else None
    made = flow.expressions.get(maker) if isinstance(maker, ast.expr) else None
    seen = {node}
    pending = [node]
    for current in pending:  # grows
        if current in sources:
            continue
        before = flow.bringing(value, current)
        if current == made or not before:
            return False
        pending += [one for one in before if one not in seen]
        seen.update(before)
    return True


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
