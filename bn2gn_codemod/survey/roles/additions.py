"""What was added inside of a backbone, and what is loaded inside of a new part."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from bn2gn_codemod.survey.because import Because, Role, Slot, shown
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.roles.evidence import Evidence
from bn2gn_codemod.survey.statements.optional_parts import only_asked_for
from bn2gn_codemod.survey.values import Class, Instance


class Additions:
    """Judges attributes of classes whose objects have a role by their place alone."""

    def __init__(self, contents: Contents, evidence: Evidence) -> None:
        self._contents = contents
        self._evidence = evidence
        self._own = evidence.own
        # asked for each attribute of a class, of which there may be a thousand
        self._networks_of: dict[Class, list[Slot]] = {}

    def judge(self) -> None:
        """Decide what can be decided, in :attr:`Evidence.own`."""
        self._judge_loaded_inside()
        self._judge_additions()

    def _judge_loaded_inside(self) -> None:
        """What is loaded in a new part is none for its place: ``self.neck.flow``."""
        pending = [slot for slot in self._own if self._own[slot].role is Role.NEW]
        seen = set(pending)
        for outer in pending:
            inside = map(self._contents.family_slots, self._networks_in(outer))
            for slot in itertools.chain.from_iterable(inside):
                if slot in self._own or slot in seen:
                    continue
                seen.add(slot)
                loaded = self._evidence.loaded_part(slot)
                if loaded is None:
                    pending.append(slot)
                else:
                    self._own[slot] = loaded

    def _judge_additions(self) -> None:
        """``fpn`` inside of what is a backbone for its attribute's name, or in another's place.

        What is no part of one network is none of those that may stand in its place either.
        """
        for outer in [slot for slot in self._own if self._own[slot].role is Role.BACKBONE]:
            networks = self._networks_in(outer, but=Role.DOUBT)
            slots = {slot: None for cls in networks for slot in self._contents.family_slots(cls)}
            added = {slot[1] for slot in slots if self._is_added(slot)}
            is_only_named = outer in self._evidence.only_named
            alone = [cls for cls in networks if is_only_named or self._is_unloaded(outer, cls)]
            doubtful = {slot for cls in alone for slot in self._contents.family_slots(cls)}
            for slot in slots:
                is_addition = slot in doubtful and (
                    families.has_certainly_new_word(slot[1])
                    or self._extends(networks, slot)
                    or self._is_beside_network(slot)
                    or self._is_no_member_but_optional(slot)
                )
                if slot not in self._own and (slot[1] in added or is_addition):
                    words = f"{self._own[outer].words}: whether {shown(slot)} in it is one, too"
                    self._own[slot] = Because(Role.UNDECIDED, f"{words}, is not known")

    def _is_unloaded(self, outer: Slot, cls: Class) -> bool:
        """Whether an attribute is a backbone for a network that another one may stand in for.

        What a registry makes of another entry comes with no weights for those of this one.
        """
        evidence = self._evidence
        if outer in evidence.loads.of_slot or evidence.pinned.of(outer) is not None:
            return False
        if not families.is_network_class(cls) or evidence.load_of(cls) is not None:
            return False
        kin = {*cls.ancestors(), *cls.descendants()}
        return any(
            isinstance(value, Instance)
            and value.class_ not in kin
            and not value.weak
            and evidence.load_of(value.class_) is not None
            and kin.isdisjoint(self._contents.below(value.class_))
            for value in self._contents.of_slot[outer]
        )

    def _networks_in(self, outer: Slot, but: Role | None = None) -> dict[Class, None]:
        """The classes of what an attribute may hold, without what has that role in it."""
        found: dict[Class, None] = {}
        for value in self._contents.of_slot[outer]:
            if isinstance(value, Instance):
                own = self._evidence.beside_loaded(outer, value)
                if own is None or own.role is not but:
                    found[value.class_] = None
        return found

    def _extends(self, networks: Iterable[Class], slot: Slot) -> bool:
        """Whether the attribute was added to a network that one of the classes extends."""
        return any(
            slot[0] in cls.ancestors()
            and self._evidence.members.extensions.base_of(cls, slot) is not None
            for cls in networks
        )

    def _is_no_member_but_optional(self, slot: Slot) -> bool:
        """Whether a well-known network has an attribute of its own, for an option alone."""
        family = self._evidence.members.family(slot[0])
        if family is None or self._evidence.members.is_member(family, slot):
            return False
        return slot[1] in only_asked_for(slot[0])

    def _is_beside_network(self, slot: Slot) -> bool:
        """Whether a class that is no network by itself has the attribute beside one.

        ``self.body = ResNet()``, and ``self.attention``.
        """
        cls, name = slot
        if families.may_be_backbone_attribute(name) or families.is_backbone_attribute(name):
            return False
        if families.is_named_after_network(cls) or self._evidence.members.family(cls) is not None:
            return False
        is_beside = any(other is not slot for other in self._named_networks(cls))
        return is_beside and not self._holds_network(slot)

    def _named_networks(self, cls: Class) -> list[Slot]:
        """The attributes of a class that are named like a backbone and hold a network."""
        known = self._networks_of.get(cls)
        if known is None:
            known = self._networks_of[cls] = [
                slot
                for slot in self._contents.family_slots(cls)
                if (
                    families.may_be_backbone_attribute(slot[1])
                    or families.is_backbone_attribute(slot[1])
                )
                and self._holds_network(slot)
            ]
        return known

    def _holds_network(self, slot: Slot) -> bool:
        return any(
            isinstance(value, Instance) and families.is_network_class(value.class_)
            for value in self._contents.of_slot[slot]
        )

    def _is_added(self, slot: Slot) -> bool:
        because = self._own.get(slot)
        return because is not None and because.role is not Role.BACKBONE and slot[1] != "*"
