"""What every attribute of every module class holds, as the flow analysis found it."""

from __future__ import annotations

import functools

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.values import (
    Class,
    ExternalObject,
    Instance,
    NormClass,
    NormLayer,
    Value,
)

# What code that goes over layers sets on them: tensors and numbers, no modules.
_NO_MODULES = frozenset(
    {"running_mean", "running_var", "num_batches_tracked", "weight", "bias", "momentum", "eps"}
)
# Where a module keeps its attributes that are modules: ``parent._modules[name] = layer``, and
# ``self.__dict__["_modules"] = layers``.
_PARTS = frozenset({"_modules", "__dict__"})


class Contents:
    """Attributes and what they hold, objects and what holds them."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.of_slot: dict[Slot, list[Value]] = {}
        self.slots_of: dict[Class, list[Slot]] = {}  # attributes a class itself stores
        self.held_in: dict[Value, list[Slot]] = {}
        self.holders: dict[Class, list[Slot]] = {}  # attributes that hold an instance
        self._below: dict[Class, dict[Class, None]] = {}
        self._held_by: dict[Class, dict[Class, None]] = {}
        self._layers: dict[Slot, frozenset[Instance | NormLayer]] = {}
        # Where code sets attributes by names that it computes, a class may have a thousand of
        # them, and all hold the same: what is asked of each is found out once for a class.
        self._by_layers: dict[Class, dict[frozenset[Instance | NormLayer], list[Slot]]] = {}
        self._own_values: dict[Class, frozenset[Value]] = {}
        self._inside: dict[Class, frozenset[Value]] = {}
        self._patterns: set[Value] = set()
        dicts: list[tuple[Class, int]] = []
        for cls, name, node in flow.holders():
            if cls.is_module and name in _PARTS:
                dicts.append((cls, node))
            elif cls.is_module and name not in _NO_MODULES:
                self._collect((cls, name), self._held_at(node))
        for cls, node in dicts:
            self._collect_nameless(cls, node)

    def _held_at(self, node: int) -> list[Value]:
        return [
            value
            for value in self.flow.with_members(node)
            if isinstance(value, (Instance, NormLayer, NormClass))
            or (isinstance(value, ExternalObject) and value.name)
        ]

    def _collect_nameless(self, cls: Class, node: int) -> None:
        """What is in the dict of a module's parts, and not seen to have a name in there."""
        named = {value for slot in self.family_slots(cls) for value in self.of_slot[slot]}
        found = [value for value in self._held_at(node) if value not in named]
        if found:
            self.flow.slot(cls, "*")  # where nothing else is stored without a name
            self._collect((cls, "*"), found)

    def _collect(self, slot: Slot, found: list[Value]) -> None:
        if slot in self.flow.parted:
            found = [self.flow.parted[slot]]
        if not found:
            return
        patterns = _patterns(found)
        self._patterns |= patterns
        found = [value for value in found if value not in patterns]
        is_first = slot not in self.of_slot
        if is_first:
            self.of_slot[slot] = []
            self.slots_of.setdefault(slot[0], []).append(slot)
        self.of_slot[slot].extend(found)
        classes: dict[Class, None] = {}
        for value in found:
            if isinstance(value, (Instance, NormLayer)):
                self.held_in.setdefault(value, []).append(slot)
            if isinstance(value, Instance):
                classes.update(dict.fromkeys(value.class_.ancestors()))
        for cls in classes:
            holders = self.holders.setdefault(cls, [])
            if is_first or slot not in holders:
                holders.append(slot)

    @functools.cached_property
    def patterns(self) -> frozenset[Value]:
        """The layers of functions for which in every attribute those of the calls stand."""
        return frozenset(value for value in self._patterns if value not in self.held_in)

    def drop(self, slot: Slot) -> None:
        """Forget an attribute that only lists what other attributes hold."""
        del self.of_slot[slot]
        self.slots_of[slot[0]].remove(slot)
        self._held_by.pop(slot[0], None)
        self._layers.pop(slot, None)
        self._by_layers.pop(slot[0], None)
        self._own_values.pop(slot[0], None)
        self._inside.clear()  # of whatever holds the class
        for holders in (*self.held_in.values(), *self.holders.values()):
            if slot in holders:
                holders.remove(slot)

    def family_slots(self, cls: Class) -> list[Slot]:
        """Attributes of the class and of its repository bases."""
        return [slot for owner in cls.ancestors() for slot in self.slots_of.get(owner, ())]

    def names(self, cls: Class) -> frozenset[str]:
        """Every attribute that the class or its bases store anything in."""
        return frozenset(
            name for owner in cls.ancestors() for name in self.flow.attributes_of(owner)
        )

    def has_name(self, cls: Class, name: str) -> bool:
        """Whether a name is among these."""
        return any(name in self.flow.attributes_of(owner) for owner in cls.ancestors())

    def may_hold_layers(self, slot: Slot) -> bool:
        """Whether something of the repository's own, with layers, is in there."""
        return any(isinstance(value, (Instance, NormLayer)) for value in self.of_slot[slot])

    def layers_in(self, slot: Slot) -> frozenset[Instance | NormLayer]:
        """What an attribute holds of the repository's own."""
        known = self._layers.get(slot)
        if known is None:
            known = self._layers[slot] = frozenset(
                value for value in self.of_slot[slot] if isinstance(value, (Instance, NormLayer))
            )
        return known

    def by_layers(self, cls: Class) -> dict[frozenset[Instance | NormLayer], list[Slot]]:
        """The attributes that a class itself stores, by what they hold of the repository's own."""
        known = self._by_layers.get(cls)
        if known is None:
            known = self._by_layers[cls] = {}
            for slot in self.slots_of.get(cls, ()):
                known.setdefault(self.layers_in(slot), []).append(slot)
        return known

    @functools.cached_property
    def homes_of_use(self) -> dict[Class, set[str | None]]:
        """The backbone folders, or ``None``, of the files in which a call gives an instance."""
        found: dict[Class, set[str | None]] = {}
        for function, calls in self.flow.calls_in.items():
            home = families.backbone_home(function.module.path)
            for _, call in calls:
                for value in self.flow.value_of(call):
                    if isinstance(value, Instance):
                        found.setdefault(value.class_, set()).add(home)
        return found

    def is_one_layer(self, cls: Class) -> bool:
        """Whether the class holds a single norm and nothing of the repository's: no network."""
        held = {value for slot in self.family_slots(cls) for value in self.of_slot[slot]}
        norms = sum(isinstance(value, NormLayer) for value in held)
        return norms <= 1 and not any(isinstance(value, Instance) for value in held)

    def below(self, cls: Class) -> dict[Class, None]:
        """The classes that a class holds, however deep, but for itself and its bases."""
        known = self._below.get(cls)
        if known is None:
            held = self._reached(cls)[len(cls.ancestors()) :]
            known = self._below[cls] = dict.fromkeys(held)
        return known

    def _reached(self, cls: Class) -> list[Class]:
        """A class, its bases, and then the classes that these hold, however deep."""
        reached = [*cls.ancestors()]
        seen = set(reached)
        for one in reached:  # grows
            new = [held for held in self._held_itself(one) if held not in seen]
            seen.update(new)
            reached.extend(new)
        return reached

    def _held_itself(self, cls: Class) -> dict[Class, None]:
        """The classes of the objects in a class's own attributes, and their bases."""
        known = self._held_by.get(cls)
        if known is None:
            objects = (
                value
                for slot in self.slots_of.get(cls, ())
                for value in self.of_slot[slot]
                if isinstance(value, Instance)
            )
            classes = dict.fromkeys(value.class_ for value in objects)
            known = dict.fromkeys(held for one in classes for held in one.ancestors())
            self._held_by[cls] = known
        return known

    def around(self, cls: Class) -> set[Class]:
        """A class, its kin, and all that holds one of them."""
        found = {*cls.ancestors(), *cls.descendants()}
        pending = list(found)
        while pending:
            for holder, _ in self.holders.get(pending.pop(), ()):
                if holder not in found:
                    found.add(holder)
                    pending.append(holder)
        return found

    def inside(self, slot: Slot) -> set[Value]:
        """What an attribute holds, however deep."""
        held = self.of_slot[slot]
        classes = {value.class_ for value in held if isinstance(value, Instance)}
        return set(held).union(*map(self._inside_object, classes))

    def _inside_object(self, cls: Class) -> frozenset[Value]:
        """What an object of a class holds, however deep."""
        known = self._inside.get(cls)
        if known is None:
            values = map(self._held_values, self._reached(cls))
            known = self._inside[cls] = frozenset().union(*values)
        return known

    def _held_values(self, cls: Class) -> frozenset[Value]:
        """All that is in a class's own attributes."""
        known = self._own_values.get(cls)
        if known is None:
            slots = self.slots_of.get(cls, ())
            known = self._own_values[cls] = frozenset(
                value for slot in slots for value in self.of_slot[slot]
            )
        return known

    def is_above(self, cls: Class, slot: Slot) -> bool:
        """Whether the class holds the one whose attribute this is.

        ``block.model = model``: what is there is no part of the block.
        """
        return slot[0] in self.below(cls)

    def is_built(self, cls: Class) -> bool:
        """Whether anybody makes an instance of the class or of a subclass."""
        return any(self.flow.instances.get(child) for child in cls.descendants())

    def makers(self, cls: Class) -> set[Class | None]:
        """The classes whose code makes an instance of the class or of a subclass."""
        return {
            made.spot.function.enclosing_class if made.spot is not None else None
            for child in cls.descendants()
            for made in self.flow.instances.get(child, ())
        }


def _patterns(found: list[Value]) -> set[Value]:
    """Layers of functions that are there as those of single calls of the functions, too."""
    layers = [value for value in found if isinstance(value, NormLayer)]
    called = {layer.norm.function for layer in layers} - {None}
    return {
        layer
        for layer in layers
        if layer.spot.function in called
        and layer.is_given_by(layer.spot.function)
        and layer.norm.function is not layer.spot.function  # it calls itself
    }
