"""What is to become of a norm class, by the roles of the layers that are made of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bn2gn_codemod.plan import Verdict
from bn2gn_codemod.survey.because import Because, Role, Roles, together
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.registrations import is_registered
from bn2gn_codemod.survey.known.verdict_comments import comment_at, said
from bn2gn_codemod.survey.norms.composing_calls import ComposingCalls
from bn2gn_codemod.survey.norms.uses import NormUses
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.idle_layers import IdleLayers
from bn2gn_codemod.survey.roles.mentions import Mentions
from bn2gn_codemod.survey.values import NormClass, NormLayer

UNDECIDED = (Verdict.CONFLICT, Verdict.UNKNOWN)


class Judged(NamedTuple):
    """A verdict, what it follows from, and what has to be said beside that."""

    verdict: Verdict
    because: tuple[Because, ...]
    note: str = ""


OVERRIDDEN = Judged(Verdict.KEEP, (), "every call hands over a norm class of its own")


class Judge:
    """Weighs the roles of all layers that a name leads to."""

    def __init__(self, flow: Flow, roles: RoleMap, uses: NormUses, calls: ComposingCalls) -> None:
        self._flow = flow
        self._roles = roles
        self._uses = uses
        self._calls = calls
        self._idle = IdleLayers(flow, roles)
        self._mentions = Mentions(flow, roles)
        self._layer_memo: dict[NormLayer, Roles] = {}
        self._judged: dict[NormClass, Judged] = {}

    def judge(self, norm: NormClass) -> Judged:
        """The verdict on a name, whatever a comment on its line says."""
        known = self._judged.get(norm)
        if known is None:
            layers = self._uses.layers(norm)
            known = self._by_layers(norm, layers) if layers else self._without_layers(norm)
            self._judged[norm] = known
        return known

    def judge_layer(self, layer: NormLayer) -> Judged:
        """The verdict on one layer, whatever else is made by the name that makes it."""
        return self._weigh([layer], [self._roles_of(layer)])

    def _by_layers(self, norm: NormClass, layers: list[NormLayer]) -> Judged:
        judged = self._weigh(layers, map(self._roles_of, layers))
        cls = self._calls.class_around(norm)
        if judged.verdict is Verdict.CONVERT and cls is not None and self._roles.is_unused(cls):
            # New parts share what it builds, but nobody knows what this one is for.
            return Judged(Verdict.UNKNOWN, (*judged.because, *self._roles.unseen(cls).values()))
        if judged.verdict not in UNDECIDED:
            return judged
        if self._calls.is_overridden(norm):
            return _overridden(judged)
        found = list(self._calls.layer_roles(norm))
        by_calls = self._weigh(
            [layer for layer, _ in found],
            (self._said(layer) or roles or self._roles_of(layer) for layer, roles in found),
        )
        # Nothing is less certain than what speaks for both.
        is_clearer = by_calls.verdict not in (Verdict.CONFLICT, judged.verdict)
        return by_calls if is_clearer else judged

    def _weigh(self, layers: list[NormLayer], roles: Iterable[Roles]) -> Judged:
        found: Roles = {}
        for one in roles:
            found = together(found, one)
        judged = _verdict(found)
        return self._doubted(layers) or judged if judged.verdict is Verdict.CONVERT else judged

    def _doubted(self, layers: list[NormLayer]) -> Judged | None:
        """Unknown, if a new part speaks of pretrained weights and no load of them was seen."""
        for layer in layers:
            cls = layer.spot.function.enclosing_class
            if cls is not None and self._roles.may_load_unseen(cls):
                words = f"{cls.name} speaks of pretrained weights, and no load of them was followed"
                return Judged(Verdict.UNKNOWN, (Because(Role.UNDECIDED, words),))
            mention = self._mentions.of(layer)
            if mention is not None:
                name = cls.name if cls is not None else f"{layer.spot.function.name}()"
                because = Because(Role.UNDECIDED, mention.words(name))
                return Judged(Verdict.UNKNOWN, (because,))
        return None

    def _without_layers(self, norm: NormClass) -> Judged:
        used = [child for child in norm.children if child is not norm]
        is_stored = norm.context in ("plain", "partial") and not used
        if is_stored and (self._flow.strays.holds(norm) or self._may_be_inherited(norm)):
            return Judged(Verdict.UNKNOWN, (), "it is stored where nothing is seen to read it")
        if norm in self._flow.values(self._flow.escaped):
            return Judged(Verdict.UNKNOWN, (), "a function returns it to code of other packages")
        if is_stored:
            return Judged(Verdict.KEEP, (), self._unmade(norm))
        extended = next((use for use in self._uses.below(norm) if use.context == "base"), None)
        if extended is not None:
            words = "and no layer of the class that does so is seen to be made"
            return Judged(Verdict.UNKNOWN, (), f"{extended.spot.where} extends it, {words}")
        if norm.context in ("test", "other") or (used and self._is_only_compared(norm)):
            return Judged(Verdict.KEEP, (), "it is compared with, no layer is made of it")
        return Judged(Verdict.UNKNOWN, (), "where it goes cannot be followed")

    def _unmade(self, norm: NormClass) -> str:
        """In words, that no layer is made of it, as far as that is known."""
        cls = norm.local_class
        if cls is not None and is_registered(self._flow, cls):
            return f"{cls.name} is registered, and what is built by its name is not followed"
        return "no layer is made of it in this repository"

    def _may_be_inherited(self, norm: NormClass) -> bool:
        """Whether it is in an attribute, and a class of which no base is known may read that."""
        return any(cls.has_open_base for cls in self._flow.classes) and any(
            self._flow.holds(node, norm) for _, _, node in self._flow.holders()
        )

    def _is_only_compared(self, norm: NormClass) -> bool:
        """Whether all that becomes of a name is a test: ``isinstance(m, norm_types)``."""
        ends = (use for use in self._uses.below(norm) if not set(use.children) - {use})
        return all(use.context in ("test", "other") for use in ends)

    def _roles_of(self, layer: NormLayer) -> Roles:
        known = self._layer_memo.get(layer)
        if known is None:
            known = self._said(layer) or self._roles.layer_roles(layer)
            if not set(known) - {Role.DOUBT}:
                known = known | self._idle.roles_of(layer)
            self._layer_memo[layer] = known
        return known

    def _said(self, layer: NormLayer) -> Roles:
        """What a comment says on the line that makes the layer."""
        comment = comment_at(layer.norm.spot)
        if comment is None:
            return {}
        role = Role.BACKBONE if comment == "keep" else Role.NEW
        return {role: Because(role, said(comment))}


def _overridden(judged: Judged) -> Judged:
    """The verdict on a default that no call uses, of which nothing else is certain.

    It may stay where a new part or a backbone is known to bring its own; of a model of
    which nothing is known it would say what nobody knows.
    """
    is_known = any(one.role in (Role.BACKBONE, Role.NEW) for one in judged.because)
    return OVERRIDDEN if is_known else judged._replace(note=OVERRIDDEN.note)


def _verdict(roles: Roles) -> Judged:
    found = {role: roles[role] for role in Role if role in roles}
    if set(found) <= {Role.BACKBONE, Role.DOUBT} and Role.BACKBONE in found:
        return Judged(Verdict.KEEP, tuple(found.values()))
    if set(found) == {Role.NEW}:
        return Judged(Verdict.CONVERT, tuple(found.values()))
    speaking = [because for role, because in found.items() if role is not Role.DOUBT]
    if Role.BACKBONE in found and not any(because.is_guess for because in speaking):
        return Judged(Verdict.CONFLICT, tuple(found.values()))
    return Judged(Verdict.UNKNOWN, tuple(found.values()))
