"""What a call is handed, and how it gets to the parameters of a function."""

from __future__ import annotations

import ast
from typing import NamedTuple

from bn2gn_codemod.survey.flow import Arguments, Flow
from bn2gn_codemod.survey.syntax import call_name
from bn2gn_codemod.survey.tracing.tracer import Tracer
from bn2gn_codemod.survey.value_graph import Node
from bn2gn_codemod.survey.values import Function, Spot, UseContext


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
    starred = False
    for position, argument in enumerate(expr.args):
        context: UseContext = "partial" if partial and position == 0 else "argument"
        node = tracer.evaluate(argument, context)
        starred = starred or isinstance(argument, ast.Starred)
        if node is not None:
            arguments.append((None if starred else position, node))
    for keyword in expr.keywords:
        if keyword.arg is None:
            _forward_keywords(tracer, expr, keyword.value)
            arguments += _entries(tracer, keyword.value)
            continue
        node = tracer.evaluate(keyword.value, "argument")
        if node is not None:
            arguments.append((keyword.arg, node))
    return arguments


def is_possible(call: Call, init: Function) -> bool:
    """Whether a constructor knows every keyword that a call writes out; else nothing is made.

    What ``globals()[name](pretrained=True)`` calls is none of the blocks beside it.
    """
    node = init.node
    if isinstance(node, (ast.Module, ast.Lambda)) or not isinstance(call.expr, ast.Call):
        return True
    if node.args.kwarg is not None or node.decorator_list:
        return True
    named = {parameter.arg for parameter in [*node.args.args, *node.args.kwonlyargs]}
    return all(keyword.arg is None or keyword.arg in named for keyword in call.expr.keywords)


def _entries(tracer: Tracer, value: ast.expr) -> Arguments:
    """``**{"norm": nn.BatchNorm2d, **others}``: a dict that is written out is keywords."""
    arguments: Arguments = []
    if not isinstance(value, ast.Dict):
        return arguments
    for key, part in zip(value.keys, value.values, strict=True):
        node = tracer.evaluate(part, "argument")
        if key is None:
            arguments += _entries(tracer, part)
        elif node is not None and isinstance(key, ast.Constant) and isinstance(key.value, str):
            arguments.append((key.value, node))
    return arguments


def bind(call: Call, function: Function, *, skip_first: bool) -> None:
    """Pass the arguments of a call on to the parameters of a function."""
    flow, node = call.flow, function.node
    if isinstance(node, ast.Module):
        return
    parameters = [*node.args.posonlyargs, *node.args.args][1 if skip_first else 0 :]
    named = {parameter.arg for parameter in [*parameters, *node.args.kwonlyargs]}
    for key, value in call.arguments:
        if isinstance(key, int) and key < len(parameters):
            flow.edge(value, flow.name_node(function, parameters[key].arg))
        elif isinstance(key, str):
            _bind_keyword(flow, function, named, key, value)
        else:
            if key is None:
                for parameter in parameters:
                    flow.edge(value, flow.name_node(function, parameter.arg))
            if node.args.vararg is not None:
                flow.edge(value, flow.name_node(function, node.args.vararg.arg))
    forwarded = flow.forwards.get(call.expr)
    if forwarded is not None:
        flow.listen_to_extras(
            forwarded, lambda key, value: _bind_keyword(flow, function, named, key, value)
        )


def _forward_keywords(tracer: Tracer, expr: ast.Call, value: ast.expr) -> None:
    """``f(**kwargs)`` hands on what callers gave to this very function by unknown names."""
    tracer.evaluate(value)
    node = tracer.function.node
    if (
        isinstance(value, ast.Name)
        and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.args.kwarg is not None
        and node.args.kwarg.arg == value.id
    ):
        tracer.flow.forwards[expr] = tracer.function


def _bind_keyword(flow: Flow, function: Function, named: set[str], key: str, value: Node) -> None:
    node = function.node
    if key in named:
        flow.edge(value, flow.name_node(function, key))
    elif not isinstance(node, ast.Module) and node.args.kwarg is not None:
        flow.edge(value, flow.extra(function, key))
        flow.edge(value, flow.name_node(function, node.args.kwarg.arg))
