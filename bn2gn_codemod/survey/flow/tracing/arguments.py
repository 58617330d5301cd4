"""What a call is handed, and how it gets to the parameters of a function."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Arguments, Flow, Unpacked
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import bound_names, call_name, flat, number_returned
from bn2gn_codemod.survey.values import (
    Class,
    Entries,
    Function,
    FunctionValue,
    Spot,
    TupleValue,
    UseContext,
    Value,
)

_BARE_BASES = frozenset({"torch.nn.Module", "torch.nn.modules.Module", "object"})


class Call(NamedTuple):
    """A call, or a decorator: the nodes of what goes in and of what comes out."""

    flow: Flow
    function: Function  # that it stands in
    expr: ast.expr
    arguments: Arguments
    result: Node

    def spot(self) -> Spot:
        """Where it stands."""
        return Spot(self.function.module, self.expr, self.function)


def arguments_of(tracer: Tracer, expr: ast.Call) -> Arguments:
    """The nodes of what a call is handed, by position or keyword."""
    partial = call_name(expr) == "partial"
    arguments: Arguments = []
    starred: list[ast.expr] = []
    for position, argument in enumerate(expr.args):
        context: UseContext = "partial" if partial and position == 0 else "argument"
        node = tracer.evaluate(argument, context)
        is_starred = isinstance(argument, ast.Starred)
        key: int | Unpacked = position
        if starred or is_starred:
            key = _place(position, starred, is_starred=is_starred)
        if isinstance(argument, ast.Starred):
            starred.append(argument.value)
        if node is not None:
            arguments.append((key, node))
    for keyword in expr.keywords:
        if keyword.arg is None:
            arguments += _unpacked_keywords(tracer, expr, keyword.value)
            continue
        node = tracer.evaluate(keyword.value, "argument")
        if node is not None:
            arguments.append((keyword.arg, node))
    return arguments


def _place(position: int, starred: list[ast.expr], *, is_starred: bool) -> Unpacked:
    """The place of ``*values`` in a call, or of what comes behind them."""
    match starred:
        case []:
            return Unpacked(position)
        case [ast.Call() as call] if not is_starred:
            return Unpacked(position - 1, behind=call)
        case _:
            return Unpacked(None)


def argument_for(call: Call, parameter: str, position: int) -> Node | None:
    """What a call certainly hands over for a parameter, which is at that place in the call."""
    return next((node for key, node in call.arguments if key in (parameter, position)), None)


def _is_plainly_made(cls: Class) -> bool:
    """Whether a class has no constructor but the one that is written there, if one is."""
    if cls.node.decorator_list or cls.node.keywords or "__new__" in cls.methods:
        return False
    made = [one for one in flat(cls.node.body) if "__init__" in bound_names(one)]
    return len(made) < 2 and all(isinstance(one, ast.FunctionDef) for one in made)


def is_possible(call: ast.expr, cls: Class, init: Function | None) -> bool:
    """Whether a constructor takes all that a call writes out; else nothing is made.

    What ``globals()[name](pretrained=True)`` calls is none of the blocks beside it.
    """
    if not isinstance(call, ast.Call) or call_name(call) == "eval":
        return True  # what a text hands over is not read
    if not all(map(_is_plainly_made, cls.ancestors())):
        return True
    if init is None:
        written = [one for one in call.args if not isinstance(one, ast.Starred)]
        is_handed = written or any(keyword.arg is not None for keyword in call.keywords)
        return not is_handed or not _takes_nothing(cls)
    # A base class of another package may come before the one that has the constructor.
    return _takes(call, init, skip_first=True, any_number=init.class_ is not cls)


def may_be_called(call: ast.expr, function: Function) -> bool:
    """Whether a function takes what is handed to whatever a name of its file may stand for.

    ``eval(name)(8, norm=True)`` calls none of the functions that know no ``norm``. Of one that is
    named there nothing is asked, nor of those in a module that is full of models: what they do
    not take, a script may well hand them by mistake.
    """
    match call:
        case ast.Call(func=ast.Call() as looked_up):
            is_own_name = call_name(looked_up) == "eval"
        case ast.Call(func=ast.Subscript(value=ast.Call() as names)):
            is_own_name = call_name(names) == "globals"
        case _:
            return True
    return not is_own_name or function.class_ is not None or _takes(call, function)


def _takes(
    call: ast.Call, function: Function, *, skip_first: bool = False, any_number: bool = False
) -> bool:
    node = function.node
    if isinstance(node, (ast.Module, ast.Lambda)):
        return True
    if node.args.kwarg is not None or node.decorator_list:
        return True
    named = {parameter.arg for parameter in [*node.args.args, *node.args.kwonlyargs]}
    placed = [one for one in call.args if not isinstance(one, ast.Starred)]
    names = [*node.args.posonlyargs, *node.args.args][skip_first:]
    if not any_number and node.args.vararg is None and len(placed) > len(names):
        return False
    return all(keyword.arg is None or keyword.arg in named for keyword in call.keywords)


def _takes_nothing(cls: Class) -> bool:
    """Whether the constructor of a class is that of ``nn.Module``, to which nothing is handed."""
    return all(
        {*owner.external_bases} <= _BARE_BASES
        and len(owner.external_bases) + len(owner.parents) == len(owner.node.bases)
        and not (owner.node.decorator_list or owner.node.keywords or "__new__" in owner.methods)
        for owner in cls.ancestors()
    ) and any(owner.external_bases for owner in cls.ancestors())


def _unpacked_keywords(tracer: Tracer, expr: ast.Call, value: ast.expr) -> Arguments:
    """What ``**value`` hands over; a dict that is written out there is keywords."""
    if isinstance(value, ast.Dict):
        arguments: Arguments = []
        for key, part in zip(value.keys, value.values, strict=True):
            if key is None:
                arguments += _unpacked_keywords(tracer, expr, part)
                continue
            node = tracer.evaluate(part, "argument")
            if node is not None and isinstance(key, ast.Constant) and isinstance(key.value, str):
                arguments.append((key.value, node))
        return arguments
    node = tracer.evaluate(value)
    if _forwards_keywords(tracer, expr, value) or node is None:
        return []
    return [(Unpacked(None, by_keyword=True), node)]


def bind(call: Call, function: Function, *, skip_first: bool) -> None:
    """Pass the arguments of a call on to the parameters of a function."""
    flow, node = call.flow, function.node
    if isinstance(node, ast.Module):
        return
    parameters = [*node.args.posonlyargs, *node.args.args][1 if skip_first else 0 :]
    named = {parameter.arg for parameter in [*parameters, *node.args.kwonlyargs]}
    # What a call hands over by name cannot come in a dict as well.
    given = {key for key, _ in call.arguments if isinstance(key, str)}

    def from_dict(key: str, value: Node) -> None:
        if key not in given:
            _bind_keyword(flow, function, named, key, value)

    for key, value in call.arguments:
        if isinstance(key, int) and key < len(parameters):
            flow.edge(value, flow.name_node(function, parameters[key].arg))
        elif isinstance(key, str):
            _bind_keyword(flow, function, named, key, value)
        elif isinstance(key, Unpacked) and key.by_keyword:
            _bind_entries(flow, value, from_dict)
        elif isinstance(key, Unpacked):
            names = [parameter.arg for parameter in parameters]
            callee = None if key.behind is None else flow.expressions.get(key.behind.func)
            if callee is not None and key.first is not None:
                _bind_behind(flow, function, names[key.first :], callee, value)
            else:
                _bind_unpacked(flow, function, names, key.first, value)
        elif node.args.vararg is not None:
            flow.edge(value, flow.name_node(function, node.args.vararg.arg))
    forwarded = flow.forwards.get(call.expr)
    if forwarded is not None:
        flow.listen_to_extras(forwarded, from_dict)


def _forwards_keywords(tracer: Tracer, expr: ast.Call, value: ast.expr) -> bool:
    """``f(**kwargs)`` hands on what callers gave to this very function by unknown names."""
    node = tracer.function.node
    if (
        isinstance(value, ast.Name)
        and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.args.kwarg is not None
        and node.args.kwarg.arg == value.id
    ):
        tracer.flow.forwards[expr] = tracer.function
        return True
    return False


def _bind_unpacked(
    flow: Flow, function: Function, parameters: list[str], first: int | None, values: Node
) -> None:
    """``f(c, *values)``: the elements of a tuple have places, all else may come anywhere."""
    rest = [] if function.rest_parameter is None else [function.rest_parameter]
    after = parameters[first or 0 :] + rest
    for name in after:
        flow.containers.take(values, flow.name_node(function, name))
        flow.hand_on(values, flow.name_node(function, name))

    def on_value(held: Value) -> None:
        if isinstance(held, TupleValue):
            for position, element in enumerate(held.elements):
                place = after if first is None else after[position : position + 1] or rest
                for name in place:
                    flow.edge(element, flow.name_node(function, name))
        else:
            for name in after:
                flow.add(flow.name_node(function, name), held)

    flow.watch(values, on_value)


def _bind_behind(
    flow: Flow, function: Function, parameters: list[str], callee: Node, value: Node
) -> None:
    """``f(*pair(), c)``: a function tells by what it returns how many come before."""
    rest = [] if function.rest_parameter is None else [function.rest_parameter]

    def bind_to(names: list[str]) -> None:
        for name in names:
            flow.edge(value, flow.name_node(function, name))

    def on_callee(held: Value) -> None:
        known = number_returned(held.function.node) if isinstance(held, FunctionValue) else None
        if known is None:
            bind_to(parameters + rest)
        else:
            bind_to(parameters[known : known + 1] or rest)

    flow.watch(callee, on_callee)
    flow.unplaced.append((callee, lambda: bind_to(parameters + rest)))


def _bind_entries(flow: Flow, values: Node, bind_one: Callable[[str, Node], None]) -> None:
    """``f(**values)``: the entries that a dict was written with."""

    def on_value(held: Value) -> None:
        if isinstance(held, Entries):
            for key, node in held.nodes:
                bind_one(key, node)

    flow.watch(values, on_value)


def _bind_keyword(flow: Flow, function: Function, named: set[str], key: str, value: Node) -> None:
    node = function.node
    if key in named:
        flow.edge(value, flow.name_node(function, key))
    elif not isinstance(node, ast.Module) and node.args.kwarg is not None:
        flow.edge(value, flow.extra(function, key))
        flow.edge(value, flow.name_node(function, node.args.kwarg.arg))
