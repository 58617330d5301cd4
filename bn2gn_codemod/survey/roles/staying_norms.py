"""Which attributes have norm layers in them: made there at all, or BatchNorm that stays."""

from __future__ import annotations

import functools

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.unused_branches import UnusedBranches
from bn2gn_codemod.survey.known.library_models import (
    has_frozen_norms,
    holds_library_norms,
    library_model,
    may_be_named_batch_norm,
)
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.converted_layers import is_group_norm
from bn2gn_codemod.survey.roles.held_classes import HeldClasses
from bn2gn_codemod.survey.values import Class, Instance, NormLayer, Spot, Value


class StayingNorms:
    """Looks for norm layers. ``converted`` are those that do not stay BatchNorm."""

    def __init__(
        self,
        roles: RoleMap,
        held: HeldClasses,
        converted: frozenset[Spot],
        unused: UnusedBranches,
    ) -> None:
        self._contents = roles.contents
        self._held = held
        self._converted = converted
        self._unused = unused
        self._storing_norms: dict[Class, bool] = {}

    def are_made_in(self, slot: Slot) -> bool:
        """Whether norm layers are in an attribute, or in those of the objects there."""
        return any(
            _is_norm(value) or (isinstance(value, Instance) and self._are_stored_in(value.class_))
            for value in self._contents[slot]
        )

    def _are_stored_in(self, cls: Class) -> bool:
        known = self._storing_norms.get(cls)
        if known is None:
            known = self._storing_norms[cls] = any(
                _is_norm(held) for slot in self._held.slots(cls) for held in self._contents[slot]
            )
        return known

    def are_below(self, slot: Slot) -> bool:
        """Whether BatchNorm that stays lies in an attribute, however deep."""
        library = [value for value in self._contents[slot] if library_model(value)]
        if library and all(map(has_frozen_norms, library)):
            return False
        return self.are_in(slot) or any(
            held in self._classes_with_norms for held in self._held.of(slot)
        )

    def are_in(self, slot: Slot) -> bool:
        """Whether BatchNorm that stays is in an attribute, with no object around it."""
        return any(
            (isinstance(value, NormLayer) and self._stays(value))
            or holds_library_norms(value)
            or may_be_named_batch_norm(value)
            for value in self._contents[slot]
        )

    def _stays(self, layer: NormLayer) -> bool:
        """Whether a layer is made at all, and stays BatchNorm."""
        return layer.spot not in self._converted and not self._unused.holds(layer.spot)

    @functools.cached_property
    def _classes_with_norms(self) -> frozenset[Class]:
        """Classes of which some instance has BatchNorm that stays in it."""
        found: dict[Class, None] = {}
        pending = [slot[0] for slot in self._contents if self.are_in(slot)]
        while pending:
            for relative in self._held.relatives(pending.pop()):
                if relative not in found:
                    found[relative] = None
                    pending.extend(self._held.holders.get(relative, ()))
        return frozenset(found)


def _is_norm(value: Value) -> bool:
    return isinstance(value, NormLayer) or is_group_norm(value)
