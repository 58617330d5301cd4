"""Loops that put entries of a checkpoint into what is loaded: ``merged[key] = saved[key]``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.statements.run_conditions import blocks_around
from bn2gn_codemod.survey.syntax.nodes import (
    call_name,
    flat,
    makes_empty,
    root_of,
    target_names,
    walk,
    walk_scope,
)
from bn2gn_codemod.survey.values import Function

_FILL = frozenset({"update", "append", "extend", "setdefault", "__setitem__"})


def takes_entry(statement: ast.If, loop: ast.For, at: ast.AST, nodes: list[ast.AST]) -> bool:
    """``if ...: merged[key] = saved[key]``, or ``= value``, be it under a second condition.

    So an entry that does not pass is not loaded by ``at``: that is handed what is filled there,
    which nothing else fills among ``nodes``, those of the function. Nor does the loop keep it for
    another load.
    """
    filled = set(_filled(statement.body, loop)) & _names_in(at, nodes)
    inside = set(walk(statement))
    rest = [one for one in flat(loop.body) if one not in inside]
    if any(True for _ in _filled(rest, loop)):
        return False
    return bool(filled) and not any(
        _fills(one, name) for one in nodes if one not in inside for name in filled
    )


def is_taken_before(test: ast.If, loop: ast.For, at: ast.AST, nodes: list[ast.AST]) -> bool:
    """``merged[key] = value``, and only then ``if ...: continue``, or the same under the test."""
    given = _names_in(at, nodes)
    before = [one for one in walk(loop) if getattr(one, "lineno", test.lineno) < test.lineno]
    return any(_puts_in(one, given) for one in (*before, *(n for b in test.body for n in walk(b))))


def sources(at: ast.expr, function: Function) -> set[ast.AST]:
    """The code that may change what ``at`` is handed: none for the dict of another load.

    ``saved = torch.load(path)`` is where a name begins anew.
    """
    nodes = walk_scope(function.node)
    names = _names_in(at, nodes)
    start = _begin(at, function)
    found = set(walk(at))
    for node in nodes:
        if getattr(node, "lineno", start) < start:
            continue
        match node:
            case ast.For(target=target, body=body):
                used = {n.id for b in body for n in walk(b) if isinstance(n, ast.Name)}
                if used & names - set(target_names(target)):
                    found.add(node)
            case ast.Delete(targets=targets):
                if any(_is_of(one, names) for one in targets):
                    found.add(node)
            case ast.Call(func=ast.Attribute(value=owner, attr="pop")) if _is_of(owner, names):
                found.add(node)
            case _:
                pass
        for name, value in _given(node):
            if name in names:
                found.update(walk(value))
    return found


def _begin(at: ast.expr, function: Function) -> int:
    """The line of the last file that all ways to a load read into the variable it is handed."""
    given = {one.id for one in getattr(at, "args", ()) if isinstance(one, ast.Name)}
    for block, index in reversed(blocks_around(function.node, at)):
        for statement in reversed(block[:index]):
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as value) if (
                    name in given and call_name(value) == "load"
                ):
                    return statement.lineno
                case _:
                    pass
    return 0


def _is_of(expr: ast.expr, names: set[str]) -> bool:
    root = root_of(expr)
    return isinstance(root, ast.Name) and root.id in names


def puts_back(loop: ast.For) -> bool:
    """Whether an entry may get another name there: ``saved[new] = saved.pop(key)``."""
    return any(map(_renames, walk(loop)))


def _renames(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=targets, value=value):
            is_stored = any(isinstance(one, ast.Subscript) for one in targets)
            return is_stored and not isinstance(value, ast.Constant)
        case ast.Call(func=ast.Attribute(attr="update" | "setdefault" | "__setitem__")):
            return True
        case _:
            return False


def _puts_in(node: ast.AST, names: set[str]) -> bool:
    """Whether something gets into one of the dicts or lists, under a key or at the end."""
    match node:
        case ast.Assign(targets=targets):
            return any(_is_part_of(one, name) for one in targets for name in names)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=filled), attr=method)):
            return filled in names and method in _FILL
        case _:
            return False


def takes_one_of(loop: ast.For, at: ast.AST, nodes: list[ast.AST]) -> list[ast.If]:
    """The conditions of a loop of which an entry has to pass one to be loaded by ``at``."""
    given = _names_in(at, nodes)
    taking = [
        one
        for one in flat(loop.body)
        if isinstance(one, ast.If) and not one.orelse and set(_filled(one.body, loop)) & given
    ]
    filled = {name for one in taking for name in _filled(one.body, loop)} & given
    inside = {node for one in taking for node in walk(one)}
    others = (one for one in nodes if one not in inside)
    return [] if any(_fills(one, name) for one in others for name in filled) else taking


def _filled(block: list[ast.stmt], loop: ast.For) -> Iterator[str]:
    """The variables that get an entry of a file there."""
    targets = {one.id for one in ast.walk(loop.target) if isinstance(one, ast.Name)}
    for inner in flat(block):
        match inner:
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name))], value=value):
                if _is_entry(value, targets, is_of_model(loop.iter)):
                    yield name
            case _:
                pass


def _is_entry(value: ast.expr, targets: set[str], own: bool) -> bool:
    """Whether that is one of a file; what a loop over the model's ``own`` gives is not."""
    if own and not isinstance(value, ast.Subscript):
        return False
    key = value.slice if isinstance(value, ast.Subscript) else value
    return isinstance(key, ast.Name) and key.id in targets


def is_of_model(source: ast.expr) -> bool:
    """``net.named_parameters()``: what is chosen of these is for an optimizer."""
    return isinstance(source, ast.Call) and (call_name(source) or "").startswith("named_")


def _fills(node: ast.AST, name: str) -> bool:
    """Whether entries of some other file, or such as are not told, get into a variable."""
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(
            targets
        ) == len(values):
            pairs = zip(targets, values, strict=True)
            return any(_fills(ast.Assign([target], value), name) for target, value in pairs)
        case ast.Assign(targets=targets, value=value):
            if any(name in target_names(one) for one in targets):
                return not (makes_empty(value) or _is_of_network(value))
            return any(_is_part_of(one, name) for one in targets)
        case ast.AugAssign(target=target):
            return _is_part_of(target, name) or (isinstance(target, ast.Name) and target.id == name)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=filled), attr=method)):
            return filled == name and method in _FILL
        case _:
            return False


def _is_part_of(target: ast.expr, name: str) -> bool:
    match target:
        case ast.Subscript(value=ast.Name(id=owner)):
            return owner == name
        case _:
            return False


def _is_of_network(value: ast.expr) -> bool:
    """``net.state_dict()``, and not of one that is read from a file"""
    called = {call_name(one) for one in walk(value) if isinstance(one, ast.Call)}
    return "state_dict" in called and "load" not in called


def _names_in(at: ast.AST, nodes: Iterable[ast.AST]) -> set[str]:
    """The variables of which ``at`` is made, or gets something, by way of others as well."""
    found = {one.id for one in walk(at) if isinstance(one, ast.Name)}
    given = [pair for one in nodes for pair in _given(one)]
    known = -1
    while known != len(found):
        known = len(found)
        for name, value in given:
            if name in found:
                found.update(one.id for one in walk(value) if isinstance(one, ast.Name))
    return found


def _given(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                for one in walk(target):
                    if isinstance(one, ast.Name):
                        yield one.id, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method), args=[*args]):
            if method in _FILL:
                for one in args:
                    yield name, one
        case ast.For(target=target, iter=source):
            for one in walk(target):
                if isinstance(one, ast.Name):
                    yield one.id, source
        case _:
            pass
