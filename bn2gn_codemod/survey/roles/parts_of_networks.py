"""Layers that are taken out of a network: ``self.layer1 = resnet.layer1``.

The network itself need not be in any attribute, but what made the layer was for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from bn2gn_codemod.survey.because import Because, Role, Slot
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.roles.held_backbones import HeldBackbones
from bn2gn_codemod.survey.values import Class, Function, Instance, NormLayer, Value


class PartsOfNetworks:
    """Tells which network a layer was made for, and whether a class is more than one."""

    def __init__(
        self,
        contents: Contents,
        own: Mapping[Slot, Because],
        call_sites: CallSites,
        held: HeldBackbones,
    ) -> None:
        """``own`` are the attributes that are decided so far; it grows."""
        self._contents = contents
        self._own = own
        self._call_sites = call_sites
        self._held = held
        self._homes: dict[Value, list[Slot]] = {}

    def network_of(self, value: Instance | NormLayer, slot: Slot) -> Class | None:
        """The network that ``value`` was taken out of, as in ``self.layer1 = resnet.layer1``."""
        if value.spot is None:
            return None
        made_by, own_line = value.spot.function.enclosing_class, slot[0].ancestors()
        if made_by is not None and (made_by in own_line or slot[0] in made_by.ancestors()):
            return None  # as for nearly every layer
        for one in self._made_for(value, value.spot.function):
            because = self._own.get(one)
            if because is None or because.role is not Role.BACKBONE or one[0] in own_line:
                continue
            maker = made_by
            if maker is None:
                maker = None if self.is_mixed(one[0]) else one[0]
            if maker is None or slot[0] in maker.ancestors():
                continue
            if not self._held.is_built_in(maker, slot):
                return maker
        return None

    def _made_for(self, value: Instance | NormLayer, made_in: Function) -> list[Slot]:
        """The attributes with a value that are those of the class for which it was made."""
        known = self._homes.get(value)
        if known is None:
            slots, maker = self._contents.held_in.get(value, ()), made_in.enclosing_class
            if maker is None:
                known = [one for one in slots if self._call_sites.are_for(made_in, one[0])]
            else:
                known = [one for one in slots if one[0] in maker.ancestors()]
            self._homes[value] = known
        return known

    def is_mixed(self, cls: Class) -> bool:
        """Whether the class holds a backbone beside other things, or is half one."""
        return self._held.holds_one(cls) or any(
            self._own[slot].role is not Role.BACKBONE
            for slot in self._contents.family_slots(cls)
            if slot in self._own
        )
