"""What stands in one place of an ``nn.Sequential`` that is written out: ``stem[0]``.

A container holds whatever its elements hold. Where a function writes one out, with a layer
for each place, and takes one out by its number, it is that layer and none beside it.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.syntax.nodes import call_name, walk
from bn2gn_codemod.survey.values import Function

_SHIFTS = frozenset(
    {
        "insert",
        "pop",
        "extend",
        "add_module",
        "register_module",
        "__setitem__",
        "_modules",
        "__dict__",
    }
)


def element_at(function: Function, expr: ast.Subscript) -> ast.Call | None:
    """The call that makes what stands there; ``None``: that is not certain."""
    match expr:
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=int(place))):
            written = _written(function, name)
        case _:
            return None
    return written[place] if place < len(written) and not isinstance(place, bool) else None


def _written(function: Function, name: str) -> list[ast.Call]:
    """The layers of the only thing that a variable holds, as long as they stay where they are."""
    nodes = walk(function.node)
    made: list[ast.Call] = []
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=bound)], value=ast.Call(args=args) as call) if (
                bound == name and call_name(call) == "Sequential"
            ):
                made = [one for one in args if isinstance(one, ast.Call)]
                if len(made) < len(args):
                    return []
            case ast.Subscript(value=ast.Name(id=owner), ctx=ast.Store() | ast.Del()):
                if owner == name:
                    return []
            case ast.Attribute(value=ast.Name(id=owner), attr=method):
                if owner == name and method in _SHIFTS:
                    return []
            case _:
                pass
    if not made:
        return []
    named = [one for one in nodes if isinstance(one, ast.Name) and one.id == name]
    if any(_hands_on(node, name) for node in nodes):
        return []
    stores = sum(not isinstance(one.ctx, ast.Load) for one in named)
    return made if stores == 1 and name not in function.parameters else []


def _hands_on(node: ast.AST, name: str) -> bool:
    """Whether other code may change what is there: a function, or one by another name."""
    match node:
        case ast.Call() if call_name(node)[:1].isupper() or call_name(node) in ("dict", "list"):
            return False  # what holds it
        case ast.Call(args=args, keywords=keywords):
            given = [*args, *(keyword.value for keyword in keywords)]
            return any(isinstance(one, ast.Name) and one.id == name for one in given)
        case ast.Assign(targets=targets, value=ast.Name(id=other)):
            return other == name and any(isinstance(one, ast.Name) for one in targets)
        case _:
            return False
