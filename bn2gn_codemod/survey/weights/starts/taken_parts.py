"""Parts that come out of a model that is loaded: ``net.neck = trained.neck``.

What stood there before is as it was made, and takes no part in the training. Its class is
what the model is built with when its checkpoints are loaded, though, so it goes with the
part that is loaded.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import flat, given_arguments, walk, walk_scope
from bn2gn_codemod.survey.values import Function, Instance, NormLayer, Spot, Weights
from bn2gn_codemod.survey.weights.loaded_parts import LoadedParts

_FARTHEST = 4000  # places that a part is followed to


class _Store(NamedTuple):
    """``net.neck = trained.neck``"""

    target: ast.Attribute
    part: ast.Attribute


class TakenParts:
    """Tells the attributes that get parts of models that come out of files."""

    def __init__(self, contents: Contents, loaded: LoadedParts) -> None:
        self._flow = contents.flow
        self._loaded = loaded
        self._call_sites = CallSites(contents.flow)

    def source(self, slot: Slot) -> str | None:
        """In words, what the content of an attribute is taken from: ``Net (train.py:12)``."""
        for value in self._flow.values(self._flow.slots[slot]):
            if isinstance(value, Weights):  # a model that is unpickled, or built as a file says
                return f"what {value.source} gives ({value.spot.where})"
        return self._from_models.get(slot)

    @functools.cached_property
    def _from_models(self) -> dict[Slot, str]:
        found: dict[Slot, str] = {}
        for function in (*self._flow.functions, *self._flow.top_level.values()):
            for store in _stores(function):
                taken = self._taken_from(function, store.part, store.target)
                for value in self._flow.value_of(store.target.value) if taken else ():
                    for cls in value.class_.ancestors() if isinstance(value, Instance) else ():
                        found.setdefault((cls, store.target.attr), taken)
            for part, given in _handed_on(function):
                taken = self._taken_from(function, part, part)
                for slot in self._reached(part, given) if taken else ():
                    found.setdefault(slot, taken)
        return found

    def _reached(self, part: ast.Attribute, given: ast.expr) -> Iterator[Slot]:
        """The attributes of other models to which an argument brings a part."""
        flow, parts = self._flow, set(self._flow.value_of(part))
        owners = {  # of which it is a part, among all that goes by the name
            cls
            for one in flow.value_of(part.value)
            if isinstance(one, Instance)
            for cls in one.class_.ancestors()
            if (cls, part.attr) in flow.slots
        }
        node = flow.expressions.get(given)
        for reached in () if node is None else flow.downstream(node, _FARTHEST):
            slot = self._slot_at.get(reached)
            if slot is None or slot[0] in owners:
                continue
            if not parts.isdisjoint(flow.with_members(reached)):
                yield slot

    @functools.cached_property
    def _slot_at(self) -> dict[Node, Slot]:
        return {node: slot for slot, node in self._flow.slots.items()}

    def _taken_from(self, function: Function, part: ast.Attribute, at: ast.expr) -> str:
        """In words, the model that is loaded in a function and that a part is taken out of.

        A model that somebody else loads may as well be one that training goes on with.
        """
        parts = self._flow.value_of(part)
        if not any(isinstance(one, (Instance, NormLayer)) for one in parts):
            return ""
        for model in self._flow.value_of(part.value):
            if isinstance(model, Instance) and model.spot is not None:
                loaders = self._loaded.loaders([model])
                if any(one is function or self._calls(function, one) for one in loaders):
                    where = Spot(function.module, at, function).where
                    return f"{model.class_.name} ({where})"
        return ""

    def _calls(self, function: Function, other: Function) -> bool:
        return any(caller is function for caller, _ in self._call_sites.of(other))


def taken_apart(flow: Flow) -> frozenset[Instance]:
    """The models of which other ones get parts: ``self.encoder = depth.encoder``."""
    found: set[Instance] = set()
    for function in (*flow.functions, *flow.top_level.values()):
        for store in _stores(function):
            parts = flow.value_of(store.part)
            if not any(isinstance(one, (Instance, NormLayer)) for one in parts):
                continue
            takers = {
                cls
                for one in flow.value_of(store.target.value)
                if isinstance(one, Instance) and one.class_.is_module
                for cls in (*one.class_.ancestors(), *one.class_.descendants())
            }
            models = (one for one in flow.value_of(store.part.value) if isinstance(one, Instance))
            found.update(
                one
                for one in models
                if takers and one.spot is not None and one.class_ not in takers
            )
    return frozenset(found)


def _stores(function: Function) -> Iterator[_Store]:
    """Where a part of one thing becomes a part of another one."""
    made: dict[str, ast.expr] = {}
    if isinstance(function.node, ast.Lambda):
        return
    for statement in flat(function.node.body):
        for target, value in _pairs(statement):
            part = made.get(value.id) if isinstance(value, ast.Name) else value
            if isinstance(target, ast.Name):
                made[target.id] = value
            elif isinstance(target, ast.Attribute) and isinstance(part, ast.Attribute):
                yield _Store(target, part)


def _handed_on(function: Function) -> Iterator[tuple[ast.Attribute, ast.expr]]:
    """Parts, each with an argument that it is, or that holds it.

    ``Joint(model.decoder)``; ``decoders[task] = model.decoder`` and ``Joint(ModuleDict(decoders))``
    """
    if isinstance(function.node, ast.Lambda):
        return
    put: list[tuple[str, ast.Attribute]] = []
    for statement in flat(function.node.body):
        match statement:
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name(id=name))], value=ast.Attribute() as part
            ) | ast.Expr(
                ast.Call(
                    func=ast.Attribute(value=ast.Name(id=name), attr="append"),
                    args=[ast.Attribute() as part],
                )
            ):
                put.append((name, part))
            case _:
                pass
    for node in walk_scope(function.node):
        if isinstance(node, ast.Call):
            for given in given_arguments(node):
                if isinstance(given, ast.Attribute):
                    yield given, given
                names = {one.id for one in walk(given) if isinstance(one, ast.Name)} if put else ()
                yield from ((part, given) for name, part in put if name in names)


def _pairs(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What a statement assigns to what: ``a.x, a.y = b.x, b.y`` is two such."""
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(
            targets
        ) == len(values):
            yield from zip(targets, values, strict=True)
        case ast.Assign(targets=targets, value=value):
            yield from ((target, value) for target in targets)
        case _:
            pass
