"""The tree of a model's modules, with what its norm layers are, before and after."""

from __future__ import annotations

import collections
import dataclasses
import enum
from collections.abc import Iterable, Mapping
from typing import Any


class State(enum.Enum):
    """What a norm layer is. The value is how the page calls it."""

    FROZEN = "frozen BatchNorm"
    GROUP = "GroupNorm"
    TRAIN = "BatchNorm in train mode"
    UNDECIDED = "undecided"
    STAYS = "BatchNorm that stays"  # and no train script says whether it is frozen
    OTHER = "other norm"


Counts = dict[State, int]


@dataclasses.dataclass(frozen=True)
class Leaf:
    """One norm layer, or one line of source that makes some.

    ``was`` and ``is_`` say what it is before and after in words (``""``: there
    is no such layer). ``site`` is its line of source, ``None`` if unknown.
    """

    before: State | None
    after: State | None
    was: str = ""
    is_: str = ""
    site: tuple[str, int] | None = None


@dataclasses.dataclass(frozen=True)
class Node:
    """A module with norm layers at or below it.

    ``leaves`` are all of those, by a key that is the same wherever they appear,
    so that what appears twice is counted once. ``note`` is for the reader.
    """

    name: str
    class_: str = ""
    leaves: Mapping[Any, Leaf] = dataclasses.field(default_factory=dict)
    children: tuple[Node, ...] = ()
    note: str = ""

    @property
    def before(self) -> Counts:
        """How many layers are what, before."""
        return counted(leaf.before for leaf in self.leaves.values())

    @property
    def after(self) -> Counts:
        """How many layers are what, after."""
        return counted(leaf.after for leaf in self.leaves.values())

    @property
    def leaf(self) -> Leaf | None:
        """The layer that this is, if it is nothing more."""
        return next(iter(self.leaves.values())) if self.is_leaf else None

    @property
    def is_leaf(self) -> bool:
        return not self.children and len(self.leaves) == 1 and not self.note


@dataclasses.dataclass(frozen=True)
class Model:
    """One model; ``where`` is the place of its class, ``problem`` why there is no tree."""

    tree: Node
    where: str = ""
    problem: str = ""
    is_compared: bool = True


def counted(states: Iterable[State | None]) -> Counts:
    """How many there are of each state, in the order of ``State``."""
    found = collections.Counter(state for state in states if state is not None)
    return {state: found[state] for state in State if found[state]}


def worst(one: Leaf, other: Leaf) -> Leaf:
    """Of the same line of source in two models: the one that trains, or that nothing freezes."""

    def badness(leaf: Leaf) -> list[bool]:
        return [
            side is bad for bad in (State.TRAIN, State.STAYS) for side in (leaf.after, leaf.before)
        ]

    return max(one, other, key=badness)


def with_children(name: str, class_: str, children: Iterable[Node], note: str = "") -> Node:
    """A module that holds ``children``."""
    kept = tuple(children)
    leaves = {key: leaf for child in kept for key, leaf in child.leaves.items()}
    return Node(name, class_, leaves, kept, note)
