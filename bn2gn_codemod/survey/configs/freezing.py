"""Configs that take a learning rate of 0 for freezing, and what freezes for real."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from bn2gn_codemod.generated import freeze_hook, mmcv_freeze_hook
from bn2gn_codemod.plan import ConfigEdit, NewFile, Place, PretendedFreeze
from bn2gn_codemod.sources import Repository
from bn2gn_codemod.survey.configs.backbones import Backbones
from bn2gn_codemod.survey.configs.dead_entries import dropped
from bn2gn_codemod.survey.configs.entry_edits import (
    COMMENT,
    Source,
    Unfixable,
    append_hook,
    merge_into,
)
from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.values import Entry, Items, Keys, Opaque, Scalar, Table, dotted
from bn2gn_codemod.survey.configs.zero_rates import ZeroRate, reached, trained_inside, zero_rates
from bn2gn_codemod.wording import listed


@dataclasses.dataclass(frozen=True)
class FreezePlan:
    """The pretended freezes of all configs, and what makes them real."""

    freezes: tuple[PretendedFreeze, ...] = ()
    edits: tuple[ConfigEdit, ...] = ()
    new_files: tuple[NewFile, ...] = ()


def plan_freezes(repository: Repository, configs: Sequence[Config]) -> FreezePlan:
    """Find each pretended freeze and plan the real one.

    ``configs`` are all of the repository: an edit reaches whoever inherits it.
    """
    paths = {source.path for source in repository.files}
    planner = _Planner(repository, configs)
    freezes: list[PretendedFreeze] = []
    edits: list[ConfigEdit] = []
    new_files: list[NewFile] = []
    hooked: dict[Config, list[ZeroRate]] = {}
    for rate in zero_rates(configs):
        if rate.entry.at.path not in paths:
            continue  # in an installed package
        planned = planner.plan(rate)
        if planned is None:
            continue
        edits.extend(planned.edits)
        for config in planned.hooked:
            hooked.setdefault(config, []).append(rate)
        freezes.append(planned.described(rate))
    for config, rates in hooked.items():
        _, hook_edits, files = planner.hook(config, rates)
        edits.extend(hook_edits)
        new_files.extend(files)
    return FreezePlan(tuple(freezes), tuple(edits), tuple(dict.fromkeys(new_files)))


@dataclasses.dataclass
class _Planned:
    """How one pretended freeze becomes real.

    ``fixes`` are the paths of the configs that are edited, by what they get,
    ``hooked`` those of them that get the hook; ``already`` is what freezes them
    without any edit. ``reasons`` say why it is not, or not everywhere, done.
    """

    fixes: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    edits: list[ConfigEdit] = dataclasses.field(default_factory=list)
    hooked: list[Config] = dataclasses.field(default_factory=list)
    already: str = ""
    reasons: list[str] = dataclasses.field(default_factory=list)

    def described(self, rate: ZeroRate) -> PretendedFreeze:
        """What reports say about it."""
        at_hand = [[rate.entry.at.path]]
        fixes = (
            fix if paths in at_hand else f"{fix} (in {listed(paths)})"
            for fix, paths in self.fixes.items()
        )
        return PretendedFreeze(
            rate.entry.at,
            dotted(rate.keys),
            rate.names or "",
            fix=" and ".join(fixes),
            reason="; ".join(dict.fromkeys(self.reasons)),
            by_hand=_of_mmcv(rate) if self.reasons else "",
            already=self.already,
            configs=tuple(config.path for config in rate.uses),
        )


class _Planner:
    """Plans the real freeze for one learning rate of 0 at a time."""

    def __init__(self, repository: Repository, configs: Sequence[Config]) -> None:
        self._repository = repository
        self._configs = configs
        self._backbones = Backbones(repository)

    def plan(self, rate: ZeroRate) -> _Planned | None:
        """``None`` where all is frozen for real, and the entry is no place to edit."""
        planned = _Planned()
        holders = [config for config in rate.uses if config.resolved.get("model", "type")]
        if rate.names is None:
            planned.reasons.append("the learning rate of the whole optimizer is 0")
            return planned
        planned.reasons.extend(_unknown_models(rate))
        if not holders:
            nobody = "no config of this repository combines it with a model"
            planned.reasons = planned.reasons or [nobody]
            return planned
        thawed = [config for config in holders if not self._frozen_by(config, rate)]
        for config in _outermost(thawed, rate.names):
            try:
                fix = self._freeze(config, rate, planned)
            except Unfixable as error:
                planned.reasons.append(_of(config, rate, str(error)))
            else:
                planned.fixes.setdefault(fix, []).append(config.path)
        if planned.reasons:
            return planned
        try:
            planned.edits.append(self._drop(rate, planned))
        except Unfixable as error:
            planned.reasons.append(str(error))
            return planned if thawed else None
        if not thawed:
            planned.already = self._frozen_by(holders[0], rate)
        return planned

    def _drop(self, rate: ZeroRate, planned: _Planned) -> ConfigEdit:
        """The edit that takes out the entry; raises ``Unfixable``."""
        for config in rate.uses:
            if config.problems:  # which may undo the freeze
                raise Unfixable(_unread(config))
        # Without the entry, and not yet frozen, the parameters would train.
        first = {path for paths in planned.fixes.values() for path in paths}
        return dropped(rate, self._configs, first)

    def _frozen_by(self, config: Config, rate: ZeroRate) -> str:
        """What freezes the parameters for real already; ``""`` if nothing does."""
        keys = self._freezable(config, rate)
        if keys:
            backbone = config.resolved.get("model", *keys)
            assert isinstance(backbone, Table)
            stages = self._backbones.all_stages(backbone)
            if backbone.scalar("frozen_stages") == stages and backbone.scalar("norm_eval") is True:
                return f"frozen_stages={stages}, norm_eval=True"
        hooks = config.resolved.get("custom_hooks")
        entries = hooks.entries if isinstance(hooks, Items) else []
        is_hooked = any(_hook_freezes(entry, rate.names) for entry in entries)
        return freeze_hook.CLASS if is_hooked else ""

    def _freeze(self, config: Config, rate: ZeroRate, planned: _Planned) -> str:
        """Plan the freeze of one config and say what it is; raises ``Unfixable``."""
        part = self._freezable(config, rate)
        if part:
            self._spare_the_trained(config, rate, ("model", *part, "type"))
            fix, edits = self._freeze_stages(config, part)
            planned.edits.extend(edits)
        else:
            self._spare_the_trained(config, rate, ("custom_hooks",))
            fix, _, _ = self.hook(config, [rate])
            planned.hooked.append(config)
        return fix

    def _spare_the_trained(self, config: Config, rate: ZeroRate, setting: Keys) -> None:
        """Raise ``Unfixable`` where a config that trains the part would inherit the edit."""
        for other in self._configs:
            if other is config or config.path not in other.family() or rate.holds_in(other):
                continue
            inherits = _place(other, setting) == _place(config, setting)
            has_model = other.resolved.get("model", "type") is not None
            if inherits and has_model and not self._frozen_by(other, rate):
                raise Unfixable(f"{other.path} inherits from it and trains {rate.names}")

    def _freezable(self, config: Config, rate: ZeroRate) -> Keys | None:
        """The one part of the model that the rate is about, if its type can freeze itself."""
        model = config.resolved.get("model")
        assert isinstance(model, Table)
        assert rate.names is not None
        parts = reached(model, rate.names)
        if len(parts) != 1 or parts[0][-1] != rate.names.strip(".").rpartition(".")[2]:
            return None
        if trained_inside(config, rate):
            return None
        backbone = model.get(*parts[0])
        assert isinstance(backbone, Table)
        return parts[0] if self._backbones.all_stages(backbone) is not None else None

    def _freeze_stages(self, config: Config, keys: Keys) -> tuple[str, list[ConfigEdit]]:
        backbone = config.resolved.get("model", *keys)
        assert isinstance(backbone, Table)
        stages = self._backbones.all_stages(backbone)
        wanted: dict[str, Source] = {"frozen_stages": str(stages), "norm_eval": "True"}
        fix = ", ".join(f"{key}={value}" for key, value in wanted.items())
        if isinstance(backbone.get("norm_cfg"), Table):
            wanted["norm_cfg"] = {"requires_grad": "False"}
        nested: Source = wanted
        for key in reversed(keys):
            if isinstance(key, int):
                raise Unfixable("its backbone stands in a list")
            nested = {key: nested}
        return fix, list(merge_into(config, "model", nested, COMMENT))

    def hook(
        self, config: Config, rates: Sequence[ZeroRate]
    ) -> tuple[str, list[ConfigEdit], list[NewFile]]:
        """The hook that freezes all that ``rates`` are about; raises ``Unfixable``."""
        if any(rate.keys[0] != "optim_wrapper" for rate in rates):
            raise Unfixable(
                f"{rates[0].keys[0]} is read by mmcv 1.x, whose hooks are others than MMEngine's "
                "(bn2gn audit of this config prints the one to write)"
            )
        path, module = self._hook_module(config)
        new_files = []
        if self._repository.file(path) is None:
            new_files.append(NewFile(path, (freeze_hook.CLASS,)))
        elif not self._has_hook(path):
            raise Unfixable(f"{path} exists and holds something else")
        trained = dict.fromkeys(key for rate in rates for key in trained_inside(config, rate))
        arguments = f"names={[rate.names for rate in rates]!r}"
        if trained:
            arguments += f", trained={[*trained]!r}"
        edits = list(append_hook(config, module, arguments))
        return f"{freeze_hook.CLASS} in {path}", edits, new_files

    def _has_hook(self, path: str) -> bool:
        source = self._repository.file(path)
        try:
            return source is not None and freeze_hook.defines_it(source.tree)
        except SyntaxError:
            return False

    def _hook_module(self, config: Config) -> tuple[str, str]:
        """Where the hook's module goes: beside what the config imports already."""
        imports = config.resolved.get("custom_imports", "imports")
        named = [e.value for e in imports.entries] if isinstance(imports, Items) else [imports]
        packages = [str(v.value).split(".")[0] for v in named if isinstance(v, Scalar)]
        packages += [
            source.path.split("/")[0]
            for source in self._repository.files
            if source.path.endswith("/__init__.py") and source.path.count("/") == 1
        ]
        for package in packages:
            if self._repository.file(f"{package}/__init__.py"):
                return f"{package}/{freeze_hook.MODULE}.py", f"{package}.{freeze_hook.MODULE}"
        return f"{freeze_hook.MODULE}.py", freeze_hook.MODULE


def _unknown_models(rate: ZeroRate) -> Iterator[str]:
    """The configs that may train a model with this rate, of which nothing is known."""
    for config in rate.uses:
        if config.resolved.get("model", "type"):
            continue
        if config.problems:
            yield f"a model is not known ({_unread(config)})"
        elif isinstance(config.resolved.get("model"), Opaque):
            yield _of(config, rate, "its model is computed")


def _unread(config: Config) -> str:
    return f"{config.problems[0].path}: {config.problems[0].message}"


def _of(config: Config, rate: ZeroRate, reason: str) -> str:
    return reason if config.path == rate.entry.at.path else f"{config.path}: {reason}"


def _of_mmcv(rate: ZeroRate) -> str:
    """The hook to write by hand where mmcv 1.x trains."""
    if rate.names is None or rate.keys[0] == "optim_wrapper":
        return ""
    trained = dict.fromkeys(key for config in rate.uses for key in trained_inside(config, rate))
    return mmcv_freeze_hook.lines(rate.names, [*trained])


def _hook_freezes(hook: Entry, names: str | None) -> bool:
    table = hook.value
    if not isinstance(table, Table) or table.scalar("type") != freeze_hook.CLASS:
        return False
    frozen = table.get("names")
    entries = frozen.entries if isinstance(frozen, Items) else []
    return any(isinstance(e.value, Scalar) and e.value.value == names for e in entries)


def _outermost(configs: Iterable[Config], names: str) -> list[Config]:
    """The configs to edit: the others inherit the edit from one of these.

    A config that replaces what the edit would change needs its own.
    """
    configs = list(configs)
    return [
        config
        for config in configs
        if not any(
            other is not config
            and other.path in config.family()
            and _decisive(other, names) == _decisive(config, names)
            for other in configs
        )
    ]


def _decisive(config: Config, names: str) -> list[Place | None]:
    """Where the entries stand that decide whether an edit of a base reaches ``config``."""
    model = config.resolved.get("model")
    parts = reached(model, names) if isinstance(model, Table) else []
    keys: list[Keys] = [
        ("model", *part, name) for part in parts for name in ("type", "frozen_stages", "norm_eval")
    ]
    keys += [("custom_hooks",), ("custom_imports", "imports")]
    return [_place(config, each) for each in keys]


def _place(config: Config, keys: Keys) -> Place | None:
    entry = config.resolved.entry(*keys)
    return entry.at if entry else None
