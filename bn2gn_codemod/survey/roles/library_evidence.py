"""Networks that a library made, in attributes and variables: what of them has weights.

Told here is what the call that makes one says, and what code does with it afterwards; a
setting, or a load into the attribute, speaks for all that is there.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from bn2gn_codemod.survey.because import Because, Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.library_models import asks_for_no_weights, library_model
from bn2gn_codemod.survey.roles.lent_parts import LentParts
from bn2gn_codemod.survey.roles.library_backbones import LibraryBackbones
from bn2gn_codemod.survey.roles.put_in_parts import PutIn, PutInParts
from bn2gn_codemod.survey.roles.replaced_parts import ReplacedParts
from bn2gn_codemod.survey.values import ExternalObject, Value


class LibraryEvidence:
    """Judges such networks.

    ``is_filled`` tells whether something else speaks for an attribute, ``is_pinned`` whether a
    setting does.
    """

    def __init__(
        self,
        flow: Flow,
        lent: LentParts,
        replaced: ReplacedParts,
        is_filled: Callable[[Slot], bool],
        is_pinned: Callable[[Slot], bool],
    ) -> None:
        self._lent = lent
        self._replaced = replaced
        self._is_filled = is_filled
        self._is_pinned = is_pinned
        self._put_in = PutInParts(flow)
        self._backbones = LibraryBackbones(flow)

    def model(self, value: ExternalObject) -> str | None:
        """The library's network that a value is, if weights come with it or into it."""
        call = value.spot.node
        is_bare = isinstance(call, ast.Call) and asks_for_no_weights(call, value.name)
        return None if is_bare and not self._lent.is_loaded(value) else library_model(value)

    def is_never_filled(self, slot: Slot, value: Value) -> bool:
        """Whether a library's network has no weights, as far as anything is seen to load them."""
        return not self._is_filled(slot) and self._lent.is_never_filled(slot, value)

    def is_started(self, slot: Slot, value: Value) -> bool:
        """Whether weights are loaded into a library's network, or into all of the attribute."""
        return self._is_filled(slot) or self._lent.is_started(value)

    def is_started_at_times(self, slot: Slot, value: ExternalObject) -> bool:
        """Whether weights come to a library's network, but it is not seen that they always do."""
        return (
            not self._is_filled(slot)
            and self._lent.is_started(value)
            and not self._lent.is_started_for_certain(value)
        )

    def pretrained_part(self, slot: Slot, value: Value) -> str | None:
        """Where the pretrained part of a library's network lies below an attribute.

        ``""``: it is all that is there. ``None``: what is there is another part of the network.
        """
        if self.is_started(slot, value):
            return ""
        return self._backbones.inside(slot, value)

    def put_in(self, slot: Slot, value: Value) -> list[PutIn]:
        """What code puts into a library's network in an attribute, that nothing speaks for."""
        is_other_kind = self._lent.is_started_by_kind(value) and not self._is_pinned(slot)
        if not is_other_kind and (self._is_filled(slot) or self._lent.is_started(value)):
            return []
        return self._put_in.of(value)

    def beside_in_library(self, slot: Slot, part: ExternalObject) -> Because | None:
        """What speaks against a library's block that is in an attribute with loaded parts."""
        put_in = self._replaced.beside(slot, part)
        if put_in is not None or self._is_filled(slot):
            return put_in
        return self._lent.beside_in_library(slot, part)
