"""BatchNorm that remains in new layers after some edits, and where it comes from."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.verdict_comments import comment_at
from bn2gn_codemod.survey.norms.composing_calls import ComposingCalls
from bn2gn_codemod.survey.norms.uses import NormUses, reached, source_order
from bn2gn_codemod.survey.values import NormClass


class Staying(NamedTuple):
    """BatchNorm that reaches a new layer all the same: its last name, and what makes it there."""

    norm: NormClass
    maker: str = ""  # a function or a class that is handed over in the norm class's place
    entries: tuple[NormClass, ...] = ()  # by which it comes there from elsewhere


class RemainingNorms:
    """Follows what is handed over, short of what is changed."""

    def __init__(self, flow: Flow, uses: NormUses, calls: ComposingCalls) -> None:
        self._flow = flow
        self._uses = uses
        self._calls = calls
        self._at: dict[ast.AST, list[NormClass]] = {}
        for norm in flow.norm_classes:
            self._at.setdefault(norm.spot.node, []).append(norm)

    def origins(self) -> Iterator[NormClass]:
        """Where norm classes come from that reach any layer at all."""
        for norm in self._flow.norm_classes:
            if is_origin(norm) and not self._calls.is_overridden(norm):
                yield norm

    def staying(self, edited: frozenset[NormClass]) -> dict[NormClass, None]:
        """Names that may hold BatchNorm after such edits, where no comment asks for it."""
        kept = [norm for norm in self._flow.norm_classes if comment_at(norm.spot) == "keep"]
        return reached(self.origins(), frozenset([*edited, *kept]))

    def overruled(
        self, norm: NormClass, staying: dict[NormClass, None], edited: frozenset[NormClass]
    ) -> Staying | None:
        """What a layer of ``norm`` goes on to be made of in its stead, where others hand it over.

        ``staying`` is what stays after the edits.
        """
        below = self._uses.below(norm)
        # By the same name comes whatever others hand over: another class, or a function.
        together = frozenset(one for use in below for one in self._at[use.spot.node])
        entries = {
            use: found
            for use in together.difference(self._at[norm.spot.node])
            if use in staying
            and (found := (use,) if is_origin(use) else self._beside(use, together, staying))
        }
        left = reached(entries, edited)
        for layer in self._uses.layers(norm):
            made = next((one for one in self._at[layer.norm.spot.node] if one in left), None)
            if made is not None:
                ways = (way for use, way in entries.items() if made in reached([use], edited))
                entered = sorted(itertools.chain(*ways), key=source_order)
                return Staying(made, entries=tuple(entered))
            instead = self.instead(layer.norm, staying)
            if instead is not None:
                return instead
        return None

    def instead(self, norm: NormClass, staying: dict[NormClass, None]) -> Staying | None:
        """The BatchNorm of a function or a module that others hand over in the class's place."""
        for maker, layer in self._uses.made_instead(norm):
            if layer.norm in staying:
                return Staying(layer.norm, maker)
        return None

    def _beside(
        self, use: NormClass, together: frozenset[NormClass], staying: dict[NormClass, None]
    ) -> tuple[NormClass, ...]:
        """Where the same objects may get BatchNorm from elsewhere by the name ``use``."""
        ways = [parent for one in self._at[use.spot.node] for parent in one.parents]
        own_ways = [own for own in ways if own in together]
        if own_ways and all(self._calls.is_all_handed_over(own, use) for own in own_ways):
            return ()
        return tuple(
            parent
            for parent in use.parents
            if parent in staying
            and parent not in together
            and not any(self._calls.enters_apart(own, parent) for own in own_ways)
        )


def is_origin(norm: NormClass) -> bool:
    """Whether a norm class is named there, and not only handed on or compared with."""
    return norm.is_origin and norm.context not in ("base", "other")
