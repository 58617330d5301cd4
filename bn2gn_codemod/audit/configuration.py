"""What an MMEngine config sets, fact by fact, with what was found about each."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bn2gn_codemod.audit.evidence import Evidence, walk_values

_LOSS_WEIGHT = re.compile(r"lambda_?\w*|(\w+_)?loss_weight|w_\w+|\w+_loss_w")
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")
_LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
_NOT_FLAGS = ("test_mode", "_delete_", "lazy_init", "serialize_data")


@dataclasses.dataclass(frozen=True)
class Fact:
    """One setting: its name in the config, its value as text, and what was found."""

    name: str
    value: str
    found: str = ""
    is_good: bool | None = None  # None: nothing to judge


@dataclasses.dataclass(frozen=True)
class DatasetPath:
    """A path that a data loader reads from. ``keys`` lead to it in the config."""

    loader: str
    keys: tuple[str | int, ...]
    path: str
    state: str  # found, missing, foreign (of another system), remote

    @property
    def key(self) -> str:
        return str(self.keys[-1])


def facts(evidence: Evidence) -> tuple[Fact, ...]:
    """Optimizer, schedule, loss weights and data, in this order."""
    if not evidence.values:
        return ()
    return (
        *_optimizer(evidence),
        *_epochs(evidence),
        *_schedule(evidence),
        *_loss_weights(evidence),
        *_data(evidence),
    )


def dataset_paths(evidence: Evidence) -> Iterator[DatasetPath]:
    """The paths of every data loader: its root, annotation files and folders."""
    for loader in _LOADERS:
        for keys, dataset in _datasets(evidence.value(loader), (loader,)):
            if dataset.get("backend_args"):
                continue
            root = dataset.get("data_root") or ""
            paths: list[tuple[tuple[str | int, ...], Any]] = [(("data_root",), root)]
            paths += [((key,), dataset.get(key)) for key in ("ann_file", "img_path", "img_dir")]
            prefix = dataset.get("data_prefix")
            if isinstance(prefix, Mapping):
                paths += [(("data_prefix", str(key)), value) for key, value in prefix.items()]
            for own, path in paths:
                if isinstance(path, str) and path:
                    full = path if own == ("data_root",) else _below(root, path)
                    yield DatasetPath(loader, (*keys, *own), full, _state(full, evidence.root))


def is_remote(path: str) -> bool:
    """Whether ``path`` names something that is fetched: a URL, ``torchvision://resnet50``."""
    return "://" in path


def is_foreign(path: str) -> bool:
    """Whether it is an absolute path of Windows, and this is no Windows."""
    return os.name != "nt" and bool(_WINDOWS.match(path))


def _below(root: str, path: str) -> str:
    if os.path.isabs(path) or is_foreign(path) or is_remote(path) or not root:
        return path
    return f"{root.rstrip('/')}/{path}"


def _state(path: str, root: Path) -> str:
    if is_remote(path):
        return "remote"
    if is_foreign(path):
        return "foreign"
    return "found" if (root / path).exists() else "missing"


def _datasets(
    value: Any, keys: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """The innermost datasets of a loader, through wrappers that repeat or join them."""
    if isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _datasets(item, (*keys, index))
    elif isinstance(value, Mapping):
        inner = [key for key in ("dataset", "datasets") if key in value]
        for key in inner:
            yield from _datasets(value[key], (*keys, key))
        if not inner and len(keys) > 1:
            yield keys, value


def _optimizer(evidence: Evidence) -> Iterator[Fact]:
    for name in ("optim_wrapper", "optimizer"):
        wrapper = evidence.value(name)
        if not isinstance(wrapper, Mapping):
            continue
        optimizer = wrapper.get("optimizer", wrapper)
        if not isinstance(optimizer, Mapping):
            continue
        rate = optimizer.get("lr")
        kind = str(optimizer.get("type", ""))
        good = None if rate is None else bool(rate)
        yield Fact("base learning rate", _text(rate), kind, good)
        if optimizer.get("weight_decay") is not None:
            yield Fact("weight decay", _text(optimizer["weight_decay"]))
        keys = (wrapper.get("paramwise_cfg") or {}).get("custom_keys") or {}
        for key, multipliers in keys.items():
            yield from _multipliers(str(key), multipliers)


def _multipliers(key: str, multipliers: Any) -> Iterator[Fact]:
    for name, value in multipliers.items() if isinstance(multipliers, Mapping) else ():
        is_zero_rate = name in ("lr", "lr_mult") and value == 0
        found = "a learning rate of 0, not a freeze" if is_zero_rate else ""
        yield Fact(f"{key} {name}", _text(value), found, False if is_zero_rate else None)


def _length(evidence: Evidence) -> int | None:
    epochs = evidence.value("train_cfg", "max_epochs")
    return epochs if isinstance(epochs, int) else None


def _epochs(evidence: Evidence) -> Iterator[Fact]:
    for key, name in (("max_epochs", "epochs"), ("max_iters", "iterations")):
        value = evidence.value("train_cfg", key)
        if value is not None:
            yield Fact(name, _text(value))


def _schedule(evidence: Evidence) -> Iterator[Fact]:
    schedulers = evidence.value("param_scheduler")
    epochs = _length(evidence)
    for scheduler in schedulers if isinstance(schedulers, (list, tuple)) else [schedulers]:
        if not isinstance(scheduler, Mapping):
            continue
        shown = ("T_max", "milestones", "gamma", "begin", "end", "eta_min", "start_factor")
        options = ", ".join(f"{key}={scheduler[key]}" for key in shown if key in scheduler)
        period = scheduler.get("T_max") if scheduler.get("by_epoch", True) else None
        found, good = "", None
        if isinstance(period, int) and epochs:
            good = period == epochs
            found = "ends with the last epoch" if good else f"but training has {epochs} epochs"
        yield Fact("scheduler", f"{scheduler.get('type')}({options})", found, good)


def _loss_weights(evidence: Evidence) -> Iterator[Fact]:
    for keys, value in walk_values(evidence.value("model")):
        name = str(keys[-1])
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if is_number and _LOSS_WEIGHT.fullmatch(name):
            good = value > 0
            dotted = ".".join(map(str, keys))
            yield Fact(f"loss weight {dotted}", _text(value), "" if good else "no loss", good)


def _data(evidence: Evidence) -> Iterator[Fact]:
    for loader in _LOADERS:
        split = loader.partition("_")[0]
        for keys, dataset in _datasets(evidence.value(loader), (loader,)):
            for path in dataset_paths(evidence):
                if path.keys[: len(keys)] == keys and path.key == "data_root":
                    yield Fact(f"{split} data", path.path, _FOUND[path.state], _GOOD[path.state])
            for key, value in dataset.items():
                if isinstance(value, bool) and key not in _NOT_FLAGS:
                    yield Fact(f"{split} {key}", _text(value))


_FOUND = {
    "found": "exists",
    "missing": "does not exist",
    "foreign": "a Windows path, and this machine runs something else",
    "remote": "remote, not looked at",
}
_GOOD = {"found": True, "missing": False, "foreign": False, "remote": None}


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
