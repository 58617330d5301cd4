"""Attributes of objects of other packages, as far as it is known what they hold.

What was set on a bare ``nn.Module()`` is there. ``nn.DataParallel(model)`` and its like
hold the model as ``module``; so does each object of a class that only extends one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.value_graph import Node, ValueGraph
from bn2gn_codemod.survey.values import ExternalObject, Value

_PARALLEL = re.compile(r"(?:.*\.)?\w*DataParallel\w*$")
WRAPPED = "module"  # the parameter, and the attribute


class ExternalMembers:
    """The nodes of such attributes."""

    def __init__(self, graph: ValueGraph) -> None:
        self._graph = graph
        self._nodes: dict[Value, dict[str, Node]] = {}

    def of(self, value: Value) -> Iterator[Node]:
        """The attributes of a bare module; what is wrapped goes wherever the wrapper goes."""
        if is_plain_module(value):
            yield from self._nodes.get(value, {}).values()

    def node(self, value: Value, name: str) -> Node:
        """An attribute of an object."""
        nodes = self._nodes.setdefault(value, {})
        if name not in nodes:
            nodes[name] = self._graph.node()
        return nodes[name]

    def wrap(self, wrapper: Value, key: object, argument: Node) -> None:
        """The wrapper is made with the argument, which has that position or name."""
        if key in (0, WRAPPED):
            self._graph.edge(argument, self.node(wrapper, WRAPPED))


def is_plain_module(value: Value) -> bool:
    """Whether the object is a bare ``nn.Module()``."""
    return isinstance(value, ExternalObject) and value.name == "torch.nn.Module"


def wraps_model(name: str) -> bool:
    """Whether an external class holds the model that it is made with as ``module``."""
    return _PARALLEL.match(name) is not None


def is_known(value: Value, name: str) -> bool:
    """Whether it is known what an attribute of the object holds."""
    if is_plain_module(value):
        return True
    return isinstance(value, ExternalObject) and name == WRAPPED and wraps_model(value.name)
