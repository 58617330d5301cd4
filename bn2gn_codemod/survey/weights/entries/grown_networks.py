"""Networks into whose parts other code puts layers: ``net.body.add_module("extra", Block())``.

A file that filled all of a network before has nothing for these.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    Function,
    FunctionValue,
    Instance,
    NormLayer,
    Spot,
    Value,
)


class GrownNetworks:
    """Tells them by the places at which their layers are made."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._flow = contents.flow

    def is_grown(self, call: LoadCall, cls: Class) -> bool:
        """Whether a part that a network is made with gets layers by other code than makes it.

        An attribute of the network with nothing but such layers is another part, and told apart.
        """
        places = self._made_with(call, cls)
        for slot in self._contents.family_slots(cls):
            held = [one for one in self._contents.of_slot[slot] if _has_norms(one)]
            if any(self._is_made_in(one, places) for one in held) and not all(
                self._is_made_in(one, places)
                for one in self._contents.inside(slot)
                if _has_norms(one)
            ):
                return True
        return False

    def _is_made_in(self, value: Value, places: dict[Function, int | None]) -> bool:
        spot: Spot | None = getattr(value, "spot", None)
        if spot is None:
            return True
        last = places.get(spot.function, 0)
        return last is None or spot.line <= last

    def _made_with(self, load: LoadCall, cls: Class) -> dict[Function, int | None]:
        """The functions in which a network is made before a load, and up to which line of each.

        ``net = VGG(make_layers(cfg))``: all code before that may give what it is made of.
        """
        inner = [*cls.descendants(), *cls.ancestors(), *self._contents.below(cls)]
        found: dict[Function, int | None] = {
            one.methods["__init__"]: None for one in inner if "__init__" in one.methods
        }
        kin = set(cls.descendants())
        for function, calls in self._flow.calls_in.items():
            lines = [
                call.end_lineno or call.lineno
                for _, call in calls
                if any(
                    isinstance(one, ClassValue) and one.class_ in kin
                    for one in self._flow.value_of(call.func)
                )
            ]
            if lines:
                found.setdefault(function, max(lines))
        if load.spot.function in found:
            found[load.spot.function] = load.spot.line
        pending = list(found)
        for function in pending:
            last = found[function]
            for _, call in self._flow.calls_in.get(function, ()):
                if last is None or call.lineno <= last:
                    new = [one for one in self._called(call) if one not in found]
                    found.update(dict.fromkeys(new))
                    pending.extend(new)
        return found

    def _called(self, call: ast.Call) -> list[Function]:
        return [
            one.function
            for expr in (call.func, *call.args)
            for one in self._flow.value_of(expr)
            if isinstance(one, FunctionValue)
        ]


def _has_norms(value: Value) -> bool:
    return isinstance(value, (Instance, NormLayer))
