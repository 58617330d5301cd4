"""Loads into networks of the repository that a factory leaves out for those who ask for none.

``resnet50()`` where ``resnet50(pretrained=False)`` hands that on to what loads weights
``if pretrained:``. Other callers may ask for weights, and what they get is another object.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.statements.run_conditions import (
    NONE,
    Conditions,
    conditions_above,
    conditions_at,
)
from bn2gn_codemod.survey.values import Class, Function, FunctionValue, Instance, Spot, Value
from bn2gn_codemod.survey.weights.loads import Load

_DEEPEST = 4  # functions that hand the answer on to another one


class DeclinedLoads:
    """Follows the calls by which a class gets its networks, up to the loads into them."""

    def __init__(self, flow: Flow, call_sites: CallSites) -> None:
        self._flow = flow
        self._call_sites = call_sites

    def are_for(self, slot: Slot, network: Class, loads: Iterable[Load]) -> bool:
        """Whether none of the loads runs for a network that the slot's class asks for."""
        line = dict.fromkeys((*slot[0].ancestors(), *slot[0].descendants()))
        methods = {method for cls in line for method in cls.methods.values()}
        spots = [self._spot_at.get(load.where) for load in loads]
        ways = [
            (call, method)
            for method in methods
            for _, call in self._flow.calls_in.get(method, ())
            if self._is_network(self._flow.value_of(call), network)
        ]
        return (
            bool(ways and spots)
            and not any(self._is_handed(method, network) for method in methods)
            and all(self._leaves_out(spot, *way) for spot in spots for way in ways)
        )

    def _leaves_out(self, spot: Spot | None, call: ast.Call, caller: Function) -> bool:
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
    def _spot_at(self) -> dict[str, Spot]:
        return {load.spot.where: load.spot for load in self._flow.load_calls}
