"""What lies in a checkpoint file, as plain frozen data; shapes are in elements."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

Path = tuple[str | int, ...]  # the keys that lead to a container
Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """A dict that holds tensors by name; a list of them by number."""

    path: Path
    tensors: Mapping[str | int, Shape]

    def __str__(self) -> str:
        return written(self.path)


@dataclasses.dataclass(frozen=True)
class OptimizerState:
    """An optimizer: its parameters' numbers by group, and the shapes of what it keeps of each."""

    path: Path
    groups: tuple[tuple[int, ...], ...]
    state: Mapping[int, tuple[Shape, ...]]

    def __str__(self) -> str:
        return written(self.path)


@dataclasses.dataclass(frozen=True)
class Contents:
    """A whole checkpoint. ``kind`` is the class of what was saved."""

    format: str
    kind: str
    tables: tuple[Table, ...]
    lists: tuple[Table, ...] = ()
    optimizers: tuple[OptimizerState, ...] = ()


@dataclasses.dataclass(frozen=True)
class Edits:
    """What is left out of a checkpoint, and what gets the same value in every element."""

    drop: Mapping[Path, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    reset: Mapping[Path, Mapping[str | int, int]] = dataclasses.field(default_factory=dict)
    forget: Mapping[Path, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    remove: tuple[Path, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """In the form that the probe takes: keys are strings or numbers, so pairs."""
        return {
            "drop": [[list(path), list(keys)] for path, keys in self.drop.items()],
            "reset": [[list(path), list(v.items())] for path, v in self.reset.items()],
            "forget": [[list(path), list(numbers)] for path, numbers in self.forget.items()],
            "remove": [list(path) for path in self.remove],
        }


def written(path: Path) -> str:
    """``ema.module``; the top of the file has no name of its own."""
    return ".".join(map(str, path)) or "(top level)"


def from_event(event: Mapping[str, Any]) -> Contents:
    """The contents that a probe sent."""
    return Contents(
        event["format"],
        event.get("kind", ""),
        tuple(
            Table(tuple(table["path"]), {key: tuple(shape) for key, shape in table["tensors"]})
            for table in event["tables"]
        ),
        tuple(
            Table(tuple(table["path"]), dict(enumerate(map(tuple, table["shapes"]))))
            for table in event.get("lists", ())
        ),
        tuple(_optimizer(entry) for entry in event.get("optimizers", ())),
    )


def _optimizer(entry: Mapping[str, Any]) -> OptimizerState:
    state = {number: _shapes(shapes) for number, shapes in entry["state"]}
    return OptimizerState(tuple(entry["path"]), tuple(map(tuple, entry["groups"])), state)


def _shapes(shapes: Sequence[Sequence[int]]) -> tuple[Shape, ...]:
    return tuple(map(tuple, shapes))
