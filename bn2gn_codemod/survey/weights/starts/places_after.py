"""The code that has a model after a load: the load's own function, and those that call that.

``restore(net, path)`` or ``net = restore(args)``, and whatever comes below.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.run_conditions import conditions_above, conditions_at, passed
from bn2gn_codemod.survey.syntax.nodes import dotted, walk_scope
from bn2gn_codemod.survey.values import Function, Instance

_MOST = 8  # functions that are looked at for one load


class Place(NamedTuple):
    """A function, the line of the load or of the call that comes to it, and the model's names."""

    function: Function
    line: int
    models: frozenset[str]


class PlacesAfter:
    """Finds it by the names that functions have for the model."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._sites = CallSites(flow)

    def of(self, call: LoadCall, models: frozenset[str]) -> Iterator[Place]:
        """The load's own function first; ``models`` are its names for what is loaded."""
        load, function = call.spot.node, call.spot.function
        if load is None:
            return
        pending = [(Place(function, load.lineno, models), conditions_at(function, load))]
        for place, conditions in pending:  # grows
            yield place
            for caller, site in self._sites.of(place.function)[: _MOST - len(pending)]:
                above = conditions_above(conditions, place.function, site, caller)
                names = self._names_above(call, place, caller, site)
                if names and above is not None:
                    found = Place(caller, site.end_lineno or site.lineno, names)
                    pending.append((found, above | conditions_at(caller, site)))

    def _names_above(
        self, call: LoadCall, place: Place, caller: Function, site: ast.Call
    ) -> frozenset[str]:
        """What a caller calls the model: what it hands over, or what it is given for it."""
        function = place.function
        names = {
            text
            for model in place.models & function.parameters
            if (given := passed(function, site, model)) is not None and (text := dotted(given))
        }
        own = function.first_parameter
        if function.class_ is not None and isinstance(site.func, ast.Attribute):
            owner = dotted(site.func.value)
            for model in place.models:
                root, _, rest = model.partition(".")
                if root == own and owner is not None:
                    names.add(f"{owner}.{rest}" if rest else owner)
        if self._gives(call, function):
            for node in walk_scope(caller.node):
                if isinstance(node, ast.Assign) and node.value is site:
                    names.update(filter(None, map(dotted, node.targets)))
        inner = {name.removesuffix(".module") for name in names}
        return frozenset(inner | {f"{name}.module" for name in inner})

    def _gives(self, call: LoadCall, function: Function) -> bool:
        given = set(self._flow.values(self._flow.return_node(function)))
        return any(
            isinstance(value, Instance) and value in given
            for value in self._flow.values(call.receiver)
        )


def handed_as(function: Function, call: ast.Call, models: Collection[str]) -> Iterator[str]:
    """The parameters for which a call hands over one of some names."""
    for name in sorted(function.parameters):
        given = passed(function, call, name)
        if given is not None and dotted(given) in models:
            yield name
