"""Attributes that only list what stands in others, as optimizers want it."""

from __future__ import annotations

from collections.abc import Callable

from bn2gn_codemod.survey.because import Because, Slot
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.listed_attributes import (
    lists_attributes,
    lists_modules,
    lists_parameters,
)
from bn2gn_codemod.survey.flow.second_names import are_read_from
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.values import Class, Instance, NormLayer
from bn2gn_codemod.survey.weights.loads import Loads


class PartLists:
    """Tells which attributes without a role of their own hold nothing of their own either."""

    def __init__(
        self,
        contents: Contents,
        loads: Loads,
        own: dict[Slot, Because],
        part_of_network: Callable[[Instance | NormLayer, Slot], Class | None],
    ) -> None:
        self._contents = contents
        self._loads = loads
        self._own = own
        self._part_of_network = part_of_network

    def is_plain(self, slot: Slot) -> bool:
        """``self.fine_tune = [self.conv1, self.layer1]``, in whatever network that is."""
        if slot in self._own or slot in self._loads.of_slot:
            return False
        if lists_modules(self._contents, slot):
            return True  # whatever it is called: ``self.backbone_modules``
        if self._is_more_than_a_list(slot):
            return False
        return lists_attributes(self._contents, slot) or lists_parameters(slot)

    def is_of_parts(self, slot: Slot) -> bool:
        """``self.layers = [self.downsample, self.features.layer2]``, as optimizers want it."""
        if slot in self._own:
            return False
        if self._only_lists_attributes(slot):
            return True
        layers = self._contents.layers_in(slot)
        # ``self.layer1`` and ``self.layer2`` of a ResNet may well hold the same, but no less.
        beside = self._contents.by_layers(slot[0])
        if not any(inner and inner < layers for inner in beside):
            return False
        # Slices of ``list(resnet().children())`` may hold the same as well, but the
        # network that they were taken out of is no attribute beside them.
        return any(
            network is not None and self._is_held_by(network, slot[0])
            for network in (self._part_of_network(value, slot) for value in layers)
        )

    def _only_lists_attributes(self, slot: Slot) -> bool:
        """``self.trained = [self.trunk, self.top]``: its layers are judged where they stand."""
        if self._is_more_than_a_list(slot):
            return False
        layers = self._contents.layers_in(slot)
        held = [
            one
            for inner, slots in self._contents.by_layers(slot[0]).items()
            if inner < layers
            for one in slots
            if one[1] != "*"
        ]
        if len(held) < 2 or not layers:
            return False
        if set().union(*map(self._contents.layers_in, held)) != layers:
            return False
        return are_read_from(self._contents, slot, held)

    def _is_more_than_a_list(self, slot: Slot) -> bool:
        """Whether an attribute is called like a backbone, or loaded."""
        name = slot[1]
        if slot in self._loads.of_slot or name == "*" or families.may_be_backbone_attribute(name):
            return True
        return families.is_backbone_attribute(name) or families.may_hold_whole_model(name)

    def _is_held_by(self, network: Class, cls: Class) -> bool:
        holders = self._contents.holders.get(network, ())
        return any(slot[0] in cls.ancestors() for slot in holders)
