"""What an audit knows about its target, and what a rule makes of it: plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from bn2gn_codemod.plan import Place, PretendedFreeze
from bn2gn_codemod.snapshot import LiveRun, ModelSnapshot, Snapshot
from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.values import Keys

# serious: training is stopped, or silently does something else than it says.
# warning: probably a mistake. advice: good to know; alone it fails no audit.
Severity = Literal["serious", "warning", "advice"]


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """Something that is wrong with a target.

    Every text is a sentence without its full stop; ``remedy`` may be followed
    by ``lines``, the source to write or the diff to apply.
    """

    code: str
    severity: Severity
    what: str
    cause: str
    effect: str
    remedy: str
    lines: str = ""
    place: Place | None = None
    fixable: bool = False


@dataclasses.dataclass(frozen=True)
class Freezing:
    """A pretended freeze of the config, and the diff of that file with a real one."""

    freeze: PretendedFreeze
    diff: str = ""


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Everything that is known about one target.

    ``root`` is where training runs: relative paths count from there. ``config``
    is the static reading of a config file; ``values`` is the config as
    MMEngine resolved it, or else what could be read statically. ``failure``
    says in one line why there is no live model, or not all of it.
    """

    target: str
    root: Path
    snapshot: Snapshot = dataclasses.field(default_factory=Snapshot)
    failure: str = ""
    config: Config | None = None
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    freezings: tuple[Freezing, ...] = ()

    @property
    def run(self) -> LiveRun | None:
        """The training that was watched; of several processes the one with the largest model."""
        runs = self.snapshot.runs
        return max(runs, key=lambda run: len(run.model.parameters)) if runs else None

    @property
    def built(self) -> ModelSnapshot | None:
        """The model before training, as far as it was seen."""
        models = [model for model in self.snapshot.models if not model.error]
        return models[0] if models else None

    @property
    def model(self) -> ModelSnapshot | None:
        """The model in training, or as it was built."""
        return self.run.model if self.run else self.built

    def place(self, *keys: str | int) -> Place | None:
        """Where the config's entry under ``keys`` is written."""
        entry = self.config.resolved.entry(*keys) if self.config else None
        return entry.at if entry else None

    def value(self, *keys: str | int) -> Any:
        """The config's value under ``keys``, ``None`` where there is none."""
        found: Any = self.values
        for key in keys:
            try:
                found = found[key]
            except (KeyError, IndexError, TypeError):
                return None
        return found


def walk_values(value: Any, keys: Keys = ()) -> list[tuple[Keys, Any]]:
    """Every value below ``value`` with the keys that lead to it, outermost first."""
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, Mapping):
        children = list(value.items())
    elif isinstance(value, (list, tuple)):
        children = list(enumerate(value))
    found: list[tuple[Keys, Any]] = []
    for key, child in children:
        found.append(((*keys, key), child))
        found += walk_values(child, (*keys, key))
    return found
