"""Which attributes a load of weights names, and what of it is said of others beside them.

``self.aux.load_state_dict(...)`` is about ``self.aux``. Another attribute may hold an object
of the same class, or what another call of the same function made: neither is loaded.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.values import Class, Function, Instance, NormLayer, Value

_NEAR = 60  # variables between a call and the attribute that gets what it makes


class LoadedAttributes:
    """Tells attributes that are loaded from others that hold the same."""

    def __init__(self, flow: Flow, held_in: Mapping[Value, list[Slot]]) -> None:
        self._flow = flow
        self._held_in = held_in
        self._call_sites = CallSites(flow)
        self._sources: dict[Function, dict[Slot, set[int]]] = {}

    def named(self, call: LoadCall) -> list[Slot]:
        """The attributes of ``model.backbone.load_state_dict(...)``."""
        if call.base is None:
            return []
        return [
            (owner, call.attribute)
            for value in self._flow.values(call.base)
            if isinstance(value, Instance)
            for owner in value.class_.ancestors()
            if (owner, call.attribute) in self._flow.slots
        ]

    def of_layers(self, call: LoadCall, elements: Collection[Value]) -> Iterator[Slot]:
        """The attributes that hold the single layers of a load.

        What is in a container beside them, be it blocks, is among its ``elements``: the
        attributes of a block are told by what holds the block. Where an attribute is named, it
        is what is loaded.
        """
        named = self.named(call)
        found = list(self._flow.values(call.receiver))
        is_any = call.into_tensors or call.by_name
        kinds = (NormLayer, Instance) if call.by_name else NormLayer
        inside = self._objects_inside(found, () if named else elements)
        inner = {cls for one in inside for cls in one.class_.ancestors()}
        if is_any or all(one in inside for one in found if isinstance(one, Instance)):
            for value in found:
                if isinstance(value, kinds):
                    for slot in self._held_in.get(value, ()):
                        is_inner = slot[0] in inner and not is_any
                        if not is_inner and not self._is_made_apart(value, slot, named):
                            yield slot

    def _objects_inside(self, found: list[Value], elements: Collection[Value]) -> set[Instance]:
        """The objects that are elements, or held by such objects."""
        left = {value for value in found if isinstance(value, Instance)}
        inside: set[Instance] = set()
        new = {value for value in left if value in elements}
        while new:
            inside |= new
            left -= new
            holders = {cls for one in new for cls in one.class_.ancestors()}
            new = {one for one in left if self._is_held_by(holders, one)}
        return inside

    def _is_held_by(self, holders: set[Class], value: Value) -> bool:
        return any(cls in holders for cls, _ in self._held_in.get(value, ()))

    def is_elsewhere(self, cls: Class, named: set[Slot]) -> bool:
        """Whether an object of the class is in attributes that no load names."""
        for one in self._flow.instances.get(cls, ()):
            slots = self._held_in.get(one, ())
            loaded = [slot for slot in slots if slot in named]
            if not one.weak and any(
                not loaded or self._is_made_apart(one, slot, loaded)
                for slot in slots
                if slot not in named
            ):
                return True
        return False

    def _is_made_apart(
        self, value: Instance | NormLayer, slot: Slot, named: Iterable[Slot]
    ) -> bool:
        """Whether one function makes the value for the attributes, each time by another call."""
        beside = [one for one in named if one[0] is slot[0]]
        if not beside or slot in beside:
            return False
        for function in self._makers(value):
            sources = self._calls_for(function)
            mine = sources.get(slot, set())
            others = [sources.get(one, set()) for one in beside]
            if mine and all(others) and mine.isdisjoint(*others):
                return True
        return False

    def _makers(self, value: Instance | NormLayer) -> list[Function]:
        """The function that makes the value, and those that hand on what it gives."""
        makers = [value.spot.function] if value.spot is not None else []
        for maker in makers:
            for caller, _ in self._call_sites.of(maker):
                if caller not in makers and value in set(
                    self._flow.values(self._flow.return_node(caller))
                ):
                    makers.append(caller)
        return makers

    def _calls_for(self, function: Function) -> dict[Slot, set[int]]:
        """The calls of a function, by the attributes that what they give goes to."""
        known = self._sources.get(function)
        if known is None:
            known = self._sources[function] = {}
            for _, call in self._call_sites.of(function):
                node = self._flow.expressions.get(call)
                if node is None:
                    continue
                for near in self._flow.downstream(node, _NEAR):
                    if near in self._slot_of:
                        known.setdefault(self._slot_of[near], set()).add(node)
        return known

    @functools.cached_property
    def _slot_of(self) -> dict[int, Slot]:
        return {node: (cls, name) for cls, name, node in self._flow.holders()}
