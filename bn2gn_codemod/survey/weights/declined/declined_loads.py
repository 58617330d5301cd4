"""Loads into networks of the repository that a factory leaves out for those who ask for none.

``resnet50()`` where ``resnet50(pretrained=False)`` hands that on to what loads weights
``if pretrained:``. Other callers may ask for weights, and what they get is another object.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.load_calls import spots_by_place
from bn2gn_codemod.survey.flow.ways_to_code import Way, WaysToCode
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.statements.run_conditions import (
    NONE,
    Condition,
    Conditions,
    conditions_above,
    conditions_at,
)
from bn2gn_codemod.survey.values import Class, Function, FunctionValue, Instance, Spot, Value
from bn2gn_codemod.survey.weights.declined.uncalled_loads import UncalledLoads
from bn2gn_codemod.survey.weights.loads import Load, Loads
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed

_ASKS = re.compile(r"(?:\w*_)?pretrained(?:_\w*)?")
# What else keeps from a load may keep from the network as well: ``if deep: net = loaded()``.
_SPEAKS = re.compile(r"pretrain|imagenet|weights", re.IGNORECASE)
_DEEPEST = 4  # functions that hand the answer on to another one


class DeclinedLoads:
    """Follows the calls by which a class gets its networks, up to the loads into them."""

    def __init__(self, flow: Flow, call_sites: CallSites) -> None:
        self._flow = flow
        self._call_sites = call_sites
        self._ways = WaysToCode(flow, call_sites)
        self._uncalled = UncalledLoads(flow, by_others=False)

    def are_for(self, slot: Slot, network: Class, loads: Iterable[Load]) -> bool:
        """Whether none of the loads runs for a network that the slot's class asks for."""
        line = dict.fromkeys((*slot[0].ancestors(), *slot[0].descendants()))
        methods = {method for cls in line for method in cls.methods.values()}
        spots = [spot for load in loads for spot in self._spots_at.get(load.where, [None])]
        ways = [
            (call, method)
            for method in methods
            for _, call in self._flow.calls_in.get(method, ())
            if self._is_network(self._flow.value_of(call), network)
        ]
        return (
            bool(ways and spots)
            and not any(self._is_handed(method, network) for method in methods)
            and all(self.leaves_out(spot, *way) for spot in spots for way in ways)
        )

    def are_unasked(self, cls: Class) -> bool:
        """Whether every call that makes an object of a class says no to pretrained weights.

        ``def __init__(self, pretrained=False)``, and nothing but ``Net()``: that its code speaks
        of weights does not say that there is any use for them here.
        """
        init = cls.find_method("__init__")
        names = [] if init is None else list(filter(_ASKS.fullmatch, init.parameters))
        if init is None or not names:
            return False
        calls = {call for _, call in self._call_sites.of(init)}
        made = {one.spot.node for one in self._flow.instances.get(cls, ()) if one.spot is not None}
        if not made.issubset(calls):
            return False  # something makes it that is no call of the class
        ways = [
            list(self._ways.to(init, frozenset({Condition(name, True, init)}))) for name in names
        ]
        return all(each and all(way.is_closed for way in each) for each in ways)

    def mark(self, loads: Loads) -> None:
        """Note which loads everything in the repository declines.

        What lives where backbones live is one, and may get its weights in another way; what any
        other load reaches may have them from there.
        """
        for cls, found in loads.of_class.items():
            if families.backbone_home(cls.path) is not None:
                continue
            told = [(one, self._by_all(one)) for one in found]
            passed_by = {one.where for one, where in told if where != ""}
            by_call = next((where for _, where in told if where), None)
            if by_call is not None and not self._is_loaded_otherwise(cls, passed_by):
                told.sort(key=lambda one: not one[1])
                found[:] = [
                    one._replace(declined=by_call if by is None else by) for one, by in told
                ]
        for slot, load in loads.of_slot.items():
            loads.of_slot[slot] = load._replace(declined=self._by_all(load) or "")
        loads.forget_best()

    def _is_loaded_otherwise(self, cls: Class, declined: set[str]) -> bool:
        """Whether a class gets weights by more than the loads at some places, or may get them."""
        kin = {*cls.ancestors(), *cls.descendants()}
        return any(
            isinstance(value, Instance) and value.class_ in kin
            for call in self._flow.load_calls
            if call.spot.where not in declined and not is_resumed(self._flow, call)
            for value in self._flow.values(call.receiver)
        )

    def _by_all(self, load: Load) -> str | None:
        """A call that says no to a load, where each of them leaves it out: ``net.py:12``.

        ``""`` where some may ask for it, or all say nothing of it: ``resnet50()`` is how anybody
        takes a network, to whom a default may not matter. What is tried out beside the load does
        not count, nor do factories that nothing calls. ``None`` where these are all that there is:
        ``resnet34()`` says nothing of what ``resnet18(pretrained=False)`` gives.
        """
        first = ""
        is_come_to = load.where not in self._spots_at
        for spot in self._spots_at.get(load.where, []):
            start = conditions_at(spot.function, spot.node)
            for way in self._ways.to(spot.function, start):
                is_idle = way.is_off and self._uncalled.is_uncalled(way.function)
                is_come_to = is_come_to or not is_idle
                if way.is_closed and way.calls:
                    if any(map(_SPEAKS.search, way.said)) and not _is_tried_out(way, spot):
                        first = first or f"{way.function.module.path}:{way.calls[0].lineno}"
                elif not is_idle:
                    return ""
        return first if is_come_to else None

    def leaves_out(self, spot: Spot | None, call: ast.Call, caller: Function) -> bool:
        """Whether a load does not run for a call that gives a network.

        ``net.cuda()``, which calls nothing of the repository, makes none.
        """
        called = list(self._flow.value_of(call.func))
        made_by = [one.function for one in called if isinstance(one, FunctionValue)]
        if spot is None or len(made_by) < len(called) or spot.function.enclosing_class is not None:
            return False
        start = conditions_at(spot.function, spot.node)
        return all(
            conditions_above(conditions, factory, call, caller) is None
            for factory in made_by
            for conditions in self._conditions_in(factory, spot.function, start, _DEEPEST)
        )

    def _conditions_in(
        self, factory: Function, function: Function, conditions: Conditions, depth: int
    ) -> Iterator[Conditions]:
        """What must be so for code in a function to run, as a factory that comes to it knows it."""
        if function is factory:
            yield conditions
        elif depth == 0:
            yield NONE
        else:
            for caller, call in self._call_sites.of(function):
                above = conditions_above(conditions, function, call, caller)
                if above is not None:
                    above |= conditions_at(caller, call)
                    yield from self._conditions_in(factory, caller, above, depth - 1)

    def _is_handed(self, method: Function, network: Class) -> bool:
        """Whether a method may be given the network by its caller."""
        nodes = (self._flow.name_node(method, name) for name in method.parameters)
        return any(self._is_network(self._flow.values(node), network) for node in nodes)

    def _is_network(self, values: Iterable[Value], network: Class) -> bool:
        return any(
            isinstance(value, Instance) and network in value.class_.ancestors() for value in values
        )

    @functools.cached_property
    def _spots_at(self) -> dict[str, list[Spot]]:
        return spots_by_place(self._flow.load_calls)


def _is_tried_out(way: Way, load: Spot) -> bool:
    """Whether a call only tells that the code around a load runs: ``resnet50()`` at its end."""
    is_top = isinstance(way.function.node, ast.Module)
    return way.function.module is load.module and (is_top or way.function.name.startswith("test"))
