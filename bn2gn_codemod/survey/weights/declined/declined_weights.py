"""Networks of libraries that the caller of a factory asks to be made without weights.

``make(kind, pretrained=False)`` where ``make`` gives ``resnet18(pretrained=pretrained)``: other
callers may ask for weights, and what they get is another object.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.library_models import asks_for_no_weights, weights_asked_by
from bn2gn_codemod.survey.syntax.nodes import is_off, unpacks, walk
from bn2gn_codemod.survey.values import ExternalObject, Function, FunctionValue

_DEEPEST = 4  # functions that hand the answer on to another one


class DeclinedWeights:
    """Follows what says that no weights come with a network, from its attribute on."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._known: dict[tuple[Slot, ExternalObject], bool] = {}

    def are_for(self, slot: Slot, network: ExternalObject) -> bool:
        """Whether whatever puts the network into an attribute declines its weights."""
        call = network.spot.node
        if not isinstance(call, ast.Call):
            return False
        if asks_for_no_weights(call, network.name):
            return True
        if not _named(call, network.name):
            return False
        key = (slot, network)
        if key not in self._known:
            self._known[key] = self._are_for(slot, network)
        return self._known[key]

    def _are_for(self, slot: Slot, network: ExternalObject) -> bool:
        line = dict.fromkeys((*slot[0].ancestors(), *slot[0].descendants()))
        methods = {method for cls in line for method in cls.methods.values()}
        makers = [method for method in methods if self._calls(method, network)]
        return (
            bool(makers)
            and not any(self._is_handed(method, network) for method in methods)
            and all(self._declines(method, network, {}, 0) for method in makers)
        )

    def _is_handed(self, method: Function, network: ExternalObject) -> bool:
        """Whether a method may be given the network by its caller."""
        return any(
            network in self._flow.values(self._flow.name_node(method, name))
            for name in method.parameters
        )

    def _calls(self, function: Function, network: ExternalObject) -> list[ast.Call]:
        """The calls of functions in a function that may give the network, or make it."""
        return [
            call
            for _, call in self._flow.calls_in.get(function, ())
            if network in self._flow.value_of(call)
            and (call is network.spot.node or self._callees(call))
        ]

    def _callees(self, call: ast.Call) -> list[Function]:
        return [
            value.function
            for value in self._flow.value_of(call.func)
            if isinstance(value, FunctionValue)
        ]

    def _declines(
        self, function: Function, network: ExternalObject, off: Mapping[str, bool], depth: int
    ) -> bool:
        """Whether all that may give the network says no, where the parameters ``off`` do."""
        calls = self._calls(function, network)
        return (
            bool(calls)
            and depth < _DEEPEST
            and all(self._is_declined(call, network, off, depth) for call in calls)
        )

    def _is_declined(
        self, call: ast.Call, network: ExternalObject, off: Mapping[str, bool], depth: int
    ) -> bool:
        if call is network.spot.node:
            names = _named(call, network.name)
            return bool(names) and all(off.get(name, False) for name in names)
        return all(
            self._declines(callee, network, handed_off(callee, call, off), depth + 1)
            for callee in self._callees(call)
        )


def _named(call: ast.Call, model: str) -> list[str]:
    """The variables that say whether a library's model has weights, if nothing else does."""
    said = [] if unpacks(call) else weights_asked_by(call, model)
    names = [value.id for value in said if isinstance(value, ast.Name)]
    others = [value for value in said if not isinstance(value, ast.Name)]
    return names if all(map(is_off, others)) else []


def handed_off(callee: Function, call: ast.Call, off: Mapping[str, bool]) -> dict[str, bool]:
    """Which parameters of a function say no in a call, as its own code leaves them."""
    node = callee.node
    if isinstance(node, (ast.Module, ast.Lambda)) or unpacks(call):
        return {}
    placed = [*node.args.posonlyargs, *node.args.args]
    defaults = dict(
        zip((one.arg for one in reversed(placed)), reversed(node.args.defaults), strict=False)
    )
    for one, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if default is not None:
            defaults[one.arg] = default
    is_bound = callee.class_ is not None and not callee.is_static
    names = [one.arg for one in placed][is_bound:]
    given = {**defaults, **dict(zip(names, call.args, strict=False))}
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    changed = {
        one.id for one in walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }
    return {name: _says_no(value, off) for name, value in given.items() if name not in changed}


def _says_no(value: ast.expr, off: Mapping[str, bool]) -> bool:
    return is_off(value) or (isinstance(value, ast.Name) and off.get(value.id, False))
