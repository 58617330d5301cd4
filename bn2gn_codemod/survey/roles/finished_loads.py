"""Loads of finished models, for users alone or to evaluate them, by which no training starts."""

from __future__ import annotations

from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.roles.held_backbones import HeldBackbones
from bn2gn_codemod.survey.values import Class
from bn2gn_codemod.survey.weights.entries.checkpoint_members import CheckpointMembers
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations
from bn2gn_codemod.survey.weights.evaluated.hub_entries import HubEntries
from bn2gn_codemod.survey.weights.loads import Loads


class FinishedLoads:
    """Sets loads of finished models aside, and knows the models that start from a part."""

    def __init__(
        self,
        contents: Contents,
        loads: Loads,
        members: CheckpointMembers,
        held: HeldBackbones,
        evaluations: Evaluations,
    ) -> None:
        self._contents = contents
        self._loads = loads
        self._members = members
        self._held = held
        self._evaluations = evaluations

    def set_aside(self) -> None:
        """Drop what is loaded for users alone, or to evaluate it.

        Only where training starts from something of its own, be it a loaded part.
        """
        hub = HubEntries(self._contents.flow)
        evaluations = self._evaluations
        for cls, every in list(self._loads.of_class.items()):
            found = self._loads.of_class[cls] = evaluations.of_others(cls, every)
            for load in [one for one in found if evaluations.are_of_finished(cls, one)]:
                found.remove(load)
                self._loads.resumed.setdefault(cls, load)
            left = [load for load in found if not hub.is_only_offered(load.where)]
            if len(left) == len(found) or not hub.is_trained(cls):
                continue
            has_own = any(evaluations.starts_training(cls, load) for load in left)
            if has_own or self._starts_from_a_part(cls):
                self._loads.of_class[cls] = left

    def _starts_from_a_part(self, cls: Class) -> bool:
        """Whether the class is a model of which a part is loaded by itself."""
        return self.loads_a_part_alone(cls) or (
            not families.is_network_class(cls)
            and self._members.family(cls) is None
            and any(self._held.is_loaded_in(slot) for slot in self._contents.family_slots(cls))
        )

    def loads_a_part_alone(self, cls: Class) -> bool:
        """Whether the class is a model whose backbone gets weights of its own."""
        if families.is_network_class(cls) or self._members.family(cls) is not None:
            return False
        return any(
            slot in self._loads.of_slot and families.may_be_backbone_attribute(slot[1])
            for slot in self._contents.family_slots(cls)
        )
