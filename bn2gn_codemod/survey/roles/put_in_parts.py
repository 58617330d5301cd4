"""What code puts into a network that a library made: ``self.backbone.layer1[0] = Block()``.

The network came with its weights before that, and they are not in the new part.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import NamedTuple, TypeGuard

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import ExternalObject, Function, Instance, NormLayer, Spot, Value

_ADDS = frozenset({"add_module", "append", "extend", "insert"})


_Part = Instance | NormLayer | ExternalObject


class PutIn(NamedTuple):
    """One of the parts, and where it is put in."""

    part: _Part
    where: str


class PutInParts:
    """The parts that were put into networks of libraries, by network."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def of(self, network: Value) -> list[PutIn]:
        """What was put into a network."""
        return self._found.get(network, [])

    @functools.cached_property
    def _found(self) -> dict[Value, list[PutIn]]:
        found: dict[Value, list[PutIn]] = {}
        for function in (*self._flow.functions, *self._flow.top_level.values()):
            for at, owner, given in _stores(function):
                networks = [one for one in self._flow.value_of(owner) if library_model(one)]
                where = Spot(function.module, at, function).where
                for part in self._flow.value_of(given) if networks else ():
                    if not _is_other(part):
                        continue
                    for network in networks:
                        found.setdefault(network, []).append(PutIn(part, where))
        return found


def _is_other(part: Value) -> TypeGuard[_Part]:
    """Whether it is a layer, or holds some, and is no part of a library's network itself."""
    if isinstance(part, ExternalObject):
        return library_model(part) is None
    return isinstance(part, (Instance, NormLayer))


def _stores(function: Function) -> Iterator[tuple[ast.expr | ast.stmt, ast.expr, ast.expr]]:
    """Where something is put into a module, or a part of one: that, and what is put there.

    A list or a dict may have networks in it, and what is put beside them is in none.
    """
    for node in walk(function.node):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    match target:
                        case ast.Attribute(value=owner):
                            yield node, owner, value
                        case ast.Subscript(value=ast.Attribute(value=owner)):
                            yield node, owner, value
            case ast.Call(func=ast.Attribute(value=owner, attr=name), args=[*_, part]) if (
                name in _ADDS
            ):
                if isinstance(owner, ast.Attribute):
                    yield node, owner.value, part
                if name == "add_module":
                    yield node, owner, part
            # By a name that is not known, code goes over what a model has.
            case ast.Call(func=ast.Name(id="setattr"), args=[owner, ast.Constant(), part]):
                yield node, owner, part
            case _:
                pass
