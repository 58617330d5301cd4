"""The fourth stage of a ResNet under a name of its own: ``layer_bottleneck``.

No published file has an entry by such a name. So it counts only where the code that loads shows
that the file is of the very network: it asks for an entry that no published ResNet has.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.known.families import Family
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.weights.loads import Load

_EARLIER = ("layer1", "layer2", "layer3")
_LAST = "layer4"
_STEM = ("conv1", "bn1")


class _Stage(NamedTuple):
    """``self.layer1 = self.make(Block, 64, depths[0])``, in the words of the source."""

    method: str
    block: str
    depths: str
    place: int


def is_last_stage(family: Family, slot: Slot, load: Load) -> bool:
    """Whether an attribute is a stage by how it is made, in a network that the file is of."""
    if family.name != "ResNet" or not any(map(_is_of_no_published_file, load.tensors)):
        return False
    stored = [name for node in walk(slot[0].node) for name, _ in _stores(node)]
    names = (*_EARLIER, slot[1])
    if _LAST in stored or any(stored.count(name) != 1 for name in names):
        return False
    made = dict(pair for node in walk(slot[0].node) for pair in _stores(node))
    first = made["layer1"]
    return first is not None and all(
        made[name] == first._replace(place=place) for place, name in enumerate(names)
    )


def _is_of_no_published_file(key: str) -> bool:
    """``conv1.module.weight_u``: there is a layer in the place of the weight."""
    first, *rest = key.split(".")
    return first in _STEM and len(rest) > 1


def _stores(node: ast.AST) -> Iterator[tuple[str, _Stage | None]]:
    """The attribute that an assignment stores, if it is one alone, or a part of what it does."""
    match node:
        case ast.Assign(targets=[ast.Attribute() as target], value=value):
            yield target.attr, _stage(value)
        case ast.Assign(targets=targets):
            names = (one for target in targets for one in walk(target))
            yield from ((one.attr, None) for one in names if isinstance(one, ast.Attribute))
        case ast.AnnAssign(target=ast.Attribute(attr=name)):
            yield name, None
        case ast.AugAssign(target=ast.Attribute(attr=name)):
            yield name, None
        case _:
            pass


def _stage(value: ast.expr) -> _Stage | None:
    match value:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=method), args=args):
            pass
        case _:
            return None
    for one in args[1:]:
        match one:
            case ast.Subscript(value=ast.Name(id=depths), slice=ast.Constant(value=int(place))):
                return _Stage(method, ast.unparse(args[0]), depths, place)
            case _:
                pass
    return None
