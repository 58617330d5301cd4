"""Tables by which code tells layers apart: ``INIT[type(m)](m)``, ``if type(m) in INIT``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.syntax.nodes import walk


class Lookup(NamedTuple):
    """``table[key]``, ``table.get(key)`` or ``key in table``."""

    table: ast.expr
    key: ast.expr


def lookup_in(node: ast.AST) -> Lookup | None:
    """What is looked up in what, if the node is such an expression."""
    match node:
        case ast.Subscript(value=table, slice=key, ctx=ast.Load()):
            return Lookup(table, key)
        case ast.Call(func=ast.Attribute(value=table, attr="get"), args=[key, *_]):
            return Lookup(table, key)
        case ast.Compare(
            left=key, ops=[ast.In() | ast.NotIn()], comparators=[(ast.Name() | ast.Dict()) as table]
        ):
            return Lookup(table, key)
        case _:
            return None


def keys_of(table: ast.expr, module: ast.Module) -> Iterator[ast.expr]:
    """The keys that a table is written with, or gets one by one, anywhere in its file."""
    match table:
        case ast.Dict(keys=keys):
            yield from (key for key in keys if key is not None)
        case ast.Name(id=name):
            for node in walk(module):
                yield from _given_keys(node, name)


def _given_keys(node: ast.AST, name: str) -> Iterator[ast.expr]:
    match node:
        case (
            ast.Assign(targets=[ast.Name(id=bound)], value=ast.Dict(keys=keys))
            | ast.AnnAssign(target=ast.Name(id=bound), value=ast.Dict(keys=keys))
        ) if bound == name:
            yield from (key for key in keys if key is not None)
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=bound), slice=key)]) if (
            bound == name
        ):
            yield key
