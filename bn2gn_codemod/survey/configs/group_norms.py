"""The GroupNorm that takes the place of a ``norm_cfg``, or what is in its way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from bn2gn_codemod.plan import Place
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.norm_choices import NormChoice
from bn2gn_codemod.survey.configs.values import Entry, Keys, Opaque, Scalar, Table
from bn2gn_codemod.survey.configs.weights import OwnTrainings

_ONLY_BATCH_NORM = ("momentum", "track_running_stats")
_CARRIED_OVER = ("eps", "affine", "requires_grad")


class GroupNormWriter:
    """Writes GroupNorm in the place of what is to be converted."""

    def __init__(
        self,
        configs: Sequence[Config],
        settings: Settings,
        to_convert: Iterable[NormChoice],
        trainings: OwnTrainings,
    ) -> None:
        self._settings = settings
        self._trainings = trainings
        self._heirs: dict[str, list[Config]] = {}
        for config in configs:
            for path in config.family():
                self._heirs.setdefault(path, []).append(config)
        self._converted = {choice.entry.at: choice for choice in to_convert}
        self._problems: dict[Place, str] = {}
        # One that stays may be in the way of others: until no more are found.
        before = -1
        while before < len(self._problems):
            before = len(self._problems)
            for at, choice in self._converted.items():
                problem = "" if at in self._problems else self._problem(choice)
                if problem:
                    self._problems[at] = problem

    def group_norm(self, choice: NormChoice) -> tuple[str, str]:
        """The source of the GroupNorm that takes its place, or why there is none."""
        problem = self._problems.get(choice.entry.at, "")
        return ("", problem) if problem else (self._source(choice), "")

    def _source(self, choice: NormChoice) -> str:
        table = choice.entry.value
        assert isinstance(table, Table)
        carried = "".join(
            f", {key}={table.scalar(key)!r}" for key in _CARRIED_OVER if key in table.entries
        )
        is_own = table.place.path == choice.entry.at.path
        first = "_delete_=True, " if table.replaces and is_own else ""
        return f"dict({first}type='GN', num_groups={self._groups(choice)}{carried})"

    def _groups(self, choice: NormChoice) -> int | None:
        groups = {_groups(_channels(use, choice.keys), self._settings) for use in choice.uses}
        return groups.pop() if len(groups) == 1 else None

    def _problem(self, choice: NormChoice) -> str:
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

    def _inherited_instead(self, choice: NormChoice) -> str:
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

    def _override_in_the_way(self, choice: NormChoice) -> str:
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
            if table.entries.keys() <= set(_CARRIED_OVER):
                continue
            if _is_cut_off(config.own, choice.keys):
                continue
            if "type" not in table.entries or not self._becomes_group_norm(entry):
                return entry.at.path
        return ""


def _changes(config: Config, choice: NormChoice) -> bool:
    """Whether a statement changes in place what stands there: ``norm_cfg.momentum = 0.1``."""
    for keys in choice.all_keys:
        entry = config.resolved.entry(*keys)
        table = entry.value if entry and entry.at == choice.entry.at else None
        if isinstance(table, Table) and not table.changed <= set(_CARRIED_OVER):
            return True
    return False


def _is_cut_off(own: Table, keys: Keys) -> bool:
    """Whether a dict on the way to what is under ``keys`` takes nothing from its base."""
    above = (own.get(*keys[: depth + 1]) for depth in range(len(keys)))
    return any(isinstance(table, Table) and table.replaces for table in above)


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
