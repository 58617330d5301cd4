"""Nodes that hold values, and edges along which values move until nothing changes.

Where a norm class passes a name, it goes on under that name: so it is known
by which names it came, and what a change of one of them would change.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from bn2gn_codemod.survey.flow.crowds import LOOK_EVERY, LOST, Crowds, room_after
from bn2gn_codemod.survey.known.local_norms import local_norm
from bn2gn_codemod.survey.known.norm_classes import is_norm_class, norm_name
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    External,
    ExternalObject,
    Function,
    FunctionValue,
    NormClass,
    NormLayer,
    Spot,
    UseContext,
    Value,
)

Node = int


class ValueGraph:
    """What may be where, as far as edges and watchers tell."""

    def __init__(self) -> None:
        self.norm_classes: list[NormClass] = []
        self._values: list[dict[Value, None]] = []
        # to where values go, and which ones; a function may let others through later
        self._edges: list[dict[Node, Callable[[Value], bool] | None]] = []
        self._watchers: list[list[Callable[[Value], None]]] = []
        # by node, where what watchers put there comes from
        self._handed: dict[Node, dict[Node, None]] = {}
        # where a value is read by a name: the spot, how it is used, whether others set it
        self.loads: dict[Node, tuple[Spot, UseContext, bool]] = {}
        self._returns: dict[Function, Node] = {}
        self._pending: deque[tuple[Node, Value]] = deque()
        self._made: dict[tuple[object, ...], Value] = {}
        self._local_norms: dict[Class, str | None] = {}
        self._crowds = Crowds()
        # how many values have moved, when to count again, how many one node has room for
        self._moved = 0
        self._next_look = 0
        self._room = room_after(0)

    def values(self, node: Node | None) -> Iterator[Value]:
        """What the node may hold, in the order in which it was found."""
        return iter(self._values[node]) if node is not None else iter(())

    def holds(self, node: Node, value: Value) -> bool:
        """Whether the node may hold the value."""
        return value in self._values[node]

    def hand_on(self, source: Node, target: Node) -> None:
        """Note that a watcher of one node puts what it holds into the other."""
        self._handed.setdefault(target, {})[source] = None

    def handing(self, node: Node) -> Iterable[Node]:
        """The nodes whose watchers put something into a node."""
        return self._handed.get(node, ())

    def bringing(self, value: Value, node: Node) -> list[Node]:
        """The nodes from which a value gets to a node, once nothing changes any more."""
        before = (*self.upstream(node), *self._handed.get(node, ()))
        return [one for one in dict.fromkeys(before) if self.holds(one, value)]

    def downstream(self, node: Node, most: int) -> list[Node]:
        """The node and the next ones that its values go to, nearest first."""
        found = {node: None}
        pending = [node]
        for current in pending:
            for target in self._edges[current]:
                if target not in found and len(found) < most:
                    found[target] = None
                    pending.append(target)
        return pending

    def upstream(self, node: Node) -> list[Node]:
        """The nodes whose values go straight to a node, once nothing changes any more."""
        return self._reversed.get(node, [])

    @functools.cached_property
    def _reversed(self) -> dict[Node, list[Node]]:
        return self.backwards()

    def backwards(self) -> dict[Node, list[Node]]:
        """For each node, those whose values go straight to it, as far as that is known by now."""
        found: dict[Node, list[Node]] = {}
        for source, targets in enumerate(self._edges):
            for target in targets:
                found.setdefault(target, []).append(source)
        return found

    def has_edge(self, source: Node, target: Node) -> bool:
        """Whether the values of one node go straight to the other."""
        return target in self._edges[source]

    def is_crowded(self, node: Node) -> bool:
        """Whether values were dropped on the way to the node."""
        return LOST in self._values[node]

    def run(self) -> None:
        """Move values until nothing changes."""
        pending, values, loads = self._pending, self._values, self.loads
        while pending:
            if self._moved > self._next_look:
                self._next_look = self._moved + LOOK_EVERY
                self._room = room_after(self._moved)
            node, value = pending.popleft()
            for target, passes in list(self._edges[node].items()):
                # Most values are there already; where a name is read, they may go by another one.
                is_new = value not in values[target] or target in loads
                if is_new and (passes is None or passes(value)):
                    self.add(target, value)
            for watcher in list(self._watchers[node]):
                watcher(value)

    def node(self) -> Node:
        """A new node, which holds nothing yet."""
        self._values.append({})
        self._edges.append({})
        self._watchers.append([])
        return len(self._values) - 1

    def add(self, node: Node, value: Value) -> None:
        """The node may hold the value."""
        load = self.loads.get(node)
        if load is None:
            pass
        elif isinstance(value, NormClass) and load[1] == "activation" and not value.local_class:
            return
        elif isinstance(value, (NormClass, External, ClassValue)):
            spot, context, is_parameter = load
            context = "callee" if context == "activation" else context
            value = self._name_norm(value, spot, context, is_parameter)
        elif isinstance(value, FunctionValue) and value.function.layer_calls:
            value = self._name_function(value, node)
        held = self._values[node]
        if value in held:
            return
        if len(held) >= self._room:
            value = self._crowds.instead_of(value, node)
            if value in held:
                return
        held[value] = None
        self._moved += 1
        self._pending.append((node, value))

    def return_node(self, function: Function) -> Node:
        """What a function may give."""
        node = self._returns.get(function)
        if node is None:
            node = self._returns[function] = self.node()
        return node

    def hand_to_lost(self, nodes: Iterable[Node]) -> None:
        """These are stored in, or passed to, something that was dropped on the way."""
        self._crowds.handed.extend(nodes)

    def edge(
        self, source: Node, target: Node, passes: Callable[[Value], bool] | None = None
    ) -> None:
        """What ``source`` holds now or later, ``target`` holds as well, if it ``passes``."""
        edges = self._edges[source]
        if source == target or (target in edges and edges[target] in (None, passes)):
            return
        # Of two tests, none is right: the same may go there in two ways.
        edges[target] = passes = None if target in edges else passes
        for value in list(self._values[source]):
            if passes is None or passes(value):
                self.add(target, value)

    def watch(self, node: Node, watcher: Callable[[Value], None]) -> None:
        """Call ``watcher`` for each value that the node holds, now or later."""
        self._watchers[node].append(watcher)
        for value in list(self._values[node]):
            watcher(value)

    def once(self, key: tuple[object, ...], make: Callable[[], Value]) -> Value:
        """The value of that key, made when it is asked for first."""
        value = self._made.get(key)
        if value is None:
            value = self._made[key] = make()
        return value

    def made_outside(self) -> Iterator[ExternalObject]:
        """The objects of other packages that calls were seen to make and that matter."""
        return (value for value in self._made.values() if isinstance(value, ExternalObject))

    def _name_norm(
        self,
        value: NormClass | External | ClassValue,
        spot: Spot,
        context: UseContext,
        is_parameter: bool,
        function: Function | None = None,
        extended_by: Class | None = None,
    ) -> Value:
        """Turn a norm class into one named here; leave other values alone.

        It may be a ``function`` that is named, which makes layers of that class, or a class
        that extends it.
        """
        local: Class | None = None
        if isinstance(value, NormClass):
            if value.spot.node is spot.node:
                return value
            norm = value.norm
            local = extended_by or value.local_class
            function = function or value.function
        elif isinstance(value, External):
            if not is_norm_class(value.name):
                return value
            norm = norm_name(value.name)
        else:
            found = self._local_norm(value.class_)
            if found is None:
                return value
            norm, local = found, value.class_

        def make() -> NormClass:
            made = NormClass(norm, spot, context, is_parameter, local_class=local)
            made.function = function
            self.norm_classes.append(made)
            return made

        named = self.once(("norm", spot.node, norm, local, function), make)
        assert isinstance(named, NormClass)
        if isinstance(value, NormClass):
            named.parents[value] = None
            value.children[named] = None
        else:
            named.is_origin = True
        return named

    def extended_norm(self, norm: NormClass, cls: Class, spot: Spot) -> Value:
        """The class of the repository by which a norm class is extended at a spot."""
        return self._name_norm(norm, spot, "plain", True, extended_by=cls)

    def _local_norm(self, cls: Class) -> str | None:
        if cls not in self._local_norms:
            self._local_norms[cls] = local_norm(cls)
        return self._local_norms[cls]

    def _name_function(self, value: FunctionValue, node: Node) -> Value:
        """Put the norm classes beside a function of which it makes layers; say that it is named.

        From there on they go where it goes.
        """
        function = value.function
        if value.bound or value.is_named:
            return value

        def on_made(held: Value) -> None:
            if isinstance(held, NormLayer) and held.is_given_by(function):
                self.add(node, self._name_norm(held.norm, *self.loads[node], function))

        self.watch(self.return_node(function), on_made)
        return self.once(("named function", function), lambda: FunctionValue(function, False, True))
