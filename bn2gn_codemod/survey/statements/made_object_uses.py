"""What is done with an object that a function makes and keeps to itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Function


def method_calls(function: Function, call: ast.Call) -> Iterator[ast.expr | None]:
    """The methods that are called of what a call makes; ``None`` for any other use of it.

    ``engine = Engine(net)``, ``engine.test(data)``, or both in one expression.
    """
    nodes = list(walk(function.node))
    name = next((found for node in nodes if (found := _name_given(node, call)) is not None), None)
    callees = {node.func for node in nodes if isinstance(node, ast.Call)}
    methods = [
        node
        for node in nodes
        if isinstance(node, ast.Attribute)
        and node in callees
        and (node.value is call or (isinstance(node.value, ast.Name) and node.value.id == name))
    ]
    owners = {method.value for method in methods}
    if name is None and call not in owners:
        yield None
    for node in nodes:
        if (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and node.id == name
            and node not in owners
        ):
            yield None
    yield from methods


def _name_given(node: ast.AST, call: ast.Call) -> str | None:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is call:
            return name
        case _:
            return None
