"""What is said of a norm class by a name that is not changed, where its layers are new.

They get their norm class from elsewhere: from what is changed there, or from what stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bn2gn_codemod.plan import Place, Site, Verdict
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.norms.composing_calls import ComposingCalls
from bn2gn_codemod.survey.norms.remaining_norms import RemainingNorms, Staying, is_origin
from bn2gn_codemod.survey.norms.uses import NormUses, reached, source_order
from bn2gn_codemod.survey.norms.verdicts import OVERRIDDEN, UNDECIDED, Judge, Judged
from bn2gn_codemod.survey.values import Function, NormClass


class SoFar(NamedTuple):
    """The names that are changed, and the sites that are decided, by now."""

    edited: frozenset[NormClass]
    sites: Mapping[Place, Site]


class UnchangedNorms:
    """Gives verdicts on them in view of what is changed elsewhere."""

    def __init__(
        self,
        flow: Flow,
        uses: NormUses,
        calls: ComposingCalls,
        remains: RemainingNorms,
        judge: Judge,
    ) -> None:
        self._flow = flow
        self._uses = uses
        self._calls = calls
        self._remains = remains
        self._judge = judge.judge

    def is_said_inside(self, norm: NormClass) -> bool:
        """Whether a function is called whose own line tells the verdict on all of its layers."""
        return norm.function is not None and not any(
            self._judge(inside).verdict is Verdict.CONFLICT for inside in norm.names_inside()
        )

    def left_alone(self, norm: NormClass) -> Judged:
        """The verdict on a new layer that gets no BatchNorm, and none to be changed either."""
        origins = [one for one in self._flow.norm_classes if is_origin(one)]
        handed = [one for one in origins if norm in reached([one])]
        if any(map(self._calls.is_overridden, handed)):
            return OVERRIDDEN
        return Judged(Verdict.KEEP, (), "a comment keeps what is handed to it")

    def shared_out(
        self, norm: NormClass, judged: Judged, is_changed: bool, by_now: SoFar
    ) -> Judged:
        """A line that need not change where what calls hand to it is changed at the calls."""
        still_open = [
            origin.spot.where
            for origin in sorted(self._remains.origins(), key=source_order)
            if norm in reached([origin], by_now.edited)
            and by_now.sites[origin.spot.place].verdict in UNDECIDED
        ]
        if still_open and not is_changed:
            return self.shared_by_both(norm, judged)
        left = ", ".join(dict.fromkeys(still_open))
        maker = self._shared_function(norm)
        words = _EACH_CALL if maker is None else _CALLED.format(maker.name)
        note = f"{words}, but for {left}" if left else words
        return Judged(Verdict.KEEP, judged.because, note)

    def shared_by_both(self, norm: NormClass, judged: Judged) -> Judged:
        """The verdict on what is needed by both sides, with the function that both call, if any."""
        maker = self._shared_function(norm)
        return judged if maker is None else judged._replace(note=_SHARED.format(maker.name))

    def _shared_function(self, norm: NormClass) -> Function | None:
        """A function that makes layers of it for both sides and does nothing else."""
        below = (one for one in self._uses.below(norm) if one.function is not norm.function)
        return next((one.function for one in below if not self.is_said_inside(one)), None)

    def stays(self, staying: Staying, judged: Judged, by_now: SoFar) -> Judged:
        """The verdict on a new layer to which BatchNorm is handed from what is not changed."""
        norm, maker = staying.norm, staying.maker
        if norm.function is not None:
            maker = norm.function.name
        origins = [
            origin
            for origin in sorted(self._remains.origins(), key=source_order)
            if not reached([origin], by_now.edited).keys().isdisjoint(staying.entries or (norm,))
        ]
        # What is new as a whole is not the cause, but left for the same reason.
        causes = [one for one in origins if self._judge(one).verdict is not Verdict.CONVERT]
        stuck = [one for one in origins if self._uses.refusal(one) is not None]
        where = (causes or stuck or origins)[0].spot.where
        sites = [by_now.sites[origin.spot.place] for origin in causes]
        is_conflict = any(site.verdict is Verdict.CONFLICT for site in sites)
        verdict = Verdict.CONFLICT if is_conflict else Verdict.UNKNOWN
        given = f"{maker} gives it {norm.norm}, named in" if maker else _HANDED.format(norm.norm)
        refusal = self._uses.refusal(norm) if norm.context == "callee" and not maker else None
        stuck_here = "" if refusal is None else f"{refusal}, and "  # else this call were changed
        note = f"a new layer, but {stuck_here}{given} {where}, which is not changed"
        return Judged(verdict, judged.because, note)


_EACH_CALL = "each call that leads here hands over the norm class of its own side"
_CALLED = "where {} is called for new layers, the call is changed"
_SHARED = "{} is called for both sides, and not every call of it can be changed"
_HANDED = "{} is handed to it from"
