"""Which classes lie below a class: in its attributes, or in those of its relatives.

An object may be of a subclass of what is known of it, and has what its bases store.
"""

from __future__ import annotations

import functools

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.values import Class, Instance


class HeldClasses:
    """Looks up what classes hold, and what holds them. Bases and subclasses are relatives."""

    def __init__(self, flow: Flow, roles: RoleMap) -> None:
        self._flow = flow
        self._contents = roles.contents
        self._own_slots = roles.slots_of
        self._slots_of: dict[Class, list[Slot]] = {}
        self._relatives_of: dict[Class, list[Class]] = {}
        self._kin_of: dict[Class, frozenset[Class]] = {}
        self._held_in: dict[Slot, list[Class]] = {}
        self._next: dict[Class, frozenset[Class]] = {}
        self._reached: dict[Class, frozenset[Class]] = {}

    def below(self, cls: Class) -> frozenset[Class]:
        """All classes of what lies below a class, and their relatives."""
        known = self._reached.get(cls)
        if known is None:
            found: set[Class] = set()
            pending = [cls]
            while pending:
                new = self._held_itself(pending.pop()) - found
                found |= new
                pending.extend(new)
            known = self._reached[cls] = frozenset(found)
        return known

    def _held_itself(self, cls: Class) -> frozenset[Class]:
        """The classes of what the attributes of a class hold, and their relatives."""
        known = self._next.get(cls)
        if known is None:
            classes = {held for slot in self.slots(cls) for held in self.of(slot)}
            known = self._next[cls] = frozenset().union(*map(self.relatives, classes))
        return known

    def slots(self, cls: Class) -> list[Slot]:
        """The attributes of a class and of its relatives."""
        known = self._slots_of.get(cls)
        if known is None:
            known = self._slots_of[cls] = [
                slot for owner in self.relatives(cls) for slot in self._own_slots.get(owner, ())
            ]
        return known

    def of(self, slot: Slot) -> list[Class]:
        """The classes of what an attribute holds, each once."""
        known = self._held_in.get(slot)
        if known is None:
            found = (v.class_ for v in self._contents[slot] if isinstance(v, Instance))
            known = self._held_in[slot] = list(dict.fromkeys(found))
        return known

    def relatives(self, cls: Class) -> list[Class]:
        """The class with its bases and subclasses."""
        known = self._relatives_of.get(cls)
        if known is None:
            known = self._relatives_of[cls] = [*cls.ancestors(), *cls.descendants()[1:]]
        return known

    def kin(self, cls: Class) -> frozenset[Class]:
        """The class with its bases and subclasses, to look others up in."""
        known = self._kin_of.get(cls)
        if known is None:
            known = self._kin_of[cls] = frozenset(self.relatives(cls))
        return known

    def forwarded(self, cls: Class) -> list[Class]:
        """The classes of what a class hands on to one of another package, by ``**kwargs``."""
        return [
            value.class_
            for node in self._flow.forwarded_to_base.get(cls, ())
            for value in self._flow.values(node)
            if isinstance(value, Instance)
        ]

    @functools.cached_property
    def holders(self) -> dict[Class, list[Class]]:
        """By class of an object, or a relative of it, the classes that hold it in an attribute."""
        holders: dict[Class, dict[Class, None]] = {}
        for slot in self._contents:
            for held in self.of(slot):
                for relative in self.relatives(held):
                    holders.setdefault(relative, {})[slot[0]] = None
        for cls in self._flow.forwarded_to_base:
            for given in self.forwarded(cls):
                for relative in self.relatives(given):
                    holders.setdefault(relative, {})[cls] = None
        return {cls: list(found) for cls, found in holders.items()}
