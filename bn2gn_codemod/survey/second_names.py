"""Attributes with layers that stand in other attributes of the same class already."""

from __future__ import annotations

from collections.abc import Sequence

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.contents import Contents
from bn2gn_codemod.survey.values import Instance, NormLayer


def same_layers(contents: Contents, slot: Slot, others: Sequence[Slot]) -> Slot | None:
    """One of the other attributes in which all the layers of ``slot`` are.

    ``self.low_features = self.features[:4]``; a slice may seem to be one of a block. Or the
    first of several, in which they are together: ``nn.Sequential(self.conv1, self.bn1)``.
    """
    layers = _layers(contents, slot)
    if not layers:
        return None
    held = {other: contents.inside(other) for other in others}
    for other, inside in held.items():
        if inside.issuperset(layers):
            return other
    # What a method makes may be of each call of the method.
    is_own = all(_is_made_by_constructor(one, slot) for one in layers)
    if is_own and set().union(*held.values()).issuperset(layers):
        return next(other for other, inside in held.items() if not inside.isdisjoint(layers))
    return None


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
