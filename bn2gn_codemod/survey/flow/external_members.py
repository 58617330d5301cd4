"""Attributes of objects of other packages, as far as it is known what they hold.

What was set on a bare ``nn.Module()`` is there, and what was put into an ``nn.Sequential`` under
a name: ``stem.bn1`` of ``OrderedDict([("bn1", nn.BatchNorm2d(8))])``. ``nn.DataParallel(model)``
and its like hold the model as ``module``; so does each object of a class that only extends one of
them.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.value_graph import Node, ValueGraph
from bn2gn_codemod.survey.values import Entries, ExternalObject, Value

_PARALLEL = re.compile(r"(?:.*\.)?\w*DataParallel\w*$")
WRAPPED = "module"  # the parameter, and the attribute
_CONTAINERS = frozenset({"torch.nn.Sequential", "torch.nn.ModuleDict"})


class ExternalMembers:
    """The nodes of such attributes."""

    def __init__(self, graph: ValueGraph) -> None:
        self._graph = graph
        self._nodes: dict[Value, dict[str, Node]] = {}  # what is stored, by name or pattern
        self._reads: dict[Value, dict[str, Node]] = {}

    def of(self, value: Value) -> Iterator[Node]:
        """The attributes of a bare module; what is wrapped goes wherever the wrapper goes."""
        if is_plain_module(value):
            yield from self._nodes.get(value, {}).values()

    def node(self, value: Value, name: str) -> Node:
        """What is stored in an attribute of an object, or in those of a pattern of names."""
        nodes = self._nodes.setdefault(value, {})
        if name not in nodes:
            nodes[name] = self._graph.node()
            for read, node in self._reads.get(value, {}).items():
                if attribute_matches(name, read):
                    self._graph.edge(nodes[name], node)
        return nodes[name]

    def read(self, value: Value, name: str) -> Node:
        """What a read of an attribute of an object gives, or of a pattern of names."""
        nodes = self._reads.setdefault(value, {})
        if name not in nodes:
            nodes[name] = self._graph.node()
            for stored, node in self._nodes.get(value, {}).items():
                if attribute_matches(stored, name):
                    self._graph.edge(node, nodes[name])
        return nodes[name]

    def name_parts(self, container: Value, given: Node) -> None:
        """What a container of modules is made with: a dict, whose keys are its parts' names."""

        def on_given(held: Value) -> None:
            for key, part in held.nodes if isinstance(held, Entries) else ():
                self._graph.edge(part, self.node(container, key))

        if has_named_parts(container):
            self._graph.watch(given, on_given)

    def wrap(self, wrapper: Value, key: object, argument: Node) -> None:
        """The wrapper is made with the argument, which has that position or name."""
        if key in (0, WRAPPED):
            self._graph.edge(argument, self.node(wrapper, WRAPPED))


def attribute_matches(stored: str, read: str) -> bool:
    """Whether one name, or a pattern of names, may stand for what is stored under another."""
    if stored == read or read == "*":
        return True
    if stored == "*":
        return False  # an unknown name: only a read of unknown name may see it
    if read == WRAPPED:
        return False  # what ``DataParallel`` wraps, rather than one of ``mod1``, ``mod2``
    if "*" in stored:
        return fnmatch.fnmatchcase(read, stored) or (
            "*" in read and fnmatch.fnmatchcase(stored, read)
        )
    return "*" in read and fnmatch.fnmatchcase(stored, read)


def is_plain_module(value: Value) -> bool:
    """Whether the object is a bare ``nn.Module()``."""
    return isinstance(value, ExternalObject) and value.name == "torch.nn.Module"


def has_named_parts(value: Value) -> bool:
    """Whether the object is a container whose parts may have names."""
    return isinstance(value, ExternalObject) and value.name in _CONTAINERS


def wraps_model(name: str) -> bool:
    """Whether an external class holds the model that it is made with as ``module``."""
    return _PARALLEL.match(name) is not None


def is_known(value: Value, name: str) -> bool:
    """Whether it is known what an attribute of the object holds."""
    if is_plain_module(value):
        return True
    return isinstance(value, ExternalObject) and name == WRAPPED and wraps_model(value.name)
