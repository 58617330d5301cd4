"""Networks that get all that they have from a file, and then another last layer.

``net.load_state_dict(saved)``, and then ``net.fc = nn.Linear(512, 10)``: the file is of a training
for other classes, whatever it is called. That training may be here as well, by other code: what it
makes has no weights to begin with.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.flow.network_contents import external_network
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.syntax.nodes import given_arguments
from bn2gn_codemod.survey.values import Class, Function, FunctionValue, Instance
from bn2gn_codemod.survey.weights.entries.grown_networks import GrownNetworks
from bn2gn_codemod.survey.weights.evaluated.evaluations import trains
from bn2gn_codemod.survey.weights.loads import Load
from bn2gn_codemod.survey.weights.starts.changed_parts import ChangedParts


class FineTunedNetworks:
    """Tells the loads into them; ``owners`` are the classes that have a ``backbone``."""

    def __init__(self, contents: Contents, owners: set[Class]) -> None:
        self._contents = contents
        self._owners = owners
        self._flow = contents.flow
        self._call_sites = CallSites(contents.flow)
        self._changed = ChangedParts(contents)
        self._grown = GrownNetworks(contents)

    def are_filled(self, call: LoadCall, load: Load, cls: Class) -> bool:
        """Whether a load fills all of a network before that changes.

        A model with a network in it is another thing: what it has beside may well be new.
        """
        return (
            load.strict
            and load.kind == "file"
            and not (load.goes_on or load.vague)
            and not self._has_network(cls)
            and self._changed.always_gets_other_layer(call, cls)
            and not self._grown.is_grown(call, cls)
            and not self._is_trained_without(call.spot.function, cls)
        )

    def _has_network(self, cls: Class) -> bool:
        inner = self._contents.below(cls)
        return any(map(families.is_network_class, inner)) or any(
            one in self._owners
            or any(
                external_network(self._contents, slot) for slot in self._contents.family_slots(one)
            )
            for one in (cls, *inner)
        )

    def _is_trained_without(self, loading: Function, cls: Class) -> bool:
        """Whether code that trains makes an object of the class by another way than ``loading``."""
        kin = cls.descendants()
        return any(
            self._gives_one(call, kin) and not self._comes_by(loading, caller, call, {caller})
            for caller, calls in self._flow.calls_in.items()
            if trains(caller.module)
            for _, call in calls
        )

    def _gives_one(self, call: ast.Call, kin: list[Class]) -> bool:
        """Whether a call gives an object of some classes that it was not handed itself."""
        owner = [call.func.value] if isinstance(call.func, ast.Attribute) else []
        handed = {
            value for one in (*owner, *given_arguments(call)) for value in self._flow.value_of(one)
        }
        return any(
            isinstance(value, Instance) and value.class_ in kin and value not in handed
            for value in self._flow.value_of(call)
        )

    def _comes_by(
        self, loading: Function, caller: Function, call: ast.Call, seen: set[Function]
    ) -> bool:
        """Whether a call stands in a function, is one of it, or is made for calls of it alone."""
        if caller is loading or any(
            isinstance(value, FunctionValue) and value.function is loading
            for value in self._flow.value_of(call.func)
        ):
            return True
        sites = self._call_sites.of(caller)
        return bool(sites) and all(
            outer in seen or self._comes_by(loading, outer, site, {*seen, outer})
            for outer, site in sites
        )
