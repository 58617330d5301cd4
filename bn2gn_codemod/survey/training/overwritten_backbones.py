"""Pretrained BatchNorm that is initialised anew after the load: frozen, it would stay that way."""

from __future__ import annotations

from collections.abc import Iterable

from bn2gn_codemod.plan import NormTest
from bn2gn_codemod.survey.norms.load_order import LoadOrder
from bn2gn_codemod.survey.values import Class


class OverwrittenBackbones:
    """Which models an init loop takes the pretrained BatchNorm from, as BN107 says."""

    def __init__(self, order: LoadOrder, tests: Iterable[NormTest]) -> None:
        self._order = order
        self._places = {test.resets: test.place for test in tests if test.resets}

    def objection(self, models: Iterable[Class]) -> str:
        """Why the BatchNorm of models of these classes is not to be frozen; ``""``: no loop."""
        if not self._places:
            return ""
        for cls in models:
            for words in self._order.loads_in(cls):
                place = self._places.get(words)
                if place is not None:
                    where = f"{place.path}:{place.line}"
                    done = f"{where} initialises the BatchNorm of {words} after it was loaded"
                    return f"{done}, and what is frozen then is not pretrained: mend that first"
        return ""
