"""Whole models that may stand where a pretrained network stands: ``self.net = model``.

A wrapper takes any model. That one of those it may be given comes with weights says nothing
of the others.
"""

from __future__ import annotations

from collections.abc import Callable

from bn2gn_codemod.survey.because import Because, Role, Slot, shown
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.values import Class, Instance, NormLayer


class AlternativeModels:
    """Tells a pretrained network and other models of one attribute apart.

    ``load_of`` gives the pretrained weights that are loaded into a class, if any are;
    ``network_of`` the loaded network that a part was taken out of.
    """

    def __init__(
        self,
        load_of: Callable[[Class], object],
        network_of: Callable[[Instance | NormLayer, Slot], Class | None],
    ) -> None:
        self._load_of = load_of
        self._network_of = network_of
        self._slots: set[Slot] = set()

    def add(self, slot: Slot) -> None:
        """The attribute is a backbone for a pretrained network that it may hold."""
        if families.may_hold_whole_model(slot[1]) or families.is_aside(slot[1]):
            self._slots.add(slot)

    def beside(self, slot: Slot, value: Instance | NormLayer) -> Because | None:
        """What is said of a model for which nothing speaks but another one in its place."""
        if slot not in self._slots or not isinstance(value, Instance):
            return None
        if self._load_of(value.class_) is not None or self._network_of(value, slot) is not None:
            return None
        words = f"{shown(slot)} may hold {value.class_.name} instead of what is pretrained"
        return Because(Role.DOUBT, words)
