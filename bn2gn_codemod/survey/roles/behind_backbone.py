"""What stands behind a backbone in a model, and gets what that gives.

A name that may be a backbone's as well says less than that.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.because import Role, Slot
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.network_contents import external_network
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import is_built_on_backbone, library_model
from bn2gn_codemod.survey.roles.evidence import Evidence
from bn2gn_codemod.survey.roles.small_encoders import is_small_encoder
from bn2gn_codemod.survey.statements.fed_parts import (
    gives_several,
    is_fed_behind,
    is_fed_by,
    is_fed_only_by,
)
from bn2gn_codemod.survey.syntax.nodes import given_arguments
from bn2gn_codemod.survey.values import Instance, NormLayer


class BehindBackbone:
    """Tells new parts by their place, whatever they are called."""

    def __init__(self, contents: Contents, evidence: Evidence) -> None:
        self._contents = contents
        self._evidence = evidence

    def is_new(self, slot: Slot, trunk: Slot) -> bool:
        """Whether an attribute beside ``trunk``, which holds no network, is none's part either."""
        return (
            self._goes_on(slot, trunk)
            or self._is_next(slot)
            or self.is_plain_head(slot)
            or self._is_attention(slot)
            or self._is_fed(slot, trunk)
            or self._is_fed_by_stream(slot, trunk)
            or self._is_named_behind(slot)
            or self._is_small_encoder(slot)
            or self.is_behind_library(slot, trunk)
        )

    def feeding(self, slot: Slot) -> Iterator[Slot]:
        """The other attributes of a model out of which an attribute gets all that it does."""
        for other in self._contents.family_slots(slot[0]):
            if other[1] != slot[1] and is_fed_by(slot[0], other[1], slot[1]):
                yield other

    def _goes_on(self, slot: Slot, trunk: Slot) -> bool:
        """Whether an attribute is a later stage, made anew behind parts of a library's network.

        ``layer4`` of a network of its own would have a ``layer1`` before it.
        """
        cls, name = slot
        return (
            trunk[0] is cls
            and families.is_later_stage(name)
            and families.FIRST_STAGE not in self._contents.names(cls)
            and external_network(self._contents, trunk)
            and not any(self._evidence.load_of(one) for one in cls.descendants())
            and not self._is_handed_on(slot)
        )

    def _is_next(self, slot: Slot) -> bool:
        """Whether an attribute is one number after a part of a network that was made elsewhere.

        ``self.encoder4 = resnet.layer4``, and ``self.encoder5`` of the model's own.
        """
        cls, name = slot
        before = families.name_before(name)
        one = self._evidence.own.get((cls, before)) if before is not None else None
        if one is None or before is None or one.vague:
            return False
        if one.role is Role.NEW:
            return self._is_next((cls, before)) and not self._is_handed_on(slot)
        return (
            one.role is Role.BACKBONE
            and (cls, before) not in self._evidence.only_named
            and not any(self._evidence.load_of(child) for child in cls.descendants())
            and not self._is_handed_on(slot)
        )

    def is_plain_head(self, slot: Slot) -> bool:
        """Whether an attribute is a few layers, spelt out behind a ``backbone`` that is loaded.

        ``self.layer1 = nn.Sequential(nn.Conv2d(512, 64, 1), nn.BatchNorm2d(64))``, which gets
        what ``self.backbone`` gives: a network of its own would get an image, and have blocks.
        """
        cls = slot[0]
        values = self._contents.of_slot[slot]
        layers = [value for value in values if isinstance(value, NormLayer)]
        return (
            bool(layers)
            and not any(isinstance(value, Instance) for value in values)
            and not external_network(self._contents, slot)
            and all(layer.spot.function.class_ in cls.ancestors() for layer in layers)
            and not any(self._evidence.load_of(one) for one in cls.descendants())
            and not self._is_handed_on(slot)
            and any(
                families.is_backbone_attribute(trunk[1]) and self._evidence.is_loaded(trunk)
                for trunk in self.feeding(slot)
            )
        )

    def _is_attention(self, slot: Slot) -> bool:
        """Whether it is attention to what an encoder gives: ``encoder_att_1``."""
        return families.is_attention(slot[1]) and not self._handles_weights(slot)

    def _is_fed(self, slot: Slot, trunk: Slot) -> bool:
        """Whether an encoder gets what the attribute named backbone gives, as in a DETR.

        Or what a network gives that loads all of itself.
        """
        cls, name = slot
        return (
            families.is_encoder(name)
            and trunk[0] is cls
            and (families.is_backbone_attribute(trunk[1]) or self._is_loaded_network(trunk))
            and is_fed_by(cls, trunk[1], name)
            and not self._handles_weights(slot)
        )

    def _is_fed_by_stream(self, slot: Slot, trunk: Slot) -> bool:
        """Whether what is named like a stage of a second network gets what the loaded one gives.

        ``self.conv1_depth(self.resnet.layer1(image))``: a network of its own would get an image.
        """
        cls, name = slot
        return (
            families.is_of_stream(name)
            and trunk[0] is cls
            and self._evidence.is_loaded(trunk)
            and is_fed_only_by(cls, trunk[1], name)
            and not self._handles_weights(slot)
            and not self._is_handed_on(slot)
        )

    def _is_named_behind(self, slot: Slot) -> bool:
        """Whether its class says that it comes after the network out of which it gets all."""
        held = self._contents.layers_in(slot)
        return (
            bool(held)
            and all(
                isinstance(v, Instance) and families.comes_after_network(v.class_) for v in held
            )
            and any(map(self._evidence.is_loaded, self.feeding(slot)))
            and not self._handles_weights(slot)
        )

    def _is_small_encoder(self, slot: Slot) -> bool:
        """Whether it is too small for a network, and no other code seems to fill it."""
        return (
            is_small_encoder(self._contents, slot)
            and not self._handles_weights(slot)
            and not self._is_handed_on(slot)
        )

    def is_behind_library(self, slot: Slot, trunk: Slot) -> bool:
        """Whether all that an attribute gets was made of what a published network gives.

        ``x, y = self.encoder(image)``, ``self.layer1(x)``: a network of its own would get an
        image. What gives one tensor alone may be a part, or an image again: it may go on.
        """
        cls, name = slot
        return (
            trunk[0] is cls
            and gives_several(cls, trunk[1])
            and self._evidence.is_loaded(trunk)
            and self._is_classification_network(trunk)
            and not families.is_network_name(name)
            and not families.may_hold_whole_model(name)
            and is_fed_behind(cls, trunk[1], name)
            and not any(map(self._evidence.may_begin_with, self._contents.around(cls)))
            and not self._handles_weights(slot)
            and not self._is_handed_on(slot)
        )

    def _is_classification_network(self, slot: Slot) -> bool:
        """Whether all that an attribute holds are networks of libraries, and no more than such."""
        held = self._contents.of_slot[slot]
        names = [library_model(value) for value in held]
        return bool(held) and all(
            name is not None and not is_built_on_backbone(name) for name in names
        )

    def _is_loaded_network(self, slot: Slot) -> bool:
        """Whether all that an attribute holds are networks that weights are loaded into."""
        classes = {v.class_ for v in self._contents.of_slot[slot] if isinstance(v, Instance)}
        return bool(classes) and all(
            families.is_network_class(cls) and self._evidence.load_of(cls) is not None
            for cls in classes
        )

    def _handles_weights(self, slot: Slot) -> bool:
        return any(
            isinstance(value, Instance) and self._evidence.idle.handles_weights(value.class_)
            for value in self._contents.of_slot[slot]
        )

    def _is_handed_on(self, slot: Slot) -> bool:
        """Whether a method hands the attribute to a call, which may copy weights into it."""
        calls_in = self._contents.flow.calls_in
        return any(
            isinstance(argument, ast.Attribute)
            and argument.attr == slot[1]
            and isinstance(argument.value, ast.Name)
            for method in slot[0].methods.values()
            for _, call in calls_in.get(method, ())
            for argument in given_arguments(call)
        )
