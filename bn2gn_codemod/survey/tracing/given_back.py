"""Functions that give back what they are given: ``net = load(net, path)``.

One such function is called with many models, and each call gives its own. So the
arguments of a call go on to its result, and what other calls gave does not.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.syntax import bound_names, flat
from bn2gn_codemod.survey.tracing.arguments import Call, argument_for
from bn2gn_codemod.survey.value_graph import Node
from bn2gn_codemod.survey.values import Function, Lost, TupleValue, Value, Weights

# Methods that give the module itself.
_SAME_MODULE = {"to", "cuda", "cpu", "train", "eval", "half", "float", "double", "requires_grad_"}


class Returned(NamedTuple):
    """A parameter that a function returns."""

    parameter: str
    position: int  # among all parameters
    place: int | None  # in a tuple, if in one


@functools.cache
def given_back(function: ast.AST) -> tuple[Returned, ...]:
    """The parameters that a function returns; none that may stand for something else by then."""
    if isinstance(function, ast.Lambda):
        return tuple(_returned(function.body, function))
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return ()
    statements = list(flat(function.body))
    found = [
        returned
        for statement in statements
        if isinstance(statement, ast.Return) and statement.value is not None
        for returned in _returned(statement.value, function)
    ]
    if not found:
        return ()
    again = (statement for statement in statements if not _is_same_again(statement))
    bound = {name for statement in again for name in bound_names(statement)}
    return tuple(dict.fromkeys(one for one in found if one.parameter not in bound))


def _returned(
    value: ast.expr, function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
) -> Iterator[Returned]:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    names = [argument.arg for argument in arguments]
    places: list[tuple[int | None, ast.expr]] = [(None, value)]
    if isinstance(value, ast.Tuple):
        places = [(place, part) for place, part in enumerate(value.elts)]
    for place, part in places:
        name = _same_module(part)
        if name in names:
            yield Returned(name, names.index(name), place)


def _same_module(value: ast.expr) -> str:
    """``net`` of ``net.to(device).eval()``."""
    while (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr in _SAME_MODULE
    ):
        value = value.func.value
    return value.id if isinstance(value, ast.Name) else ""


def _is_same_again(statement: ast.stmt) -> bool:
    """``net = net.cuda()``"""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return _same_module(value) == name
        case _:
            return False


def give_back(call: Call, function: Function, *, skip_first: bool) -> None:
    """What a call of such a function gives, beside what the function makes itself."""
    flow = call.flow
    own: dict[Node, Node] = {}  # parameter -> what this call hands over for it
    by_place: dict[int | None, list[Node]] = {}
    for returned in given_back(function.node):
        argument = argument_for(call, returned.parameter, returned.position - skip_first)
        if argument is not None:
            own[flow.name_node(function, returned.parameter)] = argument
            by_place.setdefault(returned.place, []).append(argument)
    for argument in by_place.get(None, ()):
        flow.edge(argument, call.result)

    def is_of_another(held: Value) -> bool:
        """Whether a value is in the function only because another call handed it over."""
        if isinstance(held, (Lost, Weights)):
            return False
        came_by = [argument for parameter, argument in own.items() if flow.holds(parameter, held)]
        return bool(came_by) and not any(flow.holds(argument, held) for argument in came_by)

    def on_value(held: Value) -> None:
        if isinstance(held, TupleValue):
            flow.add(call.result, _own_tuple(held))
        elif not is_of_another(held):
            flow.add(call.result, held)

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
        def move(held: Value) -> None:
            if not is_of_another(held):
                flow.add(target, held)

        if source != target:
            flow.hand_on(source, target)
            flow.watch(source, move)

    flow.hand_on(flow.return_node(function), call.result)
    flow.watch(flow.return_node(function), on_value)
