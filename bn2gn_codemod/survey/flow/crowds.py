"""Variables at which too many values come together, and what that leaves open.

Code that walks over all layers of all models (``setattr(module, name, ...)`` in
a loop over ``named_children()``) mixes everything with everything. In a large
repository most of the work would be there. So the more values have moved, the
fewer find room at one variable; what finds none is dropped, and stands on a
list: what becomes of it elsewhere is not known, so it is not certainly new.
"""

from __future__ import annotations

import ast
import dataclasses
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    Entries,
    FunctionValue,
    Instance,
    Lost,
    ModuleValue,
    NamespaceValue,
    NormClass,
    NormLayer,
    Text,
    TupleValue,
    Value,
    Weights,
)

if TYPE_CHECKING:
    from bn2gn_codemod.survey.flow.analysis import Flow

# How many values may arrive at variables before room gets scarce.
_PLENTY = 500_000
_STEP = 100_000
LOOK_EVERY = 10_000
_MOST_ROOM = 1024
_LEAST_ROOM = 8
_NEAR = 30  # variables to look at for one that has a name
# There are few of these, and everything hangs on them.
_ALWAYS = (Weights, ModuleValue, NamespaceValue, Lost)
LOST = Lost()
EVERY_NAME = Text("*")


def room_after(moved: int) -> int:
    """How many values one variable may hold after so many moves."""
    if moved < _PLENTY:
        return sys.maxsize
    return max(_LEAST_ROOM, _MOST_ROOM >> (moved - _PLENTY) // _STEP)


class Crowds:
    """What was dropped, and where."""

    def __init__(self) -> None:
        self.dropped: dict[Value, int] = {}  # value -> flow node
        # What was stored in, or handed to, something that may have been dropped.
        self.handed: list[int] = []

    def instead_of(self, value: Value, node: int) -> Value:
        """What goes on from a full variable: ``value`` itself where that cannot be spared."""
        if value in self.dropped:
            return LOST
        if isinstance(value, _ALWAYS):
            return value
        if isinstance(value, Text):
            return EVERY_NAME
        self.dropped[value] = node
        return LOST


@dataclasses.dataclass(frozen=True)
class OutOfSight:
    """Classes, layers and norm classes of which not every use was followed, and where not."""

    classes: dict[Class, str]
    values: dict[Value, str]  # NormLayer and NormClass


def out_of_sight(flow: Flow, crowds: Crowds) -> OutOfSight:
    """What the dropped values leave open, once the analysis is done."""
    if not crowds.dropped:
        return OutOfSight({}, {})
    pending = list(crowds.dropped.items())
    for node in crowds.handed:
        pending.extend((value, node) for value in flow.values(node))
    for _, _, node in flow.holders():
        if flow.is_crowded(node):
            pending.extend((value, node) for value in flow.values(node))
    for load in flow.load_calls:
        if any(map(flow.is_crowded, load.weights)):
            pending.extend((value, load.receiver) for value in flow.values(load.receiver))
    found: dict[Value, int] = {}
    for value, node in pending:
        if value not in found:
            found[value] = node
            pending.extend((inner, node) for inner in _reached(flow, value))
    return _in_words(flow, found)


def _reached(flow: Flow, value: Value) -> Iterator[Value]:
    """What one gets hold of with the value, beside what stands in its attributes."""
    match value:
        case TupleValue():
            for element in value.elements:
                yield from flow.values(element)
        case Entries():
            for _, node in value.nodes:
                yield from flow.values(node)
        case FunctionValue():
            yield from flow.values(flow.return_node(value.function))
        case Instance():
            for method in value.class_.methods.values():
                yield from flow.values(flow.return_node(method))


def _in_words(flow: Flow, found: dict[Value, int]) -> OutOfSight:
    places = _places(flow, set(found.values()))
    classes: dict[Class, str] = {}
    values: dict[Value, str] = {}
    for value, node in found.items():
        where = places.get(node, "code that handles many models")
        if isinstance(value, (NormLayer, NormClass)):
            values[value] = where
        elif isinstance(value, (Instance, ClassValue)):
            for cls in _stands_for(value):
                classes.setdefault(cls, where)
    return OutOfSight(classes, values)


def _stands_for(value: Instance | ClassValue) -> Iterable[Class]:
    if isinstance(value, Instance) and value.spot is None:  # ``self`` of any subclass
        return [*value.class_.ancestors(), *value.class_.descendants()]
    return value.class_.ancestors()


def _places(flow: Flow, nodes: set[int]) -> dict[int, str]:
    """Where the nodes stand in the source: ``module (models/fuse.py:53)``."""
    named: dict[int, str] = {}
    for function, name, node in flow.variables():
        line = getattr(function.node, "lineno", 1)
        named[node] = f"{name} ({function.module.path}:{line})"
    found: dict[int, str] = {}
    for node in nodes:
        near = (one for one in flow.downstream(node, _NEAR) if one in named or one in flow.loads)
        place = next(near, None)
        if place in named:
            found[node] = named[place]
        elif place is not None:
            spot = flow.loads[place][0]
            found[node] = f"{ast.unparse(spot.node)} ({spot.where})"
    return found
