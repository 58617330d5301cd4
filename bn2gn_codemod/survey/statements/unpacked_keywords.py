"""What ``**options`` brings to a call: a dict that is written, or what a function is handed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.syntax.nodes import call_name, walk
from bn2gn_codemod.survey.values import Function

_READS = frozenset({"copy", "get", "items", "keys", "pop", "values"})


class Brought(NamedTuple):
    """The values that a keyword may have, if it is brought at all."""

    values: tuple[ast.expr, ...]
    parameter: str | None = None  # ``**kwargs`` of the caller, which are handed on as they came


def brought(caller: Function, call: ast.Call, key: str) -> Brought | None:
    """What the dicts that a call unpacks bring under a key; ``None`` if that is not seen."""
    values = list[ast.expr]()
    unpacked = [keyword.value for keyword in call.keywords if keyword.arg is None]
    for one in unpacked:
        if isinstance(one, ast.Name) and one.id == caller.keywords_parameter:
            if len(unpacked) > 1 or not _is_handed_on(caller, one):
                return None
            # What is a parameter of its own is none of the rest.
            return Brought((), None if key in _named(caller) else one.id)
        written = _of_name(caller, one, key) if isinstance(one, ast.Name) else _entries(one, key)
        if written is None:
            return None
        values += written
    return Brought(tuple(values))


def _named(function: Function) -> set[str]:
    if isinstance(function.node, ast.Module):
        return set()
    return {one.arg for one in (*function.node.args.args, *function.node.args.kwonlyargs)}


def _is_handed_on(caller: Function, unpacked: ast.Name) -> bool:
    """Whether nothing in a function puts anything into its ``**kwargs``."""
    uses = _uses(caller, unpacked.id)
    return unpacked in uses and uses <= _reads(caller)


def _of_name(caller: Function, unpacked: ast.Name, key: str) -> list[ast.expr] | None:
    """What a dict that is made in a function may have under a key."""
    name = unpacked.id
    uses = _uses(caller, name)
    is_own = isinstance(caller.node, ast.Module) or name in caller.locals
    if not is_own or name in caller.parameters | caller.global_names or unpacked not in uses:
        return None
    found, stores = list[ast.expr](), set[ast.Name]()
    for target, value in _stores(caller):
        if target.id == name:
            entries = _entries(value, key)
            if entries is None:
                return None
            found += entries
            stores.add(target)
    return found if stores and uses <= stores | _reads(caller) else None


def _stores(caller: Function) -> Iterator[tuple[ast.Name, ast.expr]]:
    """What puts entries into a dict that has a name, and a dict of these."""
    for node in walk(caller.node):
        match node:
            case (
                ast.Assign(targets=[ast.Name() as target], value=value)
                | ast.AnnAssign(target=ast.Name() as target, value=ast.expr() as value)
                | ast.Call(
                    func=ast.Attribute(value=ast.Name() as target, attr="update"),
                    args=[value],
                    keywords=[],
                )
            ):
                yield target, value
            case ast.Call(func=ast.Attribute(value=ast.Name() as target, attr="update"), args=[]):
                yield target, ast.Call(func=_DICT, args=[], keywords=node.keywords)
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name() as target, slice=key)], value=value
            ):
                yield target, ast.Dict(keys=[key], values=[value])


_DICT = ast.Name(id="dict", ctx=ast.Load())


def _entries(value: ast.expr, key: str) -> list[ast.expr] | None:
    """What a dict that is written out has under a key."""
    match value:
        case ast.Dict(keys=keys, values=values) if all(
            isinstance(one, ast.Constant) for one in keys
        ):
            pairs = zip(keys, values, strict=True)
            return [v for k, v in pairs if isinstance(k, ast.Constant) and k.value == key]
        case ast.Call(args=[], keywords=keywords) if call_name(value) == "dict":
            if all(one.arg is not None for one in keywords):
                return [one.value for one in keywords if one.arg == key]
    return None


def _uses(caller: Function, name: str) -> set[ast.Name]:
    return {one for one in walk(caller.node) if isinstance(one, ast.Name) and one.id == name}


def _reads(caller: Function) -> set[ast.Name]:
    """The names of dicts that nothing is put into there."""
    found = set[ast.AST]()
    for node in walk(caller.node):
        match node:
            case ast.Call(func=func, keywords=keywords):
                found.update(one.value for one in keywords if one.arg is None)
                if isinstance(func, ast.Attribute) and func.attr in _READS:
                    found.add(func.value)
                if call_name(node) in ("len", "print"):
                    found.update(node.args)
            case ast.Subscript(value=value, ctx=ast.Load() | ast.Del()):
                found.add(value)
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[right]):
                found.add(right)
    return {one for one in found if isinstance(one, ast.Name)}
