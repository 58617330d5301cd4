"""Classes that hold a backbone in an attribute, or deeper, by the loads alone.

What is a backbone by itself is told before anything is judged: a model around one is none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.network_contents import may_be_network
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.values import Class, Function, Instance, NormLayer, Value
from bn2gn_codemod.survey.weights.loads import Load


class HeldBackbones:
    """Tells who holds what is loaded. ``load_of`` gives the weights loaded into a class."""

    def __init__(
        self,
        contents: Contents,
        call_sites: CallSites,
        load_of: Callable[[Class], Load | None],
    ) -> None:
        self._contents = contents
        self._call_sites = call_sites
        self._load_of = load_of
        self._loaded_inside: dict[Slot, bool] = {}
        self._made_with: dict[Instance | NormLayer, list[Class]] = {}
        self._with_backbone: dict[Class, bool] = {}

    def forget(self) -> None:
        """Ask anew: an attribute was dropped."""
        self._with_backbone.clear()
        self._made_with.clear()

    def holds_one(self, cls: Class) -> bool:
        """Whether an attribute of the class holds a backbone, so that it is none itself."""
        if cls not in self._with_backbone:
            self._with_backbone[cls] = any(
                families.is_backbone_attribute(slot[1]) or self.is_loaded_in(slot)
                for slot in self._contents.family_slots(cls)
                if may_be_network(self._contents, slot)
            )
        return self._with_backbone[cls]

    def is_loaded_network(self, cls: Class) -> bool:
        """Whether pretrained weights are loaded into a class that is all backbone, not a model."""
        load = self._load_of(cls)
        if load is None:
            return False
        if load.kind == "file" and self.holds_one_below(cls):
            return False  # a checkpoint of the whole model
        return families.is_network_class(cls) or not self.holds_one(cls)

    def holds_one_below(self, cls: Class) -> bool:
        """Whether something that the class holds, however deep, holds a backbone."""
        seen = {cls}
        pending = [cls]
        while pending:
            for slot in self._contents.family_slots(pending.pop()):
                for value in self._contents.of_slot[slot]:
                    if isinstance(value, Instance) and value.class_ not in seen:
                        if self.holds_one(value.class_):
                            return True
                        seen.add(value.class_)
                        pending.append(value.class_)
        return False

    def is_loaded_in(self, slot: Slot) -> bool:
        known = self._loaded_inside.get(slot)
        if known is None:
            known = self._loaded_inside[slot] = self._is_loaded_inside(slot)
        return known

    def _is_loaded_inside(self, slot: Slot) -> bool:
        if families.is_aside(slot[1]):
            return False
        return any(
            library_model(value) is not None
            or (
                isinstance(value, Instance)
                and not value.weak
                and value.class_ is not slot[0]
                and self._is_clearly_loaded(value.class_)
                and not self._contents.is_above(value.class_, slot)
            )
            or self._is_part_of_loaded(slot, value)
            for value in self._contents.of_slot[slot]
        )

    def _is_part_of_loaded(self, slot: Slot, value: Value) -> bool:
        """Whether the value was taken out of a network that is loaded: ``vgg16().features``."""
        if not isinstance(value, (Instance, NormLayer)) or value.spot is None:
            return False
        if self._is_published(slot[0]):
            return False  # a network by itself, whatever else seems to come together in it
        own_line = slot[0].ancestors()
        return any(
            network not in own_line
            and slot[0] not in network.ancestors()
            and self._is_clearly_loaded(network)
            and not self.is_built_in(network, slot)
            for network in self._networks_made_with(value, value.spot.function)
        )

    def _networks_made_with(
        self, value: Instance | NormLayer, made_in: Function
    ) -> Collection[Class]:
        """The networks that hold the value and whose own code makes it.

        Asked for by every attribute that may hold the value, and what a registry
        builds may be held by hundreds.
        """
        known = self._made_with.get(value)
        if known is None:
            maker = made_in.enclosing_class
            known = self._made_with[value] = [
                network
                for network in dict.fromkeys(
                    cls for cls, _ in self._contents.held_in.get(value, ())
                )
                if families.is_network_class(network)
                and (
                    maker in network.ancestors()
                    if maker is not None
                    else self._call_sites.are_for(made_in, network)
                )
            ]
        return known

    def _is_published(self, cls: Class) -> bool:
        load = self._load_of(cls)
        return load is not None and load.kind == "url"

    def _is_clearly_loaded(self, cls: Class) -> bool:
        load = self._load_of(cls)
        # In a network that is a container, they are what it is made of.
        return load is not None and not load.vague and not load.of_network

    def is_built_in(self, maker: Class, slot: Slot) -> bool:
        # A layer that ``maker`` hands to a class of its own is not a re-used part.
        return any(
            value.spot is not None and value.spot.function.class_ in maker.ancestors()
            for child in slot[0].descendants()
            for value in self._contents.flow.instances.get(child, ())
        )
