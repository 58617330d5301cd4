"""Models of the repository that are loaded, and whose weights are copied into others.

``model.load_pretrained(classifier(pretrained=True))`` is a load like any other, whether it
copies a state dict or layer by layer.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.values import Class, Instance, NormLayer
from bn2gn_codemod.survey.weights.entries.other_members import other_than_member
from bn2gn_codemod.survey.weights.loads import Load, Loads, Slot


def of_wholes(flow: Flow, call: LoadCall) -> Iterator[LoadCall]:
    """The call as one into each model over all of whose layers it goes."""
    for model, in_order, base, attribute in call.wholes:
        values = list(flow.values(model))
        # What is in a container stands for the container as well.
        is_model = bool(values) and all(isinstance(value, Instance) for value in values)
        receiver = model if is_model else call.receiver
        yield dataclasses.replace(
            call,
            receiver=receiver,
            in_order=in_order,
            base=base,
            attribute=attribute,
            strict=False,  # of each layer by itself, at most
        )
    if not call.wholes:
        yield call


class CopiedModels:
    """Tells what code copies out of models into which weights are loaded."""

    def __init__(self, contents: Contents, loads: Loads) -> None:
        self._contents = contents
        self._flow = contents.flow
        self._loads = loads

    def source(self, call: LoadCall) -> Class | None:
        """A class of which a loaded object is copied into one of another class, if one is."""
        mine, around = self._receivers(call)
        own = self._own_slot(call)
        # Many values come to the same attributes: each is asked once.
        is_filled = functools.cache(
            lambda slot: slot != own and self._is_filled(slot, slot[0] in mine or slot[0] in around)
        )
        found = [
            cls for value in self._given(call) for cls in self._loaded_in(value, mine, is_filled)
        ]
        return min(found, key=self.is_vague, default=None)

    def is_vague(self, cls: Class) -> bool:
        """Whether it is not certain, or not of all of an object, that weights are loaded."""
        found = [load.vague for one in cls.ancestors() for load in self._of_class(one)]
        # Nobody goes on with a training by copying what was read into another class.
        is_read = any(one in self._loads.resumed for one in cls.ancestors())
        return all(found) if found else not is_read

    def are_networks(self, call: LoadCall) -> bool:
        """Whether nothing is copied out of but classification networks, for what is known."""
        own = set(self._flow.values(call.receiver))  # whose state dict is filled
        return all(
            self._is_network(value.class_)
            for value in self._given(call)
            if isinstance(value, Instance) and value not in own
        )

    def _given(self, call: LoadCall) -> Iterator[Instance | NormLayer]:
        for node in (*call.sources, *call.weights):
            for value in self._flow.values(node):
                if isinstance(value, (Instance, NormLayer)):
                    yield value

    def _receivers(self, call: LoadCall) -> tuple[set[Class], set[Class]]:
        """The classes of what is filled, and those that hold it."""
        mine: set[Class] = set()
        around: set[Class] = set()
        for value in self._flow.values(call.receiver):
            if isinstance(value, Instance):
                mine.update(value.class_.ancestors(), value.class_.descendants())
            if isinstance(value, (Instance, NormLayer)):
                around.update(slot[0] for slot in self._contents.held_in.get(value, ()))
        return mine, around

    def _own_slot(self, call: LoadCall) -> Slot | None:
        """The only attribute with what is filled: copied out of that is its own earlier state."""
        values = [one for one in self._flow.values(call.receiver) if isinstance(one, Instance)]
        slots = {slot for value in values for slot in self._contents.held_in.get(value, ())}
        return slots.pop() if len(slots) == 1 else None

    def _loaded_in(
        self, value: Instance | NormLayer, mine: set[Class], is_filled: Callable[[Slot], bool]
    ) -> Iterator[Class]:
        """The classes that are loaded together with a value, from its own upwards.

        What is copied between objects of one class is a moving average or a teacher.
        """
        if isinstance(value, Instance):
            cls = value.class_
            # What holds the other one is no other model: it is around it, or trains it.
            is_other = mine.isdisjoint((cls, *self._contents.below(cls)))
            if is_other and self._is_loaded(cls):
                yield cls
        seen: set[Class] = set()
        pending = list(self._contents.held_in.get(value, ()))
        for slot in pending:
            if is_filled(slot):
                yield slot[0]
            if slot[0] not in seen:
                seen.add(slot[0])
                pending.extend(self._contents.holders.get(slot[0], ()))

    def _is_loaded(self, cls: Class) -> bool:
        """Whether weights are loaded into objects of a class, or into what they hold."""
        inner = [*cls.ancestors(), *self._contents.below(cls)]
        return any(
            self._of_class(one) or one in self._loads.resumed or any(map(self._is_known, slots))
            for one in inner
            for slots in [self._contents.slots_of.get(one, ())]
        )

    def _is_known(self, slot: Slot) -> bool:
        """Whether an attribute is loaded by itself, or holds a library's network."""
        held = self._contents.of_slot[slot]
        return slot in self._loads.of_slot or any(map(library_model, held))

    def _is_filled(self, slot: Slot, is_own: bool) -> bool:
        """Whether what is in an attribute is loaded together with the class that has it."""
        if slot in self._loads.of_slot:
            return True
        cls = slot[0]
        loads = [load for one in cls.ancestors() for load in self._of_class(one)]
        if not loads:
            return cls in self._loads.resumed and not is_own
        family = families.family_of(cls, self._contents.names(cls))
        if family is None or any(load.strict for load in loads):
            return not is_own
        return _is_stage(family, slot[1])

    def _is_network(self, cls: Class) -> bool:
        """Whether all that a class holds is in the published checkpoints of its family."""
        family = families.family_of(cls, self._contents.names(cls))
        held = list(filter(self._contents.may_hold_layers, self._contents.family_slots(cls)))
        return family is not None and all(
            _is_stage(family, slot[1]) and not other_than_member(self._contents, slot)
            for slot in held
        )

    def _of_class(self, cls: Class) -> Iterable[Load]:
        return self._loads.of_class.get(cls, ())


def _is_stage(family: families.Family, attribute: str) -> bool:
    return family.members.match(attribute) is not None and not families.is_extra_stage(attribute)
