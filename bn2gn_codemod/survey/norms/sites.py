"""Sites, their verdicts and the edits that follow: what becomes of each norm layer."""

from __future__ import annotations

import ast
from typing import Literal, NamedTuple

from bn2gn_codemod.plan import NormEdit, Place, Site, Verdict
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey.because import Role, told
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.norm_classes import not_asked_for
from bn2gn_codemod.survey.known.verdict_comments import KEEP_COMMENT, comment_at, said
from bn2gn_codemod.survey.norms.asked_kinds import AskedKinds
from bn2gn_codemod.survey.norms.composing_calls import ComposingCalls
from bn2gn_codemod.survey.norms.remaining_norms import RemainingNorms, Staying, is_origin
from bn2gn_codemod.survey.norms.settling import Settling
from bn2gn_codemod.survey.norms.sites_beside_names import sites_beside_names
from bn2gn_codemod.survey.norms.unchanged_norms import SoFar, UnchangedNorms
from bn2gn_codemod.survey.norms.uses import NormUses, may_activate, reached, spots_of
from bn2gn_codemod.survey.norms.verdicts import OVERRIDDEN, UNDECIDED, Judge, Judged
from bn2gn_codemod.survey.roles.assignment import CROWDED, RoleMap
from bn2gn_codemod.survey.syntax.nodes import dotted
from bn2gn_codemod.survey.values import Class, NormClass, NormLayer, Spot, UseContext


class Decided(NamedTuple):
    """All sites, and the norm edits by file."""

    sites: tuple[Site, ...]
    edits: tuple[NormEdit, ...]
    converted: frozenset[Spot]  # layers that become GroupNorm
    # Layers that become GroupNorm in the objects of some calls, and stay in those of others.
    divided: frozenset[Spot]


def decide_sites(flow: Flow, roles: RoleMap, settings: Settings) -> Decided:
    """Give every site its verdict, and every conversion its edit."""
    decider = _Decider(flow, roles, settings)
    # A call by the name of two classes is changed for the sake of the one that may be replaced.
    for norm in sorted(filter(is_origin, flow.norm_classes), key=may_activate):
        decider.site(norm)
    decider.take_back()
    decider.calls_by_other_names()
    decider.functions_handed_over()
    decider.calls_of_what_is_given()
    decider.beside_names()
    decider.offer()
    sites = sorted(decider.sites.values(), key=lambda site: site.place)
    edits = sorted(decider.edits.values(), key=lambda edit: edit.place)
    return Decided(tuple(sites), tuple(edits), decider.converted(), decider.divided())


class _Decider:
    def __init__(self, flow: Flow, roles: RoleMap, settings: Settings) -> None:
        self.flow = flow
        self.roles = roles
        self.uses = NormUses(flow, frozenset(settings.norms), roles)
        self.calls = ComposingCalls(flow, roles)
        self._asked = AskedKinds(flow)
        judge = Judge(flow, roles, self.uses, self.calls)
        self._judge, self._judge_layer = judge.judge, judge.judge_layer
        self.settling = Settling(self.uses, roles, settings)
        self.sites: dict[Place, Site] = {}
        self.edits: dict[Place, NormEdit] = {}
        self._open: dict[Place, tuple[NormClass, Judged]] = {}
        self._at: dict[Place, list[NormClass]] = {}
        for norm in flow.norm_classes:
            self._at.setdefault(norm.spot.place, []).append(norm)
        self.remains = RemainingNorms(flow, self.uses, self.calls)
        self._unchanged = UnchangedNorms(flow, self.uses, self.calls, self.remains, judge)
        self._classes_of: dict[str, list[Class]] = {}
        for cls in flow.classes:
            self._classes_of.setdefault(cls.path, []).append(cls)

    # --------------------------------------------------------------- sites

    def site(self, norm: NormClass) -> None:
        """Decide one place that names a norm class, and the uses that follow from it."""
        comment = comment_at(norm.spot)
        if comment is not None:
            self._commented(norm, comment)
            return
        if not self.uses.layers(norm) and self._asked.has(norm):
            return
        judged = self._judge(norm)
        if judged.verdict is Verdict.CONVERT and self._is_left_to_callers(norm):
            judged = OVERRIDDEN
        note = self._left_open(norm)
        if judged.verdict is Verdict.CONVERT and note is not None:
            judged = Judged(Verdict.UNKNOWN, judged.because, note)
        if judged.verdict is Verdict.KEEP or note is not None:
            self._add(norm, judged)
        elif judged.verdict is Verdict.CONVERT:
            self._convert(norm, judged)
        else:
            self._split(norm, judged)

    def take_back(self) -> None:
        """Drop edits of a name whose layers go on to be made of BatchNorm that others hand over.

        To change a default that every caller overrides would change nothing.
        """
        while True:
            edited = frozenset(self._edited())
            staying = self.remains.staying(edited)
            idle = {
                place: overruled
                for place in self.edits
                for norm in self._at[place]
                if comment_at(norm.spot) is None
                and (overruled := self.remains.overruled(norm, staying, edited)) is not None
            }
            if not idle:
                return
            for place, overruled in idle.items():
                del self.edits[place]
                norm = self._at[place][0]
                self._add(norm, self._unchanged.stays(overruled, self._judge(norm), self._so_far()))

    def calls_by_other_names(self) -> None:
        """List the calls of a norm class by a variable's name: ``norm_layer(channels)``."""
        edited = self._edited()
        staying = self.remains.staying(frozenset(edited))
        changed = reached(edited)
        for place, norms in self._at.items():
            called = [norm for norm in norms if norm.context == "callee"]
            if (
                not called
                or place in self.sites
                or all(map(self._unchanged.is_said_inside, called))
            ):
                continue
            norm = next(
                (one for one in called if one in staying),
                next((one for one in called if one in changed), called[0]),
            )
            if norm in staying:
                stays: Staying | None = Staying(norm)
            else:
                stays = self.remains.instead(norm, staying)
            judged = self._judge(norm)
            if judged.verdict is Verdict.CONFLICT and norm in staying:
                judged = self._unchanged.shared_out(norm, judged, norm in changed, self._so_far())
            elif judged.verdict is Verdict.CONVERT and stays is not None:
                judged = self._unchanged.stays(stays, judged, self._so_far())
            elif judged.verdict is Verdict.CONVERT and norm not in changed:
                judged = self._unchanged.left_alone(norm)
            self._add(norm, judged)

    def functions_handed_over(self) -> None:
        """List where a function that makes norm layers is handed to a backbone alone.

        To new parts its name is changed there, and what is undecided its calls tell.
        """
        for place, norms in self._at.items():
            norm = next(filter(self._is_function_handed_over, norms), None)
            if norm is None or place in self.sites or self._unchanged.is_said_inside(norm):
                continue
            judged = self._judge_use(norm)
            if judged.verdict is Verdict.KEEP:
                self._add(norm, judged)

    def _is_function_handed_over(self, norm: NormClass) -> bool:
        """Whether the function is named there to be handed over, not handed on from elsewhere."""
        return (
            norm.function is not None
            and (norm.context == "argument" or self.calls.is_default(norm))
            and not any(above.function is norm.function for above in norm.parents)
        )

    def calls_of_what_is_given(self) -> None:
        """List the calls of what another call gives: ``pick(norm_layer, 0)(channels)``."""
        edited = self._edited()
        staying, changed = self.remains.staying(frozenset(edited)), reached(edited)
        for layer in sorted(self.flow.norm_layers, key=lambda layer: layer.norm not in staying):
            if not _is_given(layer) or layer in self.roles.patterns or self._is_told(layer.spot):
                continue
            norm, judged = layer.norm, self._judge_layer(layer)
            note = self._left_open(norm) if judged.verdict is Verdict.CONVERT else None
            if note is not None:
                judged = Judged(Verdict.UNKNOWN, judged.because, note)
            elif judged.verdict is Verdict.CONVERT and norm in staying:
                judged = self._unchanged.stays(Staying(norm), judged, self._so_far())
            elif judged.verdict is Verdict.CONVERT and norm not in changed:
                judged = self._unchanged.left_alone(norm)
            if norm not in changed and comment_at(layer.spot) == "keep":
                judged = Judged(Verdict.KEEP, (), said("keep"))
            self._add(norm, judged, of=layer)

    def _is_told(self, spot: Spot) -> bool:
        """Whether a line of the expression is listed already."""
        lines = range(spot.line, (spot.node.end_lineno or spot.line) + 1)
        return any(site.path == spot.module.path and site.line in lines for site in self.sites)

    def _is_left_to_callers(self, norm: NormClass) -> bool:
        """Whether a default could not be changed, and need not be as no call uses it."""
        return self.uses.refusal(norm) is not None and self.calls.is_overridden(norm)

    def converted(self) -> frozenset[Spot]:
        """Where layers are made that all become GroupNorm."""
        return spots_of(reached(self._edited())) - self.divided()

    def divided(self) -> frozenset[Spot]:
        """Where layers are made of which some become GroupNorm, as the calls above say."""
        changed = reached(self._edited())
        return spots_of(changed) & spots_of(self.remains.staying(frozenset(self._edited())))

    def _so_far(self) -> SoFar:
        return SoFar(frozenset(self._edited()), self.sites)

    def _edited(self) -> list[NormClass]:
        return [norm for place in self.edits for norm in self._at[place]]

    def beside_names(self) -> None:
        """List what makes norm layers where no name of a norm class was followed."""
        for site in sites_beside_names(self.flow, self.roles):
            self.sites.setdefault(site.place, site)

    def _left_open(self, norm: NormClass) -> str | None:
        """Why a new layer is not converted all the same, or ``None``."""
        values = self.flow.out_of_sight.values
        for below in self.uses.below(norm) if values else ():
            if below in values:
                return CROWDED.format(norm.norm, values[below])
        if not self.uses.is_asked_for(norm):
            return not_asked_for(norm.norm)
        activation = self.uses.activation(norm)
        return None if activation is None else _ACTIVATED.format(norm.norm, activation)

    def _commented(self, norm: NormClass, comment: str) -> None:
        words = said(comment)
        if comment == "keep":
            self._add(norm, Judged(Verdict.KEEP, (), words))
            return
        self._convert(norm, Judged(Verdict.CONVERT, (), words))

    def _convert(self, norm: NormClass, judged: Judged) -> None:
        refusal = self.uses.refusal(norm)
        if refusal is None and not any(map(self._is_kept, self.uses.below(norm))):
            self._add(norm, judged)
            self._edit(norm)
            return
        if norm.context == "callee":
            # The verdict is certain, the edit is not possible: say both.
            note = f"a new layer, but {refusal}"
            self._add(norm, judged._replace(note=note), fixable=False)
            return
        note = f"a new layer, but {refusal or 'not every use of it can be changed'}"
        self._split(norm, judged._replace(verdict=Verdict.UNKNOWN, note=note))

    def _is_kept(self, norm: NormClass) -> bool:
        return comment_at(norm.spot) == "keep"

    def _split(self, norm: NormClass, judged: Judged) -> None:
        """One name that cannot be changed as a whole: change its uses that are new for certain."""
        parts: list[tuple[NormClass, Judged]] = []
        is_whole = self._separate(norm, parts, {norm})
        for part, part_judged in parts:
            if part_judged.verdict is Verdict.CONVERT:
                self._add(part, part_judged)
                self._edit(part)
        if is_whole and self.uses.layers(norm):
            kept = [part for _, part in parts if part.verdict is Verdict.KEEP]
            because = kept[0].because if kept else judged.because
            judged = Judged(Verdict.KEEP, because, _HANDED_ON if kept else _REPLACED)
        if judged.verdict is Verdict.CONFLICT and not judged.note:
            judged = self._unchanged.shared_by_both(norm, judged)
        self._add(norm, judged)

    def _separate(
        self, norm: NormClass, parts: list[tuple[NormClass, Judged]], seen: set[NormClass]
    ) -> bool:
        """Collect the uses of one side each; whether all layers are below one of them."""
        is_whole = not self.uses.own_layers(norm)
        for child in self.uses.children(norm):
            if child in seen or not self.uses.layers(child):
                continue
            seen.add(child)
            judged = self._judge_use(child)
            if judged.verdict is Verdict.KEEP or (
                judged.verdict is Verdict.CONVERT
                and self.uses.is_editable(child, is_default=self._is_default_function(child))
                and not any(map(self._is_kept, self.uses.below(child)))
            ):
                parts.append((child, judged))
            elif child.spot.place in self.edits:
                continue  # for the sake of another class that goes by the same name
            elif not self._separate(child, parts, seen):
                is_whole = False
        return is_whole

    def _is_default_function(self, norm: NormClass) -> bool:
        """``norm_layer=Norm2d``, where that is a function whose calls are told apart."""
        is_function = norm.function is not None and self.calls.is_default(norm)
        return is_function and not self.calls.is_overridden(norm)

    def _judge_use(self, norm: NormClass) -> Judged:
        comment = comment_at(norm.spot)
        if comment is None:
            return self._judge(norm)
        verdict = Verdict.KEEP if comment == "keep" else Verdict.CONVERT
        return Judged(verdict, (), said(comment))

    # ------------------------------------------------------------- results

    def _edit(self, norm: NormClass) -> None:
        place, node = norm.spot.place, norm.spot.node
        kind: Literal["call", "partial", "reference"] = _KINDS.get(norm.context, "reference")
        if self.uses.unpacks_nothing(norm):
            kind = "reference"
        is_plain = not isinstance(node, ast.expr) or dotted(node) is not None
        name = "" if is_plain else ast.unparse(node)
        self.edits[place] = NormEdit(place, kind, norm.norm, name)

    def offer(self) -> None:
        """Give each undecided site the lines to paste that would settle it."""
        edited = frozenset(self._edited())
        # A setting would decide about the others that hang on the same attributes as well.
        alike = [
            norm
            for norm, judged in self._open.values()
            if judged.verdict is Verdict.UNKNOWN
            and is_origin(norm)
            and self.uses.refusal(norm) is None
        ]
        for_settings = edited.union(alike)
        staying, left = self.remains.staying(edited), self.remains.staying(for_settings)
        for place, (norm, judged) in self._open.items():
            settles = self.settling.lines(
                norm,
                self._class_around(norm.spot),
                judged,
                by_comment=self.remains.overruled(norm, staying, edited) is None,
                by_setting=self.remains.overruled(norm, left, for_settings) is None,
            )
            self.sites[place] = self.sites[place]._replace(settles=settles)

    def _add(
        self,
        norm: NormClass,
        judged: Judged,
        fixable: bool | None = None,
        *,
        of: NormLayer | None = None,
    ) -> None:
        """Put a site down for a name, or for the call that makes one layer ``of`` it."""
        spot = norm.spot if of is None else of.spot
        place = spot.place
        reasons, evidence = told(judged.note, judged.because)
        cls = self._class_around(spot)
        layers = self.uses.layers(norm) if of is None else [of]
        self._open.pop(place, None)
        is_open = judged.verdict in UNDECIDED
        if is_open and of is None:
            self._open[place] = (norm, judged)
        attributes = sorted({name for layer in layers for name in self.roles.attributes(layer)})
        self.sites[place] = Site(
            place=place,
            norm=norm.norm,
            class_=cls.name if cls is not None else "",
            attribute=attributes[0] if len(attributes) == 1 else "",
            verdict=judged.verdict,
            reasons=reasons,
            evidence=evidence,
            fixable=judged.verdict is Verdict.CONVERT if fixable is None else fixable,
            scope="" if cls is not None else spot.scope,
            settles=(KEEP_COMMENT,) if is_open and of is not None else (),
            is_new=is_open and {one.role for one in judged.because} == {Role.NEW},
        )

    def _class_around(self, spot: Spot) -> Class | None:
        """The class whose code the spot is in, its defaults and attributes included."""
        found = spot.function.enclosing_class
        for cls in self._classes_of.get(spot.module.path, ()) if found is None else ():
            if cls.node.lineno <= spot.line <= (cls.node.end_lineno or 0):
                found = cls  # the innermost comes last
        return found


def _is_given(layer: NormLayer) -> bool:
    call = layer.spot.node
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Call) and not layer.is_called


_ACTIVATED = (
    "a new layer, but {} also applies {}: to replace it, write GroupNorm and the activation"
)
_HANDED_ON = "what it names for the new layers is changed where it is handed to them"
_REPLACED = "the layers made of it are changed where they are made"

_KINDS: dict[UseContext, Literal["call", "partial"]] = {"callee": "call", "partial": "partial"}
