"""Models whose own script wants no weights for them: ``net = Net(pretrained=False)``.

What it says may go through constructors and factories, down to the code that would load them, or
to ``resnet50(pretrained=pretrained)`` of a library. A default that is off says the same, for here
nobody else makes the model.
"""

from __future__ import annotations

import ast
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
        self._callers: dict[Function, set[Function]] = {}

    def where(self, cls: Class, made_in: Function) -> str:
        """A call that says no to weights, where no load runs for what the function makes.

        ``""``: one may, or nothing is known of them.
        """
        backbone = self._paths.weights.contents(cls)
        if backbone is None:
            return ""
        places = self._order.places(backbone.parts, backbone.owners, backbone.loads)
        if self._is_filled_otherwise(cls, made_in, {id(node) for _, node in places}):
            return ""
        first = ""
        for function, node in places:
            conditions = conditions_at(function, node) | weights_asked(function, node)
            for closed in self._closed(cls, function, conditions, made_in, (function,)):
                if closed is None:
                    return ""
                first = first or closed
        return first

    def _is_filled_otherwise(self, cls: Class, made_in: Function, known: set[int]) -> bool:
        """Whether anything else may load the model, or its backbones, for a training to begin.

        Not what other scripts do with theirs.
        """
        inside = {cls, *self._paths.backbones_below(cls)}
        kin = {one for part in inside for one in (*part.ancestors(), *part.descendants())}
        return any(
            isinstance(value, Instance) and value.class_ in kin
            for call in self._flow.load_calls
            if id(call.spot.node) not in known
            and not is_resumed(self._flow, call)
            and self._may_go_with(cls, call.spot.function, made_in)
            for value in self._flow.values(call.receiver)
        )

    def _may_go_with(self, cls: Class, function: Function, made_in: Function) -> bool:
        """Whether code may be run for the model that another function makes."""
        if function.module is made_in.module:
            return True
        if not self._around(function).isdisjoint(self._around(made_in)):
            return True
        maker, owner = made_in.enclosing_class, function.enclosing_class
        inside = {cls, *self._paths.held.below(cls), *([] if maker is None else [maker])}
        return owner is not None and self._is_in(owner, inside)

    def _closed(
        self,
        cls: Class,
        function: Function,
        conditions: Conditions,
        made_in: Function,
        behind: tuple[Function, ...],
    ) -> Iterator[str | None]:
        """The calls that keep a load from being come to, and ``None`` for each way that is open.

        What other scripts ask for is for their models, and so is what other models do.
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
            if self._is_for_others(cls, caller, call, made_in):
                continue
            above = conditions_above(conditions, function, call, caller)
            is_making = function.class_ is None or function.name.rpartition(".")[2] == "__init__"
            if above is None and not is_making:
                yield None  # of a method that others may call again
            elif above is None:
                yield f"{caller.module.path}:{call.lineno}"
            else:
                above |= conditions_at(caller, call)
                yield from self._closed(cls, caller, above, made_in, (*behind, caller))

    def _is_for_others(
        self, cls: Class, caller: Function, call: ast.Call, made_in: Function
    ) -> bool:
        """Whether a call is one by which another model gets a network of its own."""
        inside = {cls, *self._paths.held.below(cls)}
        if caller is made_in:
            made = [one for one in self._flow.value_of(call) if isinstance(one, Instance)]
            return bool(made) and not any(self._is_in(one.class_, inside) for one in made)
        owner = caller.enclosing_class
        return (
            owner is not None
            and owner.is_module
            and not self._is_in(owner, inside)
            and cls not in self._paths.held.below(owner)
        )

    def _is_in(self, one: Class, classes: set[Class]) -> bool:
        return not classes.isdisjoint((*one.ancestors(), *one.descendants()))

    def _leads_to(self, function: Function, made_in: Function) -> bool:
        """Whether code that makes the model comes to a function, under whatever condition."""
        return made_in in self._around(function)

    def _around(self, function: Function) -> set[Function]:
        """A function and all that come to it."""
        if function not in self._callers:
            around, pending = {function}, [function]
            for one in pending:
                callers = {caller for caller, _ in self._call_sites.of(one)} - around
                around |= callers
                pending.extend(callers)
            self._callers[function] = around
        return self._callers[function]
