"""BatchNorm that a config puts into necks and heads: ``norm_cfg=dict(type='BN')``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from bn2gn_codemod.plan import ConfigEdit, Place, Site, Verdict
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey.configs.backbones import Backbones
from bn2gn_codemod.survey.configs.group_norms import GroupNormWriter
from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.norm_choices import NormChoice, norm_choices
from bn2gn_codemod.survey.configs.partly_loaded import partly_loaded
from bn2gn_codemod.survey.configs.values import Entry, Keys, Table, dotted
from bn2gn_codemod.survey.configs.weights import (
    ConfigWeights,
    OwnTrainings,
    is_backbone,
    loaded_beside_backbone,
)
from bn2gn_codemod.survey.known.norm_classes import (
    is_asked_for,
    naming,
    not_asked_for,
)
from bn2gn_codemod.survey.known.verdict_comments import (
    EITHER_COMMENT,
    KEEP_COMMENT,
    comment_in,
    said,
)


@dataclasses.dataclass(frozen=True)
class NormPlan:
    """Sites of all verdicts, and the edits of those that become GroupNorm."""

    sites: tuple[Site, ...]
    edits: tuple[ConfigEdit, ...]


def plan_norms(configs: Sequence[Config], settings: Settings, backbones: Backbones) -> NormPlan:
    """Decide every ``norm_cfg`` of a model.

    Where no config names pretrained weights, there is nothing to tell a backbone from
    new layers by: those are open, for a script may name them.
    """
    choices = norm_choices(configs)
    trainings = OwnTrainings(configs)
    judge = _Judge(settings, choices, trainings, backbones)
    judged = [(choice, judge.site(choice)) for choice in choices]
    new = [choice for choice, site in judged if site.verdict is Verdict.CONVERT]
    writer = GroupNormWriter(configs, settings, new, trainings)
    sites, edits = [], []
    for choice, site in judged:
        if site.verdict is Verdict.CONVERT:
            group_norm, problem = writer.group_norm(choice)
            if problem:
                site = site._replace(reasons=(*site.reasons, f"left alone: {problem}"))
            else:
                edits.append(ConfigEdit(choice.entry.at, "replace", group_norm))
        sites.append(site)
    return NormPlan(tuple(sites), tuple(edits))


class _Judge:
    """Tells what a ``norm_cfg`` is for."""

    def __init__(
        self,
        settings: Settings,
        choices: Sequence[NormChoice],
        trainings: OwnTrainings,
        backbones: Backbones,
    ) -> None:
        self._backbones = backbones
        self._settings = settings
        self._weights = ConfigWeights()
        self._trainings = trainings
        self._choices = {choice.entry.at: choice for choice in choices}
        self._sites: dict[Place, Site] = {}

    def site(self, choice: NormChoice) -> Site:
        """The verdict, and why."""
        at = choice.entry.at
        if at not in self._sites:
            # What starts from a training of its own is open.
            self._sites[at] = choice.site(Verdict.UNKNOWN, "it starts from its own training")
            self._sites[at] = self._decide(choice)
        return self._sites[at]

    def _decide(self, choice: NormChoice) -> Site:
        comment = _comment(choice)
        if comment == "keep":
            return choice.site(Verdict.KEEP, said(comment))
        if comment is not None:
            return self._new(choice, said(comment))
        backbones = [one for use in choice.uses for one in self._weights.backbones(use)]
        if not backbones:
            reason = "no config names pretrained weights for the model: nothing tells a backbone"
            return choice.site(Verdict.UNKNOWN, reason, settles=(EITHER_COMMENT,))
        evidence = backbones[0].words
        if len(choice.sides) > 1:
            serves = " and ".join(sorted(map(dotted, choice.all_keys)))
            return choice.site(Verdict.CONFLICT, f"it serves {serves}", settles=(KEEP_COMMENT,))
        if is_backbone(choice.keys):
            filled = [one for one in backbones if choice.keys[: len(one.keys)] == one.keys]
            own = [one.words for one in filled]
            part = next(
                choice.keys[:end]
                for end in range(1, 1 + len(choice.keys))
                if is_backbone(choice.keys[:end])
            )
            without = [self._trained_without(use, part) for use in choice.uses]
            if all(one.with_model for one in filled) and all(without):
                reason = f"{evidence}, but {without[0]}, which trained those, has no {dotted(part)}"
                return choice.site(Verdict.UNKNOWN, reason, settles=(EITHER_COMMENT,))
            some = "" if any(one.with_model for one in filled) else self._some(choice, part)
            if some:
                reason = f"{some}, and the rest is new beside {evidence}"
                return choice.site(Verdict.CONFLICT, reason, settles=(KEEP_COMMENT,))
            beside = f"{dotted(choice.keys[:-1])} is a backbone by its name, beside {evidence}"
            return choice.site(Verdict.KEEP, own[0] if own else beside)
        for use in choice.uses:
            for keys in sorted(choice.all_keys, key=dotted):
                loaded = loaded_beside_backbone(use, keys)
                if loaded:
                    return self._loaded(choice, loaded)
        for trained in choice.trained_before(self._trainings):
            if not self._is_new(trained):
                before = f"load_from may be trained with {trained.at.path}"
                return self._loaded(choice, f"{before}, which is not certain to change")
        return self._new(choice, f"{dotted(choice.keys[:-1])} is built beside {evidence}")

    def _some(self, choice: NormChoice, part: Keys) -> str:
        """What is said of a backbone that is filled only in part, where the norms are its own."""
        built = (use.resolved.get(*part) for use in choice.uses if part == choice.keys[:-1])
        found = (partly_loaded(self._backbones, one) for one in built if isinstance(one, Table))
        return next(filter(None, found), "")

    def _trained_without(self, config: Config, part: Keys) -> str:
        """The config that trained the model which another starts from, if it has no such part."""
        other = self._trainings.published(config)
        model = other.resolved.get("model") if other is not None else None
        if other is None or not isinstance(model, Table) or model.is_open:
            return ""
        return "" if other.resolved.entry(*part) is not None else other.path

    def _is_new(self, entry: Entry) -> bool:
        choice = self._choices.get(entry.at)
        return choice is not None and self.site(choice).verdict is Verdict.CONVERT

    def _loaded(self, choice: NormChoice, loaded: str) -> Site:
        part = dotted(choice.keys[:-1])
        reason = f"{loaded}: where {part} has statistics from there, they would be lost"
        return choice.site(Verdict.UNKNOWN, reason, settles=(EITHER_COMMENT,))

    def _new(self, choice: NormChoice, reason: str) -> Site:
        """A site of what is new, as far as the kind of its layers can be replaced."""
        norm, asked = choice.norm, self._settings.norms
        if not norm:
            words = f"a new layer, but what type={choice.kind!r} makes is not known"
            open_site = choice.site(Verdict.UNKNOWN, words, reason, settles=(KEEP_COMMENT,))
        elif not is_asked_for(norm, asked):
            settles = (naming(norm, self._settings), KEEP_COMMENT)
            words = not_asked_for(norm)
            open_site = choice.site(Verdict.UNKNOWN, words, reason, settles=settles)
        else:
            return choice.site(Verdict.CONVERT, reason)
        return open_site._replace(is_new=True)


def _comment(choice: NormChoice) -> str | None:
    place = choice.entry.at
    sources = (use.sources().get(place.path) for use in choice.uses)
    source = next(filter(None, sources), None)
    return comment_in(source.lines[place.line - 1 : place.line]) if source else None
