"""What a load into an attribute by itself says of it.

Only what is named like a backbone, or is certainly pretrained, is one: a file may as well be the
training of this very model.
"""

from __future__ import annotations

from bn2gn_codemod.survey.because import Because, Role, Slot, shown
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.values import Class, ExternalObject, Instance
from bn2gn_codemod.survey.weights.entries.checkpoint_members import CheckpointMembers
from bn2gn_codemod.survey.weights.loads import Loads


class LoadedAlone:
    """Judges attributes by the loads into them."""

    def __init__(self, contents: Contents, loads: Loads, members: CheckpointMembers) -> None:
        self._contents = contents
        self._loads = loads
        self._members = members

    def of(self, slot: Slot) -> Because | None:
        """What the load into an attribute says of it; ``None``: nothing, or others say more."""
        load = self._loads.of_slot.get(slot)
        if load is None or not self._contents.may_hold_layers(slot):
            return None
        words = f"{shown(slot)} {load.words}"
        name = slot[1]
        if load.declined:
            if families.is_backbone_attribute(name):
                return None
            return Because(Role.UNDECIDED, words)
        if families.has_new_word(name):
            if load.published and self._is_judged_inside(slot):
                return None
            return Because(Role.UNDECIDED, f"{words}, though its name is not a backbone's")
        is_certain = load.kind == "url" or load.by_hand or load.is_meant
        if is_certain or families.is_backbone_attribute(name):
            return Because(Role.BACKBONE, words, vague=load.vague)
        if families.may_hold_whole_model(name):
            return None  # a wrapper that resumes
        if load.into_some or families.may_be_backbone_attribute(name):
            return Because(Role.BACKBONE, words, vague=load.vague)
        if is_in_backbone(self._contents, slot):
            return None  # judged as what holds it
        return Because(Role.UNDECIDED, f"{words}: pretrained, or training that is resumed")

    def is_handed_on(self, slot: Slot) -> bool:
        """Whether a container in an attribute is handed to another one, and loaded there.

        ``SSD(Tiny().model)``, and ``self.base_net.load_state_dict(...)`` in ``SSD``.
        """
        held = self._contents.of_slot[slot]
        containers = {one for one in held if isinstance(one, ExternalObject)}
        layers = self._contents.layers_in(slot)
        return any(
            one != slot
            and one in self._contents.of_slot
            and layers <= self._contents.layers_in(one)
            and containers.issubset(self._contents.of_slot[one])
            and (because := self.of(one)) is not None
            and because.role is Role.BACKBONE
            for one in (self._loads.of_slot if containers and layers else ())
        )

    def _is_judged_inside(self, slot: Slot) -> bool:
        """Whether all that the attribute holds is told attribute by attribute, by its family."""
        return all(
            isinstance(value, Instance)
            and self._members.family(value.class_) is not None
            and self._is_published_for(value.class_)
            for value in self._contents.of_slot[slot]
        )

    def _is_published_for(self, cls: Class) -> bool:
        load = self._loads.best(cls)
        return load is not None and load.published


def is_in_backbone(contents: Contents, slot: Slot) -> bool:
    """Whether nothing but attributes named backbone hold the class that has an attribute.

    What a file is loaded into there is no training that goes on, which loads whole models.
    """
    holders = [
        one
        for cls in slot[0].descendants()
        for one in contents.holders.get(cls, ())
        if not one[0].is_parallel_wrapper
    ]
    is_part = bool(holders) and all(families.is_backbone_attribute(name) for _, name in holders)
    return is_part and not families.has_new_word(slot[1])
