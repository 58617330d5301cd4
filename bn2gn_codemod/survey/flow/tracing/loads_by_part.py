"""Loaders that go down a model from part to part: what they fill is the model.

    def load_state_dict(module, state):
        def load(module, prefix=""):
            module._load_from_state_dict(state, prefix, {}, True, [], [], [])
            for name, child in module._modules.items():
                load(child, prefix + name + ".")

        load(module)

That is how PyTorch and mmcv do it. A part that ``load`` comes to is loaded as far as the file has
it, as one of the model's, and by no load of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import target_names, walk
from bn2gn_codemod.survey.values import Function

_CHILDREN = frozenset({"children", "named_children"})


def whole_model(tracer: Tracer, receiver: ast.expr) -> Node | None:
    """The models that a function is called with from around it, and not by itself.

    ``None`` where the receiver is anything else, or not all of them are told.
    """
    function = tracer.function
    outer = function.outer
    if outer is None or not isinstance(function.node, ast.FunctionDef):
        return None
    if not isinstance(receiver, ast.Name) or receiver.id != function.first_parameter:
        return None
    if _is_handed_on(function.node, outer.node):
        return None
    given = list(_given_from_around(function, outer))
    if not given or not _goes_down(function.node, receiver.id):
        return None
    models = [tracer.flow.lookup(outer, one.id) for one in given if isinstance(one, ast.Name)]
    result = tracer.flow.node()
    for model in models:
        if model is None:
            return None
        tracer.flow.edge(model, result)
    return result if len(models) == len(given) else None


def _given_from_around(function: Function, outer: Function) -> Iterator[ast.expr | None]:
    """The first argument of each call outside of a function that is nested in another one."""
    assert isinstance(function.node, ast.FunctionDef)
    if isinstance(outer.node, ast.Module):
        return
    inside = set(walk(function.node))
    for node in walk(outer.node):
        if node not in inside and _calls(node, function.node.name):
            yield node.args[0] if node.args else None


def _is_handed_on(function: ast.FunctionDef, outer: ast.AST) -> bool:
    """Whether others may call the function as well, with models that are not told here."""
    nodes = walk(outer)
    called = {node.func for node in nodes if _calls(node, function.name)}
    return any(
        isinstance(node, ast.Name)
        and node.id == function.name
        and isinstance(node.ctx, ast.Load)
        and node not in called
        for node in nodes
    ) or bool(function.decorator_list)


def _calls(node: ast.AST, name: str) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _goes_down(function: ast.FunctionDef, model: str) -> bool:
    """Whether all that a function calls itself with are children of what it is handed."""
    children = {
        name
        for loop in walk(function)
        if isinstance(loop, ast.For) and _gives_children(loop.iter, model)
        for name in target_names(loop.target)
    }
    own = [node for node in walk(function) if _calls(node, function.name)]
    return bool(own) and all(
        bool(call.args) and isinstance(call.args[0], ast.Name) and call.args[0].id in children
        for call in own
    )


def _gives_children(source: ast.expr, model: str) -> bool:
    """``module._modules.items()``, ``module.named_children()``"""
    match source:
        case ast.Call(
            func=ast.Attribute(
                value=ast.Attribute(value=ast.Name(id=owner), attr="_modules"),
                attr="items" | "values",
            )
        ):
            return owner == model
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)):
            return owner == model and name in _CHILDREN
        case _:
            return False
