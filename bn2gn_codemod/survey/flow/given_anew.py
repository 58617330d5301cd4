"""What a variable holds from where it is given what a call makes: that, and nothing else.

If it is seen what the call makes, and it is not handed what the variable may hold: it may give it
back. And what gives nobody knows what may have it from anywhere: ``net = torch.load(path)``,
``net = registry.get(name)``. Then the variable may hold whatever it holds anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from bn2gn_codemod.survey.flow.value_graph import Node, ValueGraph
from bn2gn_codemod.survey.known.library_models import is_built_backbone, library_model
from bn2gn_codemod.survey.values import (
    ClassValue,
    External,
    ExternalObject,
    FunctionValue,
    Instance,
    NormClass,
    NormLayer,
    Value,
)

_LAYER_OF_TORCH = re.compile(r"torch\.nn\.(?:modules\.\w+\.)?[A-Z]\w*$")
_OBJECTS = (ClassValue, FunctionValue, Instance, NormClass, NormLayer)


class _Given(NamedTuple):
    made: Node
    callee: Node | None
    handed: tuple[Node, ...]
    variable: Node
    held: Node


class GivenAnew:
    """The nodes of what variables hold from there on."""

    def __init__(self, graph: ValueGraph) -> None:
        self._graph = graph
        self._given: list[_Given] = []

    def node(self, made: Node, callee: Node | None, handed: Iterable[Node], variable: Node) -> Node:
        """The node of what ``variable`` holds after a call that was ``handed`` these gave it."""
        held = self._graph.node()
        self._graph.edge(made, held)
        self._given.append(_Given(made, callee, tuple(handed), variable, held))
        return held

    def join(self) -> None:
        """Let in what the variables hold anyway; call it when all that calls make is known."""
        for given in self._given:
            if not self._is_made_anew(given):
                self._graph.edge(given.variable, given.held)

    def _is_made_anew(self, given: _Given) -> bool:
        is_made = any(map(_is_made, self._graph.values(given.made))) or any(
            # What these make is not told apart.
            isinstance(value, External) and _LAYER_OF_TORCH.match(value.name)
            for value in self._graph.values(given.callee)
        )
        return is_made and not any(
            _is_object(value) and self._graph.holds(given.variable, value)
            for node in given.handed
            for value in self._graph.values(node)
        )


def _is_made(value: Value) -> bool:
    """Whether a value is what a call makes, rather than something from which nobody knows what."""
    if isinstance(value, ExternalObject):
        return library_model(value) is not None or is_built_backbone(value)
    return isinstance(value, _OBJECTS)


def _is_object(value: Value) -> bool:
    return isinstance(value, (*_OBJECTS, ExternalObject))
