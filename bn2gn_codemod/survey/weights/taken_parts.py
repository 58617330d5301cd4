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
from bn2gn_codemod.survey.syntax.nodes import flat
from bn2gn_codemod.survey.values import Function, Instance, NormLayer, Spot, Weights
from bn2gn_codemod.survey.weights.loaded_parts import LoadedParts


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
                taken = self._taken_from(function, store)
                for value in self._flow.value_of(store.target.value) if taken else ():
                    for cls in value.class_.ancestors() if isinstance(value, Instance) else ():
                        found.setdefault((cls, store.target.attr), taken)
        return found

    def _taken_from(self, function: Function, store: _Store) -> str:
        """In words, the model that is loaded in a function and that a part is taken out of.

        A model that somebody else loads may as well be one that training goes on with.
        """
        parts = self._flow.value_of(store.part)
        if not any(isinstance(one, (Instance, NormLayer)) for one in parts):
            return ""
        for model in self._flow.value_of(store.part.value):
            if isinstance(model, Instance) and model.spot is not None:
                loaders = self._loaded.loaders([model])
                if any(one is function or self._calls(function, one) for one in loaders):
                    where = Spot(function.module, store.target, function).where
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
