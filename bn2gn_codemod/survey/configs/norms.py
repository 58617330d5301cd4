"""BatchNorm that a config puts into necks and heads: ``norm_cfg=dict(type='BN')``."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

from bn2gn_codemod.plan import ConfigEdit, Place, Site, Verdict
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.values import Entry, Keys, Scalar, Table, dotted, walk
from bn2gn_codemod.survey.known.norm_classes import REGISTERED

_ONLY_BATCH_NORM = ("momentum", "track_running_stats")
_CARRIED_OVER = ("eps", "affine", "requires_grad")


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
    uses: list[Config] = dataclasses.field(default_factory=list)
    all_keys: set[Keys] = dataclasses.field(default_factory=set)

    @property
    def sides(self) -> set[bool]:
        """Whether it serves a backbone, and whether it serves anything else."""
        return {_is_backbone(keys) for keys in self.all_keys}


def plan_norms(configs: Sequence[Config], settings: Settings) -> NormPlan:
    """Decide every ``norm_cfg`` of a model whose backbone is pretrained.

    Without pretrained weights there is nothing to tell a backbone from new
    layers by, and nothing to keep: those are no sites.
    """
    sites, edits = [], []
    for choice in _choices(configs, settings):
        evidence = next(filter(None, map(_pretrained, choice.uses)), "")
        if not evidence:
            continue
        if len(choice.sides) > 1:
            serves = " and ".join(sorted(map(dotted, choice.all_keys)))
            sites.append(_site(choice, Verdict.CONFLICT, f"it serves {serves}"))
            continue
        if _is_backbone(choice.keys):
            sites.append(_site(choice, Verdict.KEEP, evidence))
            continue
        group_norm, problem = _group_norm(choice, configs, settings)
        reason = f"{dotted(choice.keys[:-1])} is built beside {evidence}"
        reasons = (reason, f"left alone: {problem}") if problem else (reason,)
        sites.append(_site(choice, Verdict.CONVERT, *reasons))
        if not problem:
            edits.append(ConfigEdit(choice.entry.at, "replace", group_norm))
    return NormPlan(tuple(sites), tuple(edits))


def _choices(configs: Sequence[Config], settings: Settings) -> list[_Choice]:
    found: dict[Place, _Choice] = {}
    paths = {config.path for config in configs}
    for config in configs:
        model = config.resolved.get("model")
        for keys, entry in walk(model, ("model",)) if model else ():
            if keys[-1] == "norm_cfg" and entry.at.path in paths and _kind(entry, settings):
                choice = found.setdefault(entry.at, _Choice(keys, entry))
                choice.uses.append(config)
                choice.all_keys.add(keys)
    return [found[place] for place in sorted(found)]


def _kind(entry: Entry, settings: Settings) -> str:
    kind = entry.value.scalar("type") if isinstance(entry.value, Table) else None
    layer = REGISTERED.get(kind, "") if isinstance(kind, str) else ""
    return layer if layer in settings.norms else ""


def _is_backbone(keys: Keys) -> bool:
    return any(isinstance(key, str) and "backbone" in key for key in keys)


def _pretrained(config: Config) -> str:
    """What says that the config's backbone is pretrained."""
    model = config.resolved.get("model")
    for keys, entry in walk(model, ("model",)) if model else ():
        if not _is_backbone(keys[:-1]) or not isinstance(entry.value, Scalar):
            continue
        if keys[-2:] == ("init_cfg", "checkpoint") and entry.value.value:
            return f"a pretrained backbone ({entry.value.value})"
    has_backbone = isinstance(model, Table) and any(map(_is_backbone, model_keys(model)))
    weights = config.resolved.scalar("load_from")
    return f"a backbone whose weights come from {weights}" if weights and has_backbone else ""


def model_keys(model: Table) -> Iterator[Keys]:
    """The keys of every part of the model that has a type."""
    for keys, entry in walk(model):
        if isinstance(entry.value, Table) and "type" in entry.value.entries:
            yield keys


def _site(choice: _Choice, verdict: Verdict, *reasons: str) -> Site:
    assert isinstance(choice.entry.value, Table)
    kind = str(choice.entry.value.scalar("type"))
    return Site(choice.entry.at, kind, "", dotted(choice.keys), verdict, reasons)


def _group_norm(choice: _Choice, configs: Sequence[Config], settings: Settings) -> tuple[str, str]:
    """The source of the GroupNorm that takes its place, or why there is none."""
    table = choice.entry.value
    assert isinstance(table, Table)
    unknown = table.entries.keys() - {"type", *_ONLY_BATCH_NORM, *_CARRIED_OVER}
    if unknown or table.is_open:
        return "", f"its argument {', '.join(sorted(unknown)) or '**'} is not understood"
    override = _override_in_the_way(choice, configs, settings)
    if override:
        return "", f"{override} overrides part of it and would no longer fit"
    groups = {_groups(_channels(config, choice.keys), settings) for config in choice.uses}
    if None in groups or len(groups) > 1:
        return "", "its channel count is not in the config; write type='GN' and num_groups there"
    carried = "".join(
        f", {key}={table.scalar(key)!r}" for key in _CARRIED_OVER if key in table.entries
    )
    return f"dict(type='GN', num_groups={groups.pop()}{carried})", ""


def _channels(config: Config, keys: Keys) -> list[int]:
    """The channel counts that stand beside a ``norm_cfg``."""
    owner = config.resolved.get(*keys[:-1])
    entries = owner.entries.items() if isinstance(owner, Table) else ()
    return [
        entry.value.value
        for key, entry in entries
        if key.endswith("channels")
        and isinstance(entry.value, Scalar)
        and type(entry.value.value) is int
        and entry.value.value > 1
    ]


def _groups(channels: list[int], settings: Settings) -> int | None:
    """The most groups that divide all channel counts, within the settings."""
    if not channels:
        return None
    common = math.gcd(*channels)
    most = min(settings.groups, common // settings.min_channels_per_group)
    return next((groups for groups in range(most, 0, -1) if common % groups == 0), None)


def _override_in_the_way(choice: _Choice, configs: Sequence[Config], settings: Settings) -> str:
    """A config that merges into this ``norm_cfg`` what GroupNorm does not take."""
    for config in configs:
        entry = config.own.entry(*choice.keys)
        if config.is_pure_python or entry is None or entry.at == choice.entry.at:
            continue
        if choice.entry.at.path not in config.family() or not isinstance(entry.value, Table):
            continue
        table = entry.value
        converted = "type" in table.entries and _kind(entry, settings)
        if table.replaces or converted or table.entries.keys() <= set(_CARRIED_OVER):
            continue
        return entry.at.path
    return ""
