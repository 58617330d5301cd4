"""Layers that other code puts into a network: ``net.fc = nn.Sequential(conv, norm)``.

Weights that were loaded into the network before that are not in them.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.because import Because, Role, Slot, shown
from bn2gn_codemod.survey.call_order import CallOrder
from bn2gn_codemod.survey.call_sites import CallSites
from bn2gn_codemod.survey.contents import Contents
from bn2gn_codemod.survey.converted_layers import is_group_norm
from bn2gn_codemod.survey.syntax import flat
from bn2gn_codemod.survey.value_graph import Node
from bn2gn_codemod.survey.values import (
    Class,
    ExternalObject,
    Function,
    Instance,
    NormLayer,
    Spot,
    Value,
)

_Layer = Instance | NormLayer | ExternalObject


class _Store(NamedTuple):
    """``base.name = value``"""

    spot: Spot
    base: ast.expr
    value: ast.expr


class ReplacedParts:
    """Judges what is put into networks that are loaded elsewhere.

    ``load_of`` gives the pretrained weights that are loaded into a class, if any are.
    """

    def __init__(
        self, contents: Contents, call_sites: CallSites, load_of: Callable[[Class], object]
    ) -> None:
        self._contents = contents
        self._flow = contents.flow
        self._order = CallOrder(contents.flow, call_sites)
        self._load_of = load_of
        self._beside: dict[tuple[Slot, Value], Because] = {}

    def said(self, slot: Slot, loads: str, places: Collection[str]) -> Because | None:
        """What speaks against an attribute of a loaded class being a loaded part of it.

        ``loads`` says how the class is loaded, ``places`` are where.
        """
        layers = self._own_layers(slot)
        if not any(_is_made_outside(slot[0], layer) for layer in layers):
            return None
        found: set[Value] = set()
        orders: set[bool | None] = set()
        where = ""
        for store in self._stores.get(slot[1], ()):
            stored = layers.intersection(self._flow.value_of(store.value))
            before = set(self._orders(store, slot[0], places)) if stored else set()
            if before - {False}:
                found |= stored
                orders |= before
                where = where or store.spot.where
        if not found:
            return None
        words = f"{shown(slot)} is put there by other code ({where})"
        if orders == {True} and layers <= found and not self._is_loaded_around(slot[0]):
            return Because(Role.NEW, f"{words} after {slot[0].name} {loads}")
        words = f"{words}: whether weights are loaded into that is not known"
        because = Because(Role.UNDECIDED, words)
        if layers <= found:
            return because
        self._beside.update({(slot, layer): because for layer in found})
        return None

    def beside(self, slot: Slot, layer: Instance | NormLayer) -> Because | None:
        """What speaks against one layer of an attribute that holds loaded ones as well."""
        return self._beside.get((slot, layer))

    def _own_layers(self, slot: Slot) -> set[_Layer]:
        """The layers in an attribute, without what its class holds in another one as well."""
        related = {*slot[0].ancestors(), *slot[0].descendants()}
        return {
            value
            for value in self._contents.of_slot[slot]
            if isinstance(value, (Instance, NormLayer))
            or (isinstance(value, ExternalObject) and is_group_norm(value))
            if not any(
                one[0] in related and one[1] != slot[1]
                for one in self._contents.held_in.get(value, ())
            )
        }

    @functools.cached_property
    def _stores(self) -> dict[str, list[_Store]]:
        """By name, what is stored in attributes of others than the method's own object."""
        found: dict[str, list[_Store]] = {}
        for function in (*self._flow.functions, *self._flow.top_level.values()):
            for statement, target in _attribute_stores(function):
                spot = Spot(function.module, statement, function)
                store = _Store(spot, target.value, statement.value)
                found.setdefault(target.attr, []).append(store)
        return found

    def _orders(self, store: _Store, cls: Class, places: Collection[str]) -> Iterator[bool | None]:
        """Whether each load into the object comes before the store; ``None``: that is unclear."""
        bases = {
            held
            for held in self._flow.value_of(store.base)
            if isinstance(held, Instance) and cls in held.class_.ancestors()
        }
        if not bases:
            return
        is_seen = False
        stored = list(self._order.events(store.spot.function, store.spot.node))
        for call in self._flow.load_calls:
            spot = call.spot
            if spot.where not in places or not self._reaches(call.receiver, bases):
                continue
            loaded = list(self._order.events(spot.function, spot.node))
            is_before = self._order.comes_first(loaded, stored)
            is_after = self._order.comes_first(stored, loaded)
            is_seen = True
            yield is_before if is_before is not is_after else None
        if not is_seen:
            yield None

    def _reaches(self, receiver: Node, bases: set[Instance]) -> bool:
        """Whether what is loaded may be one of the objects: itself, or ``self`` in their class."""
        families = {cls for base in bases for cls in base.class_.ancestors()}
        return any(
            value in bases or (value.spot is None and value.class_ in families)
            for value in self._flow.values(receiver)
            if isinstance(value, Instance)
        )

    def _is_loaded_around(self, cls: Class) -> bool:
        """Whether weights are loaded into a model that the class is a part of."""
        around = dict.fromkeys([cls])
        pending = [cls]
        for one in pending:
            for holder, _ in self._contents.holders.get(one, ()):
                if holder not in around:
                    around[holder] = None
                    pending.append(holder)
        return any(self._load_of(one) is not None for one in pending[1:])


def _is_made_outside(cls: Class, layer: _Layer) -> bool:
    maker = layer.spot.function.enclosing_class if layer.spot is not None else cls
    return maker is None or maker not in {*cls.ancestors(), *cls.descendants()}


def _attribute_stores(function: Function) -> Iterator[tuple[ast.Assign, ast.Attribute]]:
    if isinstance(function.node, ast.Lambda):
        return
    for statement in flat(function.node.body):
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Attribute) and not _is_self(target.value):
                    yield statement, target


def _is_self(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Name) and expr.id == "self"
