"""Keys that a dict gives which is written out: ``NAMES[key]``, ``for _, new in NAMES.items()``."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Function

_MOST_NAMES = 3  # in a row: ``names = NAMES``
_CHANGING = frozenset({"update", "setdefault", "__setitem__"})


def written_keys(key: ast.expr, function: Function) -> list[ast.expr]:
    """All that a key may be, where a dict that nothing adds to says it; else the key itself."""
    match key:
        case ast.Subscript(value=mapping):
            pass
        case ast.Name(id=name):
            found = [one for node in walk(function.node) for one in _mapping_of(node, name)]
            if len(found) != 1 or _is_bound(name, function):
                return [key]
            mapping = found[0]
        case _:
            return [key]
    written = _written_out(mapping, function)
    return [key] if written is None else [*written.values]


def _mapping_of(node: ast.AST, name: str) -> Iterable[ast.expr]:
    """The dict whose values a loop calls by a name."""
    match node:
        case ast.For(
            target=ast.Tuple(elts=[_, ast.Name(id=target)]),
            iter=ast.Call(func=ast.Attribute(value=mapping, attr="items"), args=[]),
        ) if target == name:
            return [mapping]
        case _:
            return []


def _is_bound(name: str, function: Function) -> bool:
    """Whether a name is given anything but by one loop."""
    stores = [
        one
        for one in walk(function.node)
        if isinstance(one, ast.Name) and one.id == name and not isinstance(one.ctx, ast.Load)
    ]
    return len(stores) != 1 or name in function.parameters


def _written_out(mapping: ast.expr, function: Function) -> ast.Dict | None:
    """The dict that an expression is, be it by the name of one, or by a second name."""
    tree = function.module.tree
    for _ in range(_MOST_NAMES):
        if isinstance(mapping, ast.Dict):
            return mapping if None not in mapping.keys else None
        if not isinstance(mapping, ast.Name):
            return None
        name = mapping.id
        if name in function.parameters or any(_changes(one, name) for one in walk(tree)):
            return None
        here, outside = _given(walk(function.node), name), _given(tree.body, name)
        given = here or outside
        if len(given) != 1:
            return None
        mapping = given[0]
    return None


def _given(nodes: Iterable[ast.AST], name: str) -> list[ast.expr]:
    return [
        node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        and any(isinstance(one, ast.Name) and one.id == name for one in node.targets)
    ]


def _changes(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Subscript(value=ast.Name(id=owner), ctx=ast.Store()):
            return owner == name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=method)):
            return owner == name and method in _CHANGING
        case ast.AugAssign(target=ast.Name(id=owner)):
            return owner == name
        case _:
            return False
