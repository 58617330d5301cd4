"""Functions that make what a caller names in a module of its own.

``def get_instance(module, name, config, *args)`` gives ``getattr(module, name)(*args)``: a model
of one module, the optimizer of its parameters of another one. Each call makes something of its
own module with its own arguments: they must not meet in the parameters.
"""

from __future__ import annotations

import ast
import functools
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Arguments, Flow, Making, Unpacked
from bn2gn_codemod.survey.flow.tracing.arguments import Call
from bn2gn_codemod.survey.flow.tracing.computed_names import look_up
from bn2gn_codemod.survey.syntax.nodes import bound_names, flat
from bn2gn_codemod.survey.values import Function, Spot


class Maker(NamedTuple):
    """The call in a function that makes something of the module in a parameter."""

    parameter: str
    position: int
    lookup: ast.Call  # getattr(module, name)
    call: ast.Call  # getattr(module, name)(*args)


def maker_of(flow: Flow, function: Function) -> Maker | None:
    """How a function makes all that it gives, if it is such a one."""
    maker = _maker(function.node)
    if maker is None or function.name.rpartition(".")[2] in flow.begun_elsewhere:
        return None  # which argument a call hands over for the module is not told by its place
    return maker


@functools.cache
def _maker(function: ast.AST) -> Maker | None:
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    statements = list(flat(function.body))
    returned = [one.value for one in statements if isinstance(one, ast.Return)]
    match returned:
        case [
            ast.Call(
                func=ast.Call(func=ast.Name(id="getattr"), args=[ast.Name(id=name), _]) as lookup
            ) as call
        ]:
            names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
            rest = function.args.vararg.arg if function.args.vararg is not None else name
            bound = {one for statement in statements for one in bound_names(statement)}
            is_bound = not bound.isdisjoint({name, rest})
            if name in names and not is_bound:
                return Maker(name, names.index(name), lookup, call)
        case _:
            pass
    return None


def make_named(call: Call, function: Function, maker: Maker, *, skip_first: bool) -> None:
    """Make what a call of such a function names in the module that it hands over."""
    flow = call.flow
    keys = (maker.parameter, maker.position - skip_first)
    own = next((node for key, node in call.arguments if key in keys), None)
    module = flow.name_node(function, maker.parameter) if own is None else own  # by a default
    spot = Spot(function.module, maker.lookup, function)

    def on_read(making: Making) -> None:
        given = _given(call, function, maker, making.arguments, skip_first=skip_first)
        flow.edge(making.apply(look_up(flow, module, maker.lookup, spot), given), call.result)

    flow.listen_to_maker(function, on_read)


def _given(
    call: Call, function: Function, maker: Maker, arguments: Arguments, *, skip_first: bool
) -> Arguments:
    """What the call in the function hands over; for ``*args``, what this very call gave."""
    starred = [one for one in maker.call.args if isinstance(one, ast.Starred)]
    rests = [one for one in starred if _is_name(one.value, function.rest_parameter)]
    if not rests or isinstance(function.node, (ast.Module, ast.Lambda)):
        return arguments
    shared = call.flow.expressions.get(rests[0])
    # With something unpacked before, the places of what comes after it are not known.
    place = maker.call.args.index(rests[0]) if rests[0] is starred[0] else None
    placed = [*function.node.args.posonlyargs, *function.node.args.args]
    own = _rest_of(call.arguments, len(placed) - skip_first, place)
    return [one for one in arguments if one[1] != shared] + own


def _rest_of(arguments: Arguments, taken: int, place: int | None) -> Arguments:
    """What ``*args`` gets of a call, of which ``taken`` parameters come first."""
    rest: Arguments = []
    for key, node in arguments:
        if isinstance(key, int) and key >= taken:
            rest.append((Unpacked(None) if place is None else place + key - taken, node))
        elif isinstance(key, Unpacked) and not key.by_keyword:
            first: int | None = None
            if place is not None and key.first is not None and key.first >= taken:
                first = place + key.first - taken
            rest.append((Unpacked(first), node))
    return rest


def _is_name(expr: ast.expr, name: str | None) -> bool:
    return isinstance(expr, ast.Name) and expr.id == name
