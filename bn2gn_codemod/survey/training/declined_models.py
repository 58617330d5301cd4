"""Models whose own script wants no weights for them: ``net = Net(pretrained=False)``.

What it says may go through constructors and factories, down to the code that would load them, or
to ``resnet50(pretrained=pretrained)`` of a library. A default that is off says the same, for here
nobody else makes the model.
"""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.hidden_calls import HiddenCalls
from bn2gn_codemod.survey.norms.load_order import LoadOrder
from bn2gn_codemod.survey.roles.backbone_paths import BackbonePaths
from bn2gn_codemod.survey.statements.run_conditions import (
    Conditions,
    conditions_above,
    conditions_at,
    weights_asked,
)
from bn2gn_codemod.survey.values import Class, Function, Instance
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed

_DEEPEST = 6  # functions that hand the answer on to another one


class DeclinedModels:
    """Follows the loads into the backbones of a model up to the code that makes it."""

    def __init__(
        self, flow: Flow, paths: BackbonePaths, order: LoadOrder, call_sites: CallSites
    ) -> None:
        self._flow = flow
        self._paths = paths
        self._order = order
        self._call_sites = call_sites
        self._hidden = HiddenCalls(flow)
        self._leads: dict[tuple[Function, Function], bool] = {}

    def where(self, cls: Class, made_in: Function) -> str:
        """A call that says no to weights, where no load runs for what the function makes.

        ``""``: one may, or nothing is known of them.
        """
        backbone = self._paths.weights.contents(cls)
        if backbone is None:
            return ""
        places = self._order.places(backbone.parts, backbone.owners, backbone.loads)
        if self._is_filled_otherwise(cls, {id(node) for _, node in places}):
            return ""
        first = ""
        for function, node in places:
            conditions = conditions_at(function, node) | weights_asked(function, node)
            for closed in self._closed(function, conditions, made_in, (function,)):
                if closed is None:
                    return ""
                first = first or closed
        return first

    def _is_filled_otherwise(self, cls: Class, known: set[int]) -> bool:
        """Whether anything else may load the model, or its backbones, for a training to begin."""
        inside = {cls, *self._paths.backbones_below(cls)}
        kin = {one for part in inside for one in (*part.ancestors(), *part.descendants())}
        return any(
            isinstance(value, Instance) and value.class_ in kin
            for call in self._flow.load_calls
            if id(call.spot.node) not in known and not is_resumed(self._flow, call)
            for value in self._flow.values(call.receiver)
        )

    def _closed(
        self,
        function: Function,
        conditions: Conditions,
        made_in: Function,
        behind: tuple[Function, ...],
    ) -> Iterator[str | None]:
        """The calls that keep a load from being come to, and ``None`` for each way that is open.

        What other scripts ask for is for their models.
        """
        if function is made_in or len(behind) > _DEEPEST:
            yield None
            return
        for call in self._hidden.of(function):
            if conditions_above(conditions, function, call, function) is not None:
                yield None
        for caller, call in self._call_sites.of(function):
            if caller in behind or not self._leads_to(caller, made_in):
                continue
            above = conditions_above(conditions, function, call, caller)
            if above is None:
                yield f"{caller.module.path}:{call.lineno}"
            else:
                above |= conditions_at(caller, call)
                yield from self._closed(caller, above, made_in, (*behind, caller))

    def _leads_to(self, function: Function, made_in: Function) -> bool:
        """Whether code that makes the model comes to a function, under whatever condition."""
        key = function, made_in
        if key not in self._leads:
            around, pending = {function}, [function]
            for one in pending:
                callers = {caller for caller, _ in self._call_sites.of(one)} - around
                around |= callers
                pending.extend(callers)
            self._leads[key] = made_in in around
        return self._leads[key]
