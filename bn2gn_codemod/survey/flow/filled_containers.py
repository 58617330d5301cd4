"""Lists, dicts and ``nn.Sequential``s that are filled under other names than they were made by.

The analysis has no objects for containers: what one holds is where it goes. So what
is added later, by a function that is handed the list or through an attribute that
holds it as well, has to be put back to where the list was made. From there it goes
wherever the list does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bn2gn_codemod.survey.flow.analysis import Flow
    from bn2gn_codemod.survey.flow.value_graph import Node

# A node on the way back: twice its number, and one more where the container is inside of what
# is there. Most of the time goes into comparing places, and numbers are compared fastest.
_Place = int
# So many places may come together on the way back to where a container was made.
_MOST_PLACES = 5_000


class FilledContainers:
    """Where containers are made, and what is added to them."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._made: set[Node] = set()
        self._additions: dict[tuple[Node, Node], None] = {}  # (container, what is added)
        self._held: set[tuple[Node, Node]] = set()  # edges from an element to its container
        # edges, and moves that are none, from a container to what is taken out of it
        self._taken: set[tuple[Node, Node]] = set()
        self._moves: dict[Node, dict[Node, None]] = {}  # backwards
        self._adders: dict[Node, Node] = {}  # ``cells.append`` as a value -> cells
        self._separate: set[tuple[Node, Node]] = set()  # edges that no container goes along
        self._lost: set[Node] = set()

    def make(self, node: Node) -> None:
        """A container is made here."""
        self._made.add(node)

    def hold(self, element: Node, container: Node) -> None:
        """The edge between them puts one into the other."""
        self._held.add((element, container))

    def separate(self, source: Node, target: Node) -> None:
        """The edge between them is for what no container is: keys, arguments of unknown calls."""
        self._separate.add((source, target))

    def take(self, container: Node, element: Node) -> None:
        """One is taken out of the other, along an edge or otherwise."""
        self._taken.add((container, element))
        self._moves.setdefault(element, {})[container] = None

    def add(self, container: Node, element: Node) -> None:
        """``container.append(element)``"""
        self._additions[container, element] = None

    def give_adder(self, container: Node, method: Node) -> None:
        """``method = container.append``"""
        self._adders[method] = container

    def join(self) -> bool:
        """Put what is added where the containers are made; whether anything is new."""
        self._follow_adders()
        if not self._additions:
            return False
        # Many containers lie on the same ways.
        sources = functools.cache(functools.partial(self._sources, before=self._flow.backwards()))
        is_new = False
        made_in: dict[Node, list[Node] | None] = {}
        for container, element in list(self._additions):
            if container not in made_in:
                made_in[container] = self._origins(container, sources)
            origins = made_in[container]
            if origins is None:
                is_new = is_new or element not in self._lost
                self._lost.add(element)
                self._flow.hand_to_lost([element])
                continue
            for origin in origins:
                if origin != element and not self._flow.has_edge(element, origin):
                    self.hold(element, origin)
                    self._flow.edge(element, origin)
                    is_new = True
        return is_new

    def _follow_adders(self) -> None:
        for method, container in self._adders.items():
            reached = set(self._flow.downstream(method, _MOST_PLACES))
            for callee, _, arguments in self._flow.calls:
                if callee in reached:
                    for _, element in arguments:
                        self.add(container, element)

    def _origins(
        self, container: Node, sources: Callable[[_Place], list[_Place]]
    ) -> list[Node] | None:
        """Where the containers were made that may be here; ``None`` if too much comes together.

        What is taken out of a container may be any that went into it.
        """
        found: dict[Node, None] = {}
        pending: list[_Place] = [2 * container]
        seen = set(pending)
        for place in pending:
            node, is_inner = divmod(place, 2)
            if node in self._made:
                found[node] = None
                if not is_inner:
                    continue  # what it was made of is in it
            for source in sources(place):
                if source not in seen and source | 1 not in seen:
                    seen.add(source)
                    pending.append(source)
            if len(seen) > _MOST_PLACES:
                return None
        return list(found)

    def _sources(self, place: _Place, before: dict[Node, list[Node]]) -> list[_Place]:
        """Where what is in a place may have come from straight, each once."""
        node, is_inner = divmod(place, 2)
        found: dict[_Place, None] = {}
        for source in before.get(node, ()):
            edge = source, node
            if edge not in self._separate and (is_inner or edge not in self._held):
                found[2 * source + (is_inner or edge in self._taken)] = None
        for source in self._moves.get(node, ()):
            found[2 * source + 1] = None
        return list(found)
