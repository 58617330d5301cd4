"""Models that might have pretrained weights, and are made without them wherever they are made.

``def __init__(self, pretrained=False)``, and nothing but ``Net()``: that the code speaks of weights
does not say that there is any use for them here.
"""

from __future__ import annotations

import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.values import Class
from bn2gn_codemod.survey.weights.declined_weights import handed_off

_ASKS = re.compile(r"(?:\w*_)?pretrained(?:_\w*)?")


class UnaskedWeights:
    """Follows what the constructors of classes are handed."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._call_sites = CallSites(flow)

    def are_for(self, cls: Class) -> bool:
        """Whether every call that makes an object of the class says no to pretrained weights."""
        return bool(self._declined(cls, ()))

    def _declined(self, cls: Class, around: tuple[Class, ...]) -> list[str]:
        """The parameters of a constructor that ask for weights, if no call of it gives any."""
        init = cls.find_method("__init__")
        names = [] if init is None else list(filter(_ASKS.fullmatch, init.parameters))
        if init is None or not names or cls in around:
            return []
        calls = self._call_sites.of(init)
        made = {one.spot.node for one in self._flow.instances.get(cls, ()) if one.spot is not None}
        if not made.issubset(call for _, call in calls):
            return []  # something makes it that is no call of the class
        for caller, call in calls:
            home = caller.enclosing_class
            is_inner = home is not None and caller is home.methods.get("__init__")
            off = self._declined(home, (*around, cls)) if home is not None and is_inner else []
            said = handed_off(init, call, dict.fromkeys(off, True))
            if not all(said.get(name, False) for name in names):
                return []
        return names if calls else []
