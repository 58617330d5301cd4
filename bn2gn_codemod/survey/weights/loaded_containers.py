"""What weights that are loaded into a container of layers say of its elements.

In the flow analysis a container holds what its elements hold, so that
``base.load_state_dict(...)`` on an ``nn.Sequential`` seems to be a load on the
class of each block in it. But it is one of these very blocks only: others of
the same class may stand in new parts, or do nothing but an activation.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from typing import TypeGuard

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.syntax.nodes import call_name
from bn2gn_codemod.survey.values import (
    Class,
    ExternalObject,
    Function,
    Instance,
    NormLayer,
    Value,
)

_CONTAINERS = frozenset(
    {"torch.nn.Sequential", "torch.nn.ModuleList", "torch.nn.ModuleDict", "torch.nn.Module"}
)
_ADDING = frozenset({"append", "extend", "insert", "add_module", "register_module", "update"})


class LoadedContainers:
    """Tells containers and their elements apart among what receives weights."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def elements(self, receiver: Node) -> frozenset[Value]:
        """What the receiver holds as elements of containers of ``torch.nn``."""
        found: set[Value] = set()
        for value in self._flow.values(receiver):
            if _is_container(value):
                found.update(self._elements_of(value))
        return frozenset(found)

    def slots(self, call: LoadCall) -> list[tuple[Class, str]]:
        """The attributes that hold a container which is made and loaded in one function."""
        loaded = set(self._flow.values(call.receiver))
        containers = {
            value
            for value in loaded
            if _is_container(value) and value.spot.function is call.spot.function
        }
        layers = set(_layers(loaded))
        if call.base is not None or not containers or not layers <= self.elements(call.receiver):
            return []
        return [
            (cls, attribute)
            for cls, attribute, node in self._flow.holders()
            if not containers.isdisjoint(self._flow.values(node))
            and layers.issuperset(_layers(self._flow.values(node)))
        ]

    def attributes_filled(self, call: LoadCall) -> list[tuple[Class, str]]:
        """The attributes that a loaded container was made of: ``nn.Sequential(self.a, self.b)``."""
        return [
            (owner, element.attr)
            for container in self._flow.values(call.receiver)
            if _is_container(container) and container.spot.function is call.spot.function
            for element in _written_elements(container.spot.node)
            if isinstance(element, ast.Attribute)
            for value in self._flow.value_of(element.value)
            if isinstance(value, Instance)
            for owner in value.class_.ancestors()
            if (owner, element.attr) in self._flow.slots
        ]

    def elements_of_network(self, call: LoadCall) -> frozenset[Value]:
        """What is in a container that is a network: a function called so loads and returns it.

        ``def resnet50(): model.load_state_dict(torch.load(path)); return model``
        """
        function = call.spot.function
        is_network = families.is_nothing_but_network_name(function.name)
        if not (is_network and call.strict) or self._flow.is_crowded(call.receiver):
            return frozenset()
        loaded = set(self._flow.values(call.receiver))
        containers = {value for value in loaded if _is_container(value)}
        if not containers or not containers.issubset(self._returned(function)):
            return frozenset()
        written = {inner for one in containers for inner in ast.walk(one.spot.node)}
        return (self.elements(call.receiver) & set(_layers(loaded))) | {
            made
            for instances in self._flow.instances.values()
            for made in instances
            if made.spot is not None and made.spot.node in written
        }

    def _returned(self, function: Function) -> Iterator[Value]:
        return self._flow.values(self._flow.return_node(function))

    def places(self, container: Value) -> list[list[Value]]:
        """What may be in each of the places of a container of ``torch.nn``, as far as it says.

        In the order of the code: reasons name the first.
        """
        if not _is_container(container):
            return []
        written = map(self._flow.value_of, _written_elements(container.spot.node))
        return [*map(list, written), *self._added.get(container, ())]

    def credits(self, cls: Class, elements: frozenset[Value]) -> bool:
        """Whether nothing but elements of the loaded container is of the class."""
        made = self._flow.instances.get(cls, ())
        return all(value in elements for value in made)

    def is_all_in(self, cls: Class, elements: frozenset[Value]) -> bool:
        """The same for a class with all that extends it or its bases."""
        kin = (one for base in cls.ancestors() for one in base.descendants())
        return all(self.credits(one, elements) for one in kin)

    def _elements_of(self, container: ExternalObject) -> set[Value]:
        found = set[Value]().union(*self._added.get(container, ()))
        call = container.spot.node
        for argument in call.args if isinstance(call, ast.Call) else ():
            found.update(self._flow.value_of(argument))
        return found

    @functools.cached_property
    def _added(self) -> dict[ExternalObject, list[list[Value]]]:
        """What is put into containers after they were made, call by call."""
        found: dict[ExternalObject, list[list[Value]]] = {}
        for function, calls in self._flow.calls_in.items():
            for _, call in calls:
                if call_name(call) in _ADDING and isinstance(call.func, ast.Attribute):
                    for holder in self._held_by(function, call.func.value):
                        if _is_container(holder):
                            added = [v for one in call.args for v in self._flow.value_of(one)]
                            found.setdefault(holder, []).append(added)
        return found

    def _held_by(self, function: Function, expr: ast.expr) -> Iterator[Value]:
        if isinstance(expr, ast.Name):  # ``net.append(...)`` looks up no more than the variable
            return self._flow.values(self._flow.lookup(function, expr.id))
        return self._flow.value_of(expr)


def _layers(values: Iterable[Value]) -> Iterator[Value]:
    return (value for value in values if isinstance(value, (Instance, NormLayer)))


def _written_elements(call: ast.AST) -> Iterator[ast.expr]:
    """What a container is made with, also in a list, or in a dict by its keys."""
    for argument in call.args if isinstance(call, ast.Call) else ():
        match argument:
            case ast.Starred(value=ast.List(elts=elements) | ast.Tuple(elts=elements)):
                yield from elements
            case ast.Starred(value=inner):
                yield inner
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                yield from elements
            case ast.Dict(values=elements):
                yield from elements
            case ast.Call(args=[ast.List(elts=pairs)]) if call_name(argument) == "OrderedDict":
                yield from (
                    pair.elts[1] if isinstance(pair, ast.Tuple) and len(pair.elts) == 2 else pair
                    for pair in pairs
                )
            case _:
                yield argument


def _is_container(value: Value) -> TypeGuard[ExternalObject]:
    return isinstance(value, ExternalObject) and value.name in _CONTAINERS


def has_layers(flow: Flow, cls: Class) -> bool:
    """Whether an object that is a ``cls`` may hold anything that weights could go into."""
    return any(
        flow.attributes_of(owner)
        or any(not base.endswith("Module") for base in owner.external_bases)
        for one in cls.descendants()  # a base class that only loads
        for owner in one.ancestors()
    )
