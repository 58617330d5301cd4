"""BatchNorm that a config puts into necks and heads: ``norm_cfg=dict(type='BN')``."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Sequence

from bn2gn_codemod.plan import ConfigEdit, Place, Site, Verdict
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.values import Entry, Keys, Opaque, Scalar, Table, dotted, walk
from bn2gn_codemod.survey.configs.weights import (
    ConfigWeights,
    OwnTrainings,
    is_backbone,
    loaded_beside_backbone,
)
from bn2gn_codemod.survey.known.norm_classes import (
    REGISTERED,
    is_asked_for,
    is_norm_class,
    naming,
    not_asked_for,
)
from bn2gn_codemod.survey.known.verdict_comments import (
    EITHER_COMMENT,
    KEEP_COMMENT,
    comment_in,
    said,
)

_ONLY_BATCH_NORM = ("momentum", "track_running_stats")
_CARRIED_OVER = ("eps", "affine", "requires_grad")
# Of a kind that is in no library: it is one for its name alone.
_CALLED_BATCH_NORM = re.compile(r"BN|BatchNorm")


@dataclasses.dataclass(frozen=True)
class NormPlan:
    """Sites of all verdicts, and the edits of those that become GroupNorm."""

    sites: tuple[Site, ...]
    edits: tuple[ConfigEdit, ...]


@dataclasses.dataclass
class _Choice:
    """One ``norm_cfg`` as written, and the configs in which it holds."""

    keys: Keys
    entry: Entry
    kind: str
    uses: list[Config] = dataclasses.field(default_factory=list)
    all_keys: set[Keys] = dataclasses.field(default_factory=set)

    @property
    def sides(self) -> set[bool]:
        """Whether it serves a backbone, and whether it serves anything else."""
        return {is_backbone(keys) for keys in self.all_keys}

    @property
    def norm(self) -> str:
        """The class of the layers, ``""`` where only the name of the kind speaks for one."""
        return REGISTERED.get(self.kind, self.kind if is_norm_class(self.kind) else "")

    def trained_before(self, trainings: OwnTrainings) -> Iterator[Entry]:
        """What stands in its place where the weights are trained that its configs start from."""
        for use in self.uses:
            for trainer in trainings.before(use):
                for keys in sorted(self.all_keys, key=dotted):
                    entry = trainer.resolved.entry(*keys)
                    if entry and entry.at != self.entry.at and _kind(entry):
                        yield entry

    def site(self, verdict: Verdict, *reasons: str, settles: tuple[str, ...] = ()) -> Site:
        at, name = self.entry.at, dotted(self.keys)
        return Site(at, self.kind, "", name, verdict, reasons, settles=settles)


def plan_norms(configs: Sequence[Config], settings: Settings) -> NormPlan:
    """Decide every ``norm_cfg`` of a model whose backbone is pretrained.

    Without pretrained weights there is nothing to tell a backbone from new
    layers by, and nothing to keep: those are no sites, but for what a comment
    says.
    """
    choices = _choices(configs)
    trainings = OwnTrainings(configs)
    judge = _Judge(settings, choices, trainings)
    judged = [(choice, judge.site(choice)) for choice in choices]
    rewriter = _Rewriter(configs, settings, judged, trainings)
    sites, edits = [], []
    for choice, site in judged:
        if site is None:
            continue
        if site.verdict is Verdict.CONVERT:
            group_norm, problem = rewriter.group_norm(choice)
            if problem:
                site = site._replace(reasons=(*site.reasons, f"left alone: {problem}"))
            else:
                edits.append(ConfigEdit(choice.entry.at, "replace", group_norm))
        sites.append(site)
    return NormPlan(tuple(sites), tuple(edits))


def _choices(configs: Sequence[Config]) -> list[_Choice]:
    found: dict[Place, _Choice] = {}
    paths = {config.path for config in configs}
    for config in configs:
        model = config.resolved.get("model")
        for keys, entry in walk(model, ("model",)) if model else ():
            if keys[-1] != "norm_cfg" or entry.at.path not in paths:
                continue
            kind = _kind(entry)
            if kind:
                choice = found.setdefault(entry.at, _Choice(keys, entry, kind))
                if config.path == entry.at.path:
                    choice.entry, choice.kind = entry, kind  # as written: heirs may change it
                choice.uses.append(config)
                choice.all_keys.add(keys)
    return [found[place] for place in sorted(found)]


def _kind(entry: Entry) -> str:
    """The ``type`` of a ``norm_cfg``, if that is a BatchNorm by its name."""
    kind = entry.value.scalar("type") if isinstance(entry.value, Table) else None
    is_one = isinstance(kind, str) and _CALLED_BATCH_NORM.search(kind) is not None
    return str(kind) if is_one else ""


class _Judge:
    """Tells what a ``norm_cfg`` is for."""

    def __init__(
        self, settings: Settings, choices: Sequence[_Choice], trainings: OwnTrainings
    ) -> None:
        self._settings = settings
        self._weights = ConfigWeights()
        self._trainings = trainings
        self._choices = {choice.entry.at: choice for choice in choices}
        self._sites: dict[Place, Site | None] = {}

    def site(self, choice: _Choice) -> Site | None:
        """The verdict; ``None`` where nothing is pretrained, and nothing said."""
        at = choice.entry.at
        if at not in self._sites:
            self._sites[at] = None  # what starts from a training of its own is open
            self._sites[at] = self._decide(choice)
        return self._sites[at]

    def _decide(self, choice: _Choice) -> Site | None:
        comment = _comment(choice)
        if comment == "keep":
            return choice.site(Verdict.KEEP, said(comment))
        if comment is not None:
            return self._new(choice, said(comment))
        backbones = [one for use in choice.uses for one in self._weights.backbones(use)]
        if not backbones:
            return None
        evidence = backbones[0].words
        if len(choice.sides) > 1:
            serves = " and ".join(sorted(map(dotted, choice.all_keys)))
            return choice.site(Verdict.CONFLICT, f"it serves {serves}", settles=(KEEP_COMMENT,))
        if is_backbone(choice.keys):
            own = [one.words for one in backbones if choice.keys[: len(one.keys)] == one.keys]
            beside = f"{dotted(choice.keys[:-1])} is a backbone by its name, beside {evidence}"
            return choice.site(Verdict.KEEP, own[0] if own else beside)
        for use in choice.uses:
            for keys in sorted(choice.all_keys):
                loaded = loaded_beside_backbone(use, keys)
                if loaded:
                    return self._loaded(choice, loaded)
        for trained in choice.trained_before(self._trainings):
            if not self._is_new(trained):
                before = f"load_from may be trained with {trained.at.path}"
                return self._loaded(choice, f"{before}, which is not certain to change")
        return self._new(choice, f"{dotted(choice.keys[:-1])} is built beside {evidence}")

    def _is_new(self, entry: Entry) -> bool:
        choice = self._choices.get(entry.at)
        site = self.site(choice) if choice else None
        return site is not None and site.verdict is Verdict.CONVERT

    def _loaded(self, choice: _Choice, loaded: str) -> Site:
        part = dotted(choice.keys[:-1])
        reason = f"{loaded}: where {part} has statistics from there, they would be lost"
        return choice.site(Verdict.UNKNOWN, reason, settles=(EITHER_COMMENT,))

    def _new(self, choice: _Choice, reason: str) -> Site:
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


def _comment(choice: _Choice) -> str | None:
    place = choice.entry.at
    sources = (use.sources().get(place.path) for use in choice.uses)
    source = next(filter(None, sources), None)
    return comment_in(source.lines[place.line - 1 : place.line]) if source else None


class _Rewriter:
    """Writes GroupNorm in the place of what is to be converted."""

    def __init__(
        self,
        configs: Sequence[Config],
        settings: Settings,
        judged: Sequence[tuple[_Choice, Site | None]],
        trainings: OwnTrainings,
    ) -> None:
        self._settings = settings
        self._trainings = trainings
        self._heirs: dict[str, list[Config]] = {}
        for config in configs:
            for path in config.family():
                self._heirs.setdefault(path, []).append(config)
        self._converted = {
            choice.entry.at: choice
            for choice, site in judged
            if site is not None and site.verdict is Verdict.CONVERT
        }
        self._problems: dict[Place, str] = {}
        # One that stays may be in the way of others: until no more are found.
        before = -1
        while before < len(self._problems):
            before = len(self._problems)
            for at, choice in self._converted.items():
                problem = "" if at in self._problems else self._problem(choice)
                if problem:
                    self._problems[at] = problem

    def group_norm(self, choice: _Choice) -> tuple[str, str]:
        """The source of the GroupNorm that takes its place, or why there is none."""
        problem = self._problems.get(choice.entry.at, "")
        return ("", problem) if problem else (self._source(choice), "")

    def _source(self, choice: _Choice) -> str:
        table = choice.entry.value
        assert isinstance(table, Table)
        carried = "".join(
            f", {key}={table.scalar(key)!r}" for key in _CARRIED_OVER if key in table.entries
        )
        is_own = table.place.path == choice.entry.at.path
        first = "_delete_=True, " if table.replaces and is_own else ""
        return f"dict({first}type='GN', num_groups={self._groups(choice)}{carried})"

    def _groups(self, choice: _Choice) -> int | None:
        groups = {_groups(_channels(use, choice.keys), self._settings) for use in choice.uses}
        return groups.pop() if len(groups) == 1 else None

    def _problem(self, choice: _Choice) -> str:
        """Why it stays, as far as it is known of others."""
        table = choice.entry.value
        assert isinstance(table, Table)
        unknown = table.entries.keys() - {"type", *_ONLY_BATCH_NORM, *_CARRIED_OVER}
        if unknown or table.is_open:
            return f"its argument {', '.join(sorted(unknown)) or '**'} is not understood"
        computed = [
            key
            for key in _CARRIED_OVER
            if key in table.entries and not isinstance(table.get(key), Scalar)
        ]
        if computed:
            return f"its argument {', '.join(computed)} is computed"
        inherited = _inherited(choice.entry.at, table) or self._inherited_instead(choice)
        if inherited:
            return f"it would inherit {inherited}, which GroupNorm does not take"
        override = self._override_in_the_way(choice)
        if override:
            return f"{override} overrides part of it and would no longer fit"
        for trained in choice.trained_before(self._trainings):
            if not self._becomes_group_norm(trained):
                return f"load_from may be trained with {trained.at.path}, which is left alone"
        if self._groups(choice) is None:
            return "its channel count is not in the config; write type='GN' and num_groups there"
        return ""

    def _becomes_group_norm(self, entry: Entry) -> bool:
        return entry.at in self._converted and entry.at not in self._problems

    def _inherited_instead(self, choice: _Choice) -> str:
        """The arguments of BatchNorm alone in what stays of a base, below the dict's own."""
        table, at = choice.entry.value, choice.entry.at
        if not (isinstance(table, Table) and table.is_merged):
            return ""
        bases = [base for use in choice.uses if use.path == at.path for base in use.bases]
        for base in bases:
            below = base.resolved.entry(*choice.keys)
            if below and isinstance(below.value, Table) and not self._becomes_group_norm(below):
                names = [name for name in _ONLY_BATCH_NORM if name in below.value.entries]
                if names:
                    return ", ".join(names)
        return ""

    def _override_in_the_way(self, choice: _Choice) -> str:
        """A config that merges into this ``norm_cfg`` what GroupNorm does not take."""
        for config in self._heirs.get(choice.entry.at.path, ()):
            if _changes(config, choice):
                return config.path
        if any(isinstance(key, int) for key in choice.keys):
            return ""  # lists are replaced as a whole
        for config in self._heirs.get(choice.entry.at.path, ()):
            entry = config.own.entry(*choice.keys)
            if entry is None or entry.at == choice.entry.at or not isinstance(entry.value, Table):
                continue
            if config.is_pure_python and not entry.value.is_merged:
                continue
            table = entry.value
            if table.replaces or table.entries.keys() <= set(_CARRIED_OVER):
                continue
            if "type" not in table.entries or not self._becomes_group_norm(entry):
                return entry.at.path
        return ""


def _changes(config: Config, choice: _Choice) -> bool:
    """Whether a statement changes in place what stands there: ``norm_cfg.momentum = 0.1``."""
    for keys in choice.all_keys:
        entry = config.resolved.entry(*keys)
        table = entry.value if entry and entry.at == choice.entry.at else None
        if isinstance(table, Table) and not table.changed <= set(_CARRIED_OVER):
            return True
    return False


def _inherited(at: Place, table: Table) -> str:
    """The arguments of BatchNorm alone that a dict merges with from another file."""
    is_merged = table.place.path == at.path
    names = (name for name in _ONLY_BATCH_NORM if name in table.entries)
    return ", ".join(n for n in names if is_merged and table.entries[n].at.path != at.path)


def _channels(config: Config, keys: Keys) -> list[int]:
    """The channel counts that stand beside a ``norm_cfg``; none where one is computed."""
    owner = config.resolved.get(*keys[:-1])
    entries = owner.entries.items() if isinstance(owner, Table) else ()
    beside = [entry.value for key, entry in entries if key.endswith("channels")]
    if any(isinstance(value, Opaque) for value in beside):
        return []
    return [
        value.value
        for value in beside
        if isinstance(value, Scalar) and type(value.value) is int and value.value > 1
    ]


def _groups(channels: list[int], settings: Settings) -> int | None:
    """The most groups that divide all channel counts, within the settings."""
    if not channels:
        return None
    common = math.gcd(*channels)
    most = min(settings.groups, common // settings.min_channels_per_group)
    return next((groups for groups in range(most, 0, -1) if common % groups == 0), None)
