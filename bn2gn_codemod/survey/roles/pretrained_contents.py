"""What an attribute holds that is pretrained: a network of a library, a loaded one, or parts."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import is_built_backbone, library_model
from bn2gn_codemod.survey.roles.held_backbones import HeldBackbones
from bn2gn_codemod.survey.roles.lent_parts import LentParts
from bn2gn_codemod.survey.roles.parts_of_networks import PartsOfNetworks
from bn2gn_codemod.survey.values import Class, Instance, NormLayer, Value
from bn2gn_codemod.survey.weights.loads import Load, Loads

# No attribute holds so many classes, unless by a name that is looked up in all of them.
_CROWD = 24


class PretrainedContents:
    """Tells in words what it is, and whether so much comes together there that it may be none."""

    def __init__(
        self,
        contents: Contents,
        loads: Loads,
        parts: PartsOfNetworks,
        held: HeldBackbones,
        lent: LentParts,
    ) -> None:
        self._contents = contents
        self._flow = contents.flow
        self._loads = loads
        self._parts = parts
        self._held = held
        self._lent = lent

    def first(self, slot: Slot) -> tuple[str, bool] | None:
        """In words, what the attribute holds that is pretrained, and whether that is vague."""
        if slot[0].is_parallel_wrapper:
            return None  # one model is no part of another one for being wrapped in the same way
        first: tuple[str, bool] | None = None
        for words, vague, _ in self.each(slot):
            if not vague:
                return words, vague
            first = first or (words, vague)
        return first

    def each(self, slot: Slot) -> Iterator[tuple[str, bool, Class | Value]]:
        """The same for each network that it is, or is a part of, and that network."""
        crowded = self._flow.is_crowded(self._flow.slots[slot])
        is_wrapper = self._wraps_models(slot)
        for value in self._contents.of_slot[slot]:
            library = library_model(value)
            if library is not None and not self._lent.holds_untrained(slot, value):
                yield f"holds {library}", crowded, value
            if is_built_backbone(value) and self._lent.is_started(value):
                words = f"holds what {value.name} makes, and weights are loaded into that"
                yield words, crowded, value
            if is_wrapper:
                continue
            if isinstance(value, Instance) and not value.weak:
                load = self._asked_load(value.class_)
                is_part = not self._contents.is_above(value.class_, slot)
                if load is not None and is_part and not self._parts.is_mixed(value.class_):
                    words = f"holds {value.class_.name}, which {load.words}"
                    yield words, crowded or load.vague, value.class_
            if isinstance(value, (Instance, NormLayer)) and not self.is_around(value, slot):
                maker = self._parts.network_of(value, slot)
                load = self._asked_load(maker) if maker is not None else None
                if maker is not None and load is not None:
                    words = f"holds parts of {maker.name}, which {load.words}"
                    yield words, crowded or load.vague, maker

    def declined(self, slot: Slot) -> str | None:
        """In words, what it holds that would be pretrained if anybody asked for the weights."""
        for value in self._contents.of_slot[slot]:
            if not isinstance(value, Instance) or value.weak or slot[0].is_parallel_wrapper:
                continue
            load = self._loads.best(value.class_)
            if load is not None and load.declined and not self.is_around(value, slot):
                return f"holds {value.class_.name}, which {load.words}"
        return None

    def is_crowd(self, slot: Slot) -> bool:
        """Whether so much comes together in the attribute that it may be a mix-up."""
        name = slot[1]
        if families.is_backbone_attribute(name) or families.may_be_backbone_attribute(name):
            return False
        held = {v.class_ for v in self._contents.of_slot[slot] if isinstance(v, Instance)}
        return len(held) > _CROWD

    def _asked_load(self, cls: Class) -> Load | None:
        """How weights get into the class that somebody here asks for."""
        load = self._loads.best(cls)
        return None if load is None or load.declined else load

    def _wraps_models(self, slot: Slot) -> bool:
        """Whether a whole model comes into the attribute, with a backbone of its own.

        What is loaded into another one of the models that it may hold says nothing of this one.
        """
        return families.may_hold_whole_model(slot[1]) and any(
            isinstance(value, Instance)
            and value.class_ is not slot[0]
            and self._held.holds_one(value.class_)
            for value in self._contents.of_slot[slot]
        )

    def is_around(self, value: Value, slot: Slot) -> bool:
        """Whether a value is an object like the one whose attribute it is in, or holds one.

        What a container is filled with may seem to be put into each of its elements.
        """
        return isinstance(value, Instance) and (
            slot[0] in value.class_.ancestors() or self._contents.is_above(value.class_, slot)
        )
