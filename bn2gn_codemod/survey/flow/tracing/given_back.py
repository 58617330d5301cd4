"""Functions that give back what they are given: ``net = load(net, path)``.

One such function is called with many models, and each call gives its own. So the
arguments of a call go on to its result, and what other calls gave does not.
"""

from __future__ import annotations

import ast
import functools

from bn2gn_codemod.survey.flow.analysis import Unpacked
from bn2gn_codemod.survey.flow.tracing.arguments import Call, argument_for
from bn2gn_codemod.survey.flow.tracing.handed_classes import handed_classes
from bn2gn_codemod.survey.flow.tracing.returned_parameters import Returned, given_back
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    Function,
    Instance,
    Lost,
    NormClass,
    TupleValue,
    Value,
    Weights,
)


def give_back(call: Call, function: Function, *, skip_first: bool) -> None:
    """What a call of such a function gives, beside what the function makes itself."""
    flow = call.flow
    own: dict[Node, list[Node]] = {}  # parameter -> what this call hands over for it
    by_place: dict[int | None, list[Node]] = {}
    makers = handed_classes(call, function, skip_first=skip_first)
    wrappers: set[ast.expr] = set()
    for returned in given_back(function.node):
        arguments = _arguments(call, returned, skip_first)
        if returned.child is not None:
            for argument in arguments:
                _give_extended(call, flow.class_of[returned.child], argument)
        elif arguments and returned.maker is None:
            own[flow.name_node(function, returned.parameter)] = arguments
            if returned.wrapper is not None:
                wrappers.add(returned.wrapper)
            if returned.is_itself:
                by_place.setdefault(returned.place, []).extend(arguments)
    for argument in by_place.get(None, ()):
        flow.edge(argument, call.result)

    def is_of_another(held: Value) -> bool:
        """Whether a value is in the function only because another call handed it over."""
        if isinstance(held, (Lost, Weights)):
            return False
        came_by = [given for parameter, given in own.items() if flow.holds(parameter, held)]
        return bool(came_by) and not any(
            flow.holds(argument, held) for given in came_by for argument in given
        )

    def give(target: Node, held: Value) -> None:
        if isinstance(held, Instance) and held.spot is not None and held.spot.node in makers:
            give_made(target, held, makers[held.spot.node])
        elif isinstance(held, Instance) and held.spot is not None and held.spot.node in wrappers:
            flow.add(target, _own_wrapper(call, held))
        elif not is_of_another(held):
            flow.add(target, held)

    def give_made(target: Node, made: Instance, argument: Node) -> None:
        """An object of the class that this call hands over, or may hand over."""

        def on_class(given: Value) -> None:
            if isinstance(given, Lost) or (
                isinstance(given, ClassValue) and given.class_ is made.class_
            ):
                flow.add(target, made)

        flow.watch(argument, on_class)

    def on_value(held: Value) -> None:
        if isinstance(held, TupleValue):
            flow.add(call.result, _own_tuple(held))
        else:
            give(call.result, held)

    def _own_tuple(held: TupleValue) -> TupleValue:
        """The tuple as this call gives it; one for all forms of the same tuple."""
        origin = held.origin or held

        def make() -> TupleValue:
            own_tuple = TupleValue(tuple(flow.node() for _ in held.elements), origin)
            for place, element in enumerate(own_tuple.elements):
                for argument in by_place.get(place, ()):
                    flow.edge(argument, element)
            return own_tuple

        own_tuple = flow.once(("given back", origin, call.expr), make)
        assert isinstance(own_tuple, TupleValue)
        for element, target in zip(held.elements, own_tuple.elements, strict=True):
            _move(element, target)
        return own_tuple

    def _move(source: Node, target: Node) -> None:
        if source != target:
            flow.hand_on(source, target)
            flow.watch(source, functools.partial(give, target))

    def on_argument(held: Value) -> None:
        # What goes through a wrapper or a list may be known of the argument later.
        if flow.holds(flow.return_node(function), held):
            on_value(held)

    flow.hand_on(flow.return_node(function), call.result)
    flow.watch(flow.return_node(function), on_value)
    for argument in dict.fromkeys(node for given in own.values() for node in given):
        flow.watch(argument, on_argument)


def _give_extended(call: Call, cls: Class, argument: Node) -> None:
    """The class that a function makes out of the norm class that this call hands over."""
    flow = call.flow

    def on_argument(held: Value) -> None:
        if isinstance(held, NormClass):
            flow.add(call.result, flow.extended_norm(held, cls, call.spot()))

    flow.hand_on(argument, call.result)
    flow.watch(argument, on_argument)


def _arguments(call: Call, returned: Returned, skip_first: bool) -> list[Node]:
    """What a call hands over for a parameter; empty where that is not told."""
    position = returned.position - skip_first
    if not returned.is_rest:
        argument = argument_for(call, returned.parameter, position)
        return [] if argument is None else [argument]
    if any(isinstance(key, Unpacked) for key, _ in call.arguments):
        return []
    return [node for key, node in call.arguments if isinstance(key, int) and key >= position]


def _own_wrapper(call: Call, held: Instance) -> Value:
    """The repository's own parallel wrapper, as this call makes it: around what it is handed."""
    if not held.class_.is_parallel_wrapper:
        return held

    def make() -> Instance:
        made = Instance(held.class_, call.spot())
        call.flow.instances.setdefault(held.class_, []).append(made)
        return made

    return call.flow.once(("given back", held, call.expr), make)
