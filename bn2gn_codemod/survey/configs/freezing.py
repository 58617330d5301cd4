"""Configs that take a learning rate of 0 for freezing, and what freezes for real."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from bn2gn_codemod.generated import freeze_hook
from bn2gn_codemod.plan import ConfigEdit, NewFile, Place, PretendedFreeze
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey.configs.backbones import Backbones
from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.norms import model_keys
from bn2gn_codemod.survey.configs.values import Entry, Items, Keys, Scalar, Table, dotted, walk

# Source of an expression, or entries to merge into a dict.
Source: TypeAlias = "str | Mapping[str, Source]"

_COMMENT = """\
# Frozen for real: no gradients, and BatchNorm keeps its pretrained statistics.
"""
_LONG = 60
_DOTTED_NAME = re.compile(r"[A-Za-z_][\w.]*")


@dataclasses.dataclass(frozen=True)
class FreezePlan:
    """The pretended freezes of all configs, and what makes them real."""

    freezes: tuple[PretendedFreeze, ...] = ()
    edits: tuple[ConfigEdit, ...] = ()
    new_files: tuple[NewFile, ...] = ()


class _Unfixable(Exception):
    """Why a pretended freeze is left alone, in a few words."""


@dataclasses.dataclass
class ZeroRate:
    """An entry that sets a learning rate to 0, and the configs in which it holds.

    ``names`` is what MMEngine looks for in parameter names, ``None`` for the
    learning rate of the optimizer itself.
    """

    keys: Keys
    entry: Entry
    uses: list[Config]

    @property
    def names(self) -> str | None:
        return str(self.keys[-2]) if "custom_keys" in self.keys else None


def zero_rates(configs: Sequence[Config]) -> list[ZeroRate]:
    """Every learning rate of 0 in the optimizer settings of ``configs``, by place."""
    found: dict[Place, ZeroRate] = {}
    for config in configs:
        for setting in ("optim_wrapper", "optimizer", "paramwise_cfg"):
            value = config.resolved.get(setting)
            for keys, entry in walk(value, (setting,)) if value else ():
                if _is_zero_rate(keys, entry):
                    found.setdefault(entry.at, ZeroRate(keys, entry, [])).uses.append(config)
    return [found[place] for place in sorted(found)]


def _is_zero_rate(keys: Keys, entry: Entry) -> bool:
    in_group = len(keys) > 2 and keys[-3] == "custom_keys" and keys[-1] in ("lr_mult", "lr")
    of_optimizer = keys[-2:] == ("optimizer", "lr")
    value = entry.value.value if isinstance(entry.value, Scalar) else None
    is_zero = isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0
    return (in_group or of_optimizer) and is_zero


def plan_freezes(repository: Repository, configs: Sequence[Config]) -> FreezePlan:
    """Find each pretended freeze and plan the real one."""
    paths = {source.path for source in repository.files}
    planner = _Planner(repository)
    freezes: list[PretendedFreeze] = []
    edits: list[ConfigEdit] = []
    new_files: list[NewFile] = []
    hooked: dict[Config, list[ZeroRate]] = {}
    for rate in zero_rates(configs):
        if rate.entry.at.path not in paths:
            continue  # in an installed package
        planned, reason = None, ""
        try:
            planned = planner.plan(rate)
            if planned is None:
                continue
        except _Unfixable as error:
            planned, reason = _Planned(), str(error)
        edits.extend(planned.edits)
        for config in planned.hooked:
            hooked.setdefault(config, []).append(rate)
        freezes.append(
            PretendedFreeze(rate.entry.at, dotted(rate.keys), rate.names or "", planned.fix, reason)
        )
    for config, rates in hooked.items():
        _, hook_edits, files = planner.hook(config, rates)
        edits.extend(hook_edits)
        new_files.extend(files)
    return FreezePlan(tuple(freezes), tuple(edits), tuple(dict.fromkeys(new_files)))


@dataclasses.dataclass
class _Planned:
    """How one pretended freeze becomes real. ``hooked`` are the configs that get the hook."""

    fix: str = ""
    edits: list[ConfigEdit] = dataclasses.field(default_factory=list)
    hooked: list[Config] = dataclasses.field(default_factory=list)


class _Planner:
    """Plans the real freeze for one learning rate of 0 at a time."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._backbones = Backbones(repository)

    def plan(self, rate: ZeroRate) -> _Planned | None:
        """``None`` where it is frozen for real already; raises ``_Unfixable``."""
        if rate.names is None:
            raise _Unfixable("the learning rate of the whole optimizer is 0")
        holders = [config for config in rate.uses if config.resolved.get("model", "type")]
        if not holders and any(config.problems for config in rate.uses):
            raise _Unfixable("a base of the config could not be read, and so not its model")
        if not holders:
            raise _Unfixable("no config of this repository combines it with a model")
        thawed = [config for config in holders if not self._is_frozen(config, rate)]
        if not thawed:
            return None
        planned = _Planned()
        targets = _outermost(thawed, rate.names)
        for config in targets:
            backbone = self._freezable(config, rate)
            if backbone:
                fix, edits = self._freeze_stages(config, backbone)
                planned.edits.extend(edits)
            else:
                fix, _, _ = self.hook(config, [rate])
                planned.hooked.append(config)
            planned.fix = planned.fix or fix
        # A file is rewritten whole or not at all. Were the entry to go from one
        # file and the freeze not to get into another, the backbone would train.
        if len(holders) == len(thawed) and [c.path for c in targets] == [rate.entry.at.path]:
            planned.edits.extend(_dropped(rate))
        return planned

    def _is_frozen(self, config: Config, rate: ZeroRate) -> bool:
        keys = self._freezable(config, rate)
        if keys:
            backbone = config.resolved.get("model", *keys)
            assert isinstance(backbone, Table)
            stages = self._backbones.all_stages(backbone)
            if backbone.scalar("frozen_stages") == stages and backbone.scalar("norm_eval") is True:
                return True
        hooks = config.resolved.get("custom_hooks")
        entries = hooks.entries if isinstance(hooks, Items) else []
        return any(_hook_freezes(entry, rate.names) for entry in entries)

    def _freezable(self, config: Config, rate: ZeroRate) -> Keys | None:
        """The one part of the model that the rate is about, if its type can freeze itself."""
        model = config.resolved.get("model")
        assert isinstance(model, Table)
        assert rate.names is not None
        reached = _reached(model, rate.names)
        if len(reached) != 1 or reached[0][-1] != rate.names.strip(".").rpartition(".")[2]:
            return None
        if _trained_inside(config, rate):
            return None
        backbone = model.get(*reached[0])
        assert isinstance(backbone, Table)
        return reached[0] if self._backbones.all_stages(backbone) is not None else None

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
                raise _Unfixable("its backbone stands in a list")
            nested = {key: nested}
        return fix, list(_merge_into(config, "model", nested))

    def hook(
        self, config: Config, rates: Sequence[ZeroRate]
    ) -> tuple[str, list[ConfigEdit], list[NewFile]]:
        """The hook that freezes all that ``rates`` are about; raises ``_Unfixable``."""
        if any(rate.keys[0] != "optim_wrapper" for rate in rates):
            raise _Unfixable("only MMEngine's optim_wrapper settings take the hook")
        path, module = self._hook_module(config)
        new_files = []
        if self._repository.file(path) is None:
            new_files.append(NewFile(path, (freeze_hook.CLASS,)))
        elif not self._has_hook(path):
            raise _Unfixable(f"{path} exists and holds something else")
        trained = dict.fromkeys(key for rate in rates for key in _trained_inside(config, rate))
        arguments = f"names={[rate.names for rate in rates]!r}"
        if trained:
            arguments += f", trained={[*trained]!r}"
        edits = list(_append_hook(config, module, arguments))
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


def _reached(model: Table, names: str) -> list[Keys]:
    """The parts of the model whose parameters a custom key matches, none inside another."""
    parts = [keys for keys in model_keys(model) if names.strip(".") in dotted(keys)]
    return [
        keys
        for keys in parts
        if not any(len(above) < len(keys) and keys[: len(above)] == above for above in parts)
    ]


def _hook_freezes(hook: Entry, names: str | None) -> bool:
    table = hook.value
    if not isinstance(table, Table) or table.scalar("type") != freeze_hook.CLASS:
        return False
    frozen = table.get("names")
    entries = frozen.entries if isinstance(frozen, Items) else []
    return any(isinstance(e.value, Scalar) and e.value.value == names for e in entries)


def _trained_inside(config: Config, rate: ZeroRate) -> list[str]:
    """Other custom keys that win over this one in a part of what it matches, and train it."""
    others = config.resolved.get(*rate.keys[:-2])
    if not isinstance(others, Table) or rate.names is None:
        return []
    return [
        key
        for key, entry in others.entries.items()
        if len(key) >= len(rate.names)
        and key != rate.names
        and isinstance(entry.value, Table)
        and entry.value.scalar("lr_mult") not in (None, 0, 0.0)
        and _may_overlap(key, rate.names)
    ]


def _may_overlap(key: str, names: str) -> bool:
    # `backbone.layer4` lies within `backbone`; `head` does not.
    return names.strip(".") in key


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
    reached = _reached(model, names) if isinstance(model, Table) else []
    keys: list[Keys] = [
        ("model", *part, name)
        for part in reached
        for name in ("type", "frozen_stages", "norm_eval")
    ]
    keys += [("custom_hooks",), ("custom_imports", "imports")]
    entries = (config.resolved.entry(*each) for each in keys)
    return [entry.at if entry else None for entry in entries]


# ---------------------------------------------------------------- edits


def _dropped(rate: ZeroRate) -> Iterator[ConfigEdit]:
    """Take out the dead entry, and the dicts that are empty without it."""
    path = rate.entry.at.path
    owner = next(c for use in rate.uses for c in _with_bases(use) if c.path == path)
    keys = rate.keys[:-1]
    entry = owner.own.entry(*keys)
    if entry is None or entry.at.path != path:
        raise _Unfixable("its entry is not written out")
    while len(keys) > 1:
        above = owner.own.entry(*keys[:-1])
        if above is None or not isinstance(above.value, Table) or above.at != above.value.place:
            break
        if len(above.value.entries) > 1 or above.value.is_open or above.value.replaces:
            break
        if len(keys) == 2:
            break  # never a whole top-level setting
        keys, entry = keys[:-1], above
    yield ConfigEdit(entry.at, "drop")


def _with_bases(config: Config) -> Iterator[Config]:
    yield config
    for base in config.bases:
        yield from _with_bases(base)


def _merge_into(config: Config, name: str, nested: Source) -> Iterator[ConfigEdit]:
    """Set entries below the top-level ``name`` in the config's own file."""
    entry = config.own.entry(name)
    if entry is None or entry.value.place.path != config.path:
        if entry is not None and not config.is_pure_python:
            raise _Unfixable(f"{name} is computed")
        lines = _source_lines(nested)
        statement = f"{name} = {lines}" if entry is None else f"{name}.merge({lines})"
        comment = _COMMENT if name == "model" else ""
        yield ConfigEdit(_end_of(config), "statement", comment + statement)
        return
    yield from _merge(entry, nested, config.source)


def _merge(entry: Entry, nested: Source, source: SourceFile) -> Iterator[ConfigEdit]:
    table = entry.value
    assert not isinstance(nested, str)
    if not isinstance(table, Table) or table.place.path != source.path:
        raise _Unfixable(f"line {entry.at.line} is computed")
    for key, wanted in nested.items():
        below = table.entries.get(key)
        if below is None:
            yield ConfigEdit(table.place, "add", _source(wanted), key)
        elif isinstance(wanted, str):
            value = below.value.value if isinstance(below.value, Scalar) else None
            if repr(value) != wanted:
                yield ConfigEdit(below.at, "replace", wanted)
        elif below.at == below.value.place:
            yield from _merge(below, wanted, source)
        else:
            # The name may serve others too: this use of it alone changes.
            extra = ", ".join(f"{k}={_source(v)}" for k, v in wanted.items())
            yield ConfigEdit(below.at, "replace", f"dict({_name_at(source, below)}, {extra})")


def _name_at(source: SourceFile, entry: Entry) -> str:
    name = _DOTTED_NAME.match(source.text, source.offset(entry.at.line, entry.at.column))
    if not name:
        raise _Unfixable(f"line {entry.at.line} is computed")
    return name.group()


def _source(nested: Source) -> str:
    if isinstance(nested, str):
        return nested
    return f"dict({', '.join(f'{key}={_source(value)}' for key, value in nested.items())})"


def _source_lines(nested: Source, depth: int = 1) -> str:
    """As ``_source``, on several lines where it is long."""
    short = _source(nested)
    if isinstance(nested, str) or len(short) < _LONG:
        return short
    indent = "    " * depth
    entries = (f"{key}={_source_lines(value, depth + 1)}" for key, value in nested.items())
    return f"dict(\n{indent}" + f",\n{indent}".join(entries) + ")"


def _end_of(config: Config) -> Place:
    """The place of the file's last statement."""
    last = config.source.tree.body[-1]
    return Place(config.path, last.lineno, config.source.column(last.lineno, last.col_offset))


def _append_hook(config: Config, module: str, arguments: str) -> Iterator[ConfigEdit]:
    if config.is_pure_python:
        hook = f"dict(type={freeze_hook.CLASS}, {arguments})"
        yield ConfigEdit(
            _last_import(config), "statement", f"from {module} import {freeze_hook.CLASS}"
        )
    else:
        hook = f"dict(type={freeze_hook.CLASS!r}, {arguments})"
        yield from _import_module(config, module)
    hooks = config.own.entry("custom_hooks")
    if hooks and isinstance(hooks.value, Items) and hooks.value.place.path == config.path:
        yield ConfigEdit(hooks.value.place, "add", hook, import_from=module)
    elif hooks and not config.is_pure_python:
        raise _Unfixable("custom_hooks is computed")
    else:
        inherited = "custom_hooks" if config.is_pure_python else "_base_.custom_hooks"
        has_some = config.resolved.get("custom_hooks") is not None
        before = f"*{inherited}, " if has_some else ""
        new = f"custom_hooks = [{before}{hook}]"
        yield ConfigEdit(_end_of(config), "statement", new, import_from=module)


def _import_module(config: Config, module: str) -> Iterator[ConfigEdit]:
    imports = config.resolved.entry("custom_imports", "imports")
    value = imports.value if imports else None
    entries = value.entries if isinstance(value, Items) else [imports] if imports else []
    names = [entry.value.value for entry in entries if isinstance(entry.value, Scalar)]
    if len(names) != len(entries):
        raise _Unfixable("custom_imports is computed")
    if module in names:
        return
    own = config.own.entry("custom_imports", "imports")
    if own and isinstance(own.value, Items) and own.value.place.path == config.path:
        yield ConfigEdit(own.value.place, "add", repr(module))
        return
    yield from _merge_into(config, "custom_imports", {"imports": repr([*names, module])})


def _last_import(config: Config) -> Place:
    body = config.source.tree.body
    imports = [s for s in body if type(s).__name__ in ("Import", "ImportFrom", "With")]
    last = (imports or body)[-1]
    return Place(config.path, last.lineno, config.source.column(last.lineno, last.col_offset))
