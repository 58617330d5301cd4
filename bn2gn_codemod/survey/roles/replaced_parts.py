"""Layers that other code puts into a network: ``net.fc = nn.Sequential(conv, norm)``.

Weights that were loaded into the network before that are not in them.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.because import Because, Role, Slot, shown
from bn2gn_codemod.survey.flow.call_order import CallOrder, Event
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.known.library_models import may_be_named_batch_norm
from bn2gn_codemod.survey.roles.converted_layers import is_group_norm
from bn2gn_codemod.survey.syntax.nodes import call_name, flat
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    ExternalObject,
    Function,
    FunctionValue,
    Instance,
    NormLayer,
    Spot,
    Value,
)

_Layer = Instance | NormLayer | ExternalObject
_LAYERS = (Instance, NormLayer, ExternalObject)
# What may stand around parts of a network without a layer of its own.
_AROUND_PARTS = frozenset({"Sequential", "ModuleList", "DataParallel", "DistributedDataParallel"})


class _Store(NamedTuple):
    """``base.name = value``"""

    spot: Spot
    base: ast.expr
    value: ast.expr


class _NamedStore(NamedTuple):
    """A statement that stores something in ``base.name``."""

    statement: ast.stmt
    base: ast.expr
    name: str
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
        for store in (*self._stores.get(slot[1], ()), *self._put_beside):
            if self._hands_about(store.value, store):
                continue
            stored = layers.intersection(self._flow.value_of(store.value))
            before = set(self._orders(store, slot[0], places)) if stored else set()
            if before - {False}:
                # What the class makes itself was in there, and is put back.
                found |= {layer for layer in stored if _is_made_outside(slot[0], layer)}
                orders |= before
                # Where a child is told by a variable, it may be any: none is certain to be new.
                if (
                    store in self._put_beside
                    or self._may_put_back(store, slot, stored)
                    or self._is_filled_later(store, slot[0], places)
                ):
                    orders.add(None)
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

    def add_put_in(self, slot: Slot, places: Collection[str]) -> None:
        """Tell what other code puts among the loaded parts: ``net.layer1[0] = Block()``.

        ``places`` are where the class is loaded.
        """
        for store in self._put_in.get(slot[1], ()):
            stored = self._new_there(store, slot)
            if stored and set(self._orders(store, slot[0], places)) - {False}:
                words = f"{store.spot.where} puts it into {shown(slot)}"
                words = f"{words}, and nothing is seen to load weights into it after that"
                because = Because(Role.UNDECIDED, words)
                self._beside.update({(slot, layer): because for layer in stored})

    def add_instead(self, slot: Slot) -> None:
        """Tell what other code puts in its place: ``net.backbone = nn.Sequential(conv, norm)``."""
        for store in self._stores.get(slot[1], ()):
            stored = [
                one
                for one in self._new_there(store, slot)
                if isinstance(one, Instance) or (isinstance(one, NormLayer) and one.is_called)
            ]
            if stored and self._bases(store, slot[0]) and not self._hands_about(store.value, store):
                words = f"{store.spot.where} makes it for {shown(slot)}"
                words = f"{words}, and nothing is seen to load weights into it"
                because = Because(Role.UNDECIDED, words)
                self._beside.update({(slot, layer): because for layer in stored})

    def _new_there(self, store: _Store, slot: Slot) -> list[_Layer]:
        """What is stored, made by the very function that stores it, and not loaded itself."""
        held = set(self._contents.of_slot[slot])
        return [
            value
            for value in self._flow.value_of(store.value)
            if value in held
            and isinstance(value, _LAYERS)
            and value.spot is not None
            and value.spot.function is store.spot.function
            and _is_made_outside(slot[0], value)
            and not (isinstance(value, Instance) and self._load_of(value.class_) is not None)
        ]

    def beside(self, slot: Slot, layer: _Layer) -> Because | None:
        """What speaks against one layer of an attribute that holds loaded ones as well."""
        return self._beside.get((slot, layer))

    def _own_layers(self, slot: Slot) -> set[_Layer]:
        """The layers in an attribute, without what its class holds in another one as well."""
        related = {*slot[0].ancestors(), *slot[0].descendants()}
        return {
            value
            for value in self._contents.of_slot[slot]
            if isinstance(value, (Instance, NormLayer))
            or (
                isinstance(value, ExternalObject)
                and (is_group_norm(value) or may_be_named_batch_norm(value))
            )
            if not any(
                # What has a name that is not known may be in any of them.
                one[0] in related and one[1] != slot[1] and "*" not in (one[1], slot[1])
                for one in self._contents.held_in.get(value, ())
            )
        }

    @functools.cached_property
    def _stores(self) -> dict[str, list[_Store]]:
        """By name, what is stored in attributes of others than the method's own object."""
        found: dict[str, list[_Store]] = {}
        for function in (*self._flow.functions, *self._flow.top_level.values()):
            for statement, base, name, value in _attribute_stores(function):
                spot = Spot(function.module, statement, function)
                found.setdefault(name, []).append(_Store(spot, base, value))
        return found

    @functools.cached_property
    def _put_beside(self) -> list[_Store]:
        """What is put beside a child that stays: ``nn.Sequential(getattr(net, name), Own())``."""
        return [_Store(spot, base, value) for base, value, spot in self._flow.put_beside]

    @functools.cached_property
    def _put_in(self) -> dict[str, list[_Store]]:
        """By name, what is stored at a place in attributes of others."""
        found: dict[str, list[_Store]] = {}
        for function in (*self._flow.functions, *self._flow.top_level.values()):
            for statement in _assignments(function):
                for target in statement.targets:
                    match target:
                        case ast.Subscript(value=ast.Attribute(value=base, attr=name)) if (
                            not _is_self(base)
                        ):
                            spot = Spot(function.module, statement, function)
                            store = _Store(spot, base, statement.value)
                            found.setdefault(name, []).append(store)
        return found

    def _hands_about(self, expr: ast.expr, store: _Store) -> bool:
        """``net.layer0 = nn.Sequential(net.conv1, net.bn1)``: what the object has by itself.

        Other networks that may be there instead say nothing of it.
        """
        match expr:
            case ast.Attribute(value=base):
                return _is_same(base, store.base)
            case ast.Subscript(value=inner) | ast.Starred(value=inner):
                return self._hands_about(inner, store)
            case ast.Call(func=func, args=[first, *others], keywords=keywords) if call_name(
                expr
            ) in _AROUND_PARTS and not self._is_own_code(func):
                beside = [*others, *(keyword.value for keyword in keywords)]
                return self._hands_about(first, store) and all(
                    self._hands_about(one, store) or not self._holds_layers(one) for one in beside
                )
            case _:
                return False

    def _is_own_code(self, func: ast.expr) -> bool:
        return any(
            isinstance(value, (ClassValue, FunctionValue)) for value in self._flow.value_of(func)
        )

    def _holds_layers(self, expr: ast.expr) -> bool:
        """Whether an argument may be more than a number or a name: ``device_ids=[0]`` is not."""
        return any(isinstance(value, _LAYERS) for value in self._flow.value_of(expr))

    def _may_put_back(self, store: _Store, slot: Slot, stored: set[_Layer]) -> bool:
        """Whether what is stored may be what was there, of which the store is no news."""
        if not stored.isdisjoint(self._stored_by_class(slot)):
            return True
        inside = set(ast.walk(store.value))
        names_itself = any(
            (
                isinstance(one, ast.Attribute)
                and one.attr == slot[1]
                and _is_same(one.value, store.base)
            )
            or (isinstance(one, ast.Constant) and one.value == slot[1])  # net._modules["fc"]
            for one in inside
        )
        made_there = {layer for layer in stored if layer.spot and layer.spot.node in inside}
        return names_itself and not stored <= made_there

    def _stored_by_class(self, slot: Slot) -> set[Value]:
        """What the class, or one of its line, stores in the attribute by itself."""
        line = {*slot[0].ancestors(), *slot[0].descendants()}
        return {
            value
            for cls in line
            for method in cls.methods.values()
            for statement in _assignments(method)
            for target in statement.targets
            if isinstance(target, ast.Attribute) and target.attr == slot[1]
            if _is_self(target.value)
            for value in self._flow.value_of(statement.value)
        }

    def _orders(self, store: _Store, cls: Class, places: Collection[str]) -> Iterator[bool | None]:
        """Whether each load into the object comes before the store; ``None``: that is unclear."""
        bases = self._bases(store, cls)
        if not bases:
            return
        is_seen = False
        stored = list(self._order.events(store.spot.function, store.spot.node))
        for call in self._flow.load_calls:
            spot = call.spot
            if spot.where not in places or not self._reaches(call.receiver, bases):
                continue
            is_seen = True
            yield self._comes_first(call, stored)
        if not is_seen:
            yield None

    def _is_filled_later(self, store: _Store, cls: Class, places: Collection[str]) -> bool:
        """Whether a model loads weights into the network as a part of its own after the store.

        Such a load says nothing of the class, and nobody resumes a part.
        """
        bases = self._bases(store, cls)
        stored = list(self._order.events(store.spot.function, store.spot.node))
        return any(
            self._comes_first(call, stored) is not True
            for call in self._flow.load_calls
            if call.attribute and call.spot.where not in places
            if self._reaches(call.receiver, bases)
        )

    def _bases(self, store: _Store, cls: Class) -> set[Instance]:
        return {
            held
            for held in self._flow.value_of(store.base)
            if isinstance(held, Instance) and cls in held.class_.ancestors()
        }

    def _comes_first(self, load: LoadCall, stored: list[Event]) -> bool | None:
        """Whether a load comes before a store; ``None``: that is unclear."""
        loaded = list(self._order.events(load.spot.function, load.spot.node))
        is_before = self._order.comes_first(loaded, stored)
        is_after = self._order.comes_first(stored, loaded)
        return is_before if is_before is not is_after else None

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


def _attribute_stores(function: Function) -> Iterator[_NamedStore]:
    """``net.fc = head``, and ``net.add_module("fc", head)``; not what is stored in ``self``."""
    for statement in () if isinstance(function.node, ast.Lambda) else flat(function.node.body):
        for base, name, value in _stored_in(statement):
            if not _is_self(base):
                yield _NamedStore(statement, base, name, value)


def _stored_in(statement: ast.stmt) -> Iterator[tuple[ast.expr, str, ast.expr]]:
    """The attributes that one statement stores by a name that is written there."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                match target:
                    case ast.Attribute(value=base, attr=name):
                        yield base, name, value
                    case ast.Subscript(
                        value=ast.Attribute(value=base, attr="_modules"),
                        slice=ast.Constant(value=str(name)),
                    ):
                        yield base, name, value
                    case _:
                        pass
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(value=base, attr="add_module" | "register_module"),
                args=[ast.Constant(value=str(name)), value],
            )
            | ast.Call(
                func=ast.Name(id="setattr"), args=[base, ast.Constant(value=str(name)), value]
            )
        ):
            yield base, name, value
        case _:
            pass


def _assignments(function: Function) -> Iterator[ast.Assign]:
    if not isinstance(function.node, ast.Lambda):
        yield from (one for one in flat(function.node.body) if isinstance(one, ast.Assign))


def _is_same(expr: ast.expr, other: ast.expr) -> bool:
    return ast.dump(expr) == ast.dump(other)


def _is_self(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Name) and expr.id == "self"
