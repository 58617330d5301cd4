"""The part of a model that alone is loaded: ``{"layers." + key: value for ...}``, not strict.

Where every key that a function puts together begins with the same attribute, nothing else of
the model is in what it loads, whatever the file has.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.syntax.nodes import call_name, flat, makes_empty, text_pattern, walk
from bn2gn_codemod.survey.values import Function, FunctionValue

_DEEPEST = 3  # functions in a row
_SAME_ENTRIES = frozenset({"OrderedDict", "dict"})


def parts_of_keys(flow: Flow, call: LoadCall) -> frozenset[str]:
    """The attributes below which all entries go that a load puts in; empty where it is not told."""
    match call.spot.node:
        case ast.Call(args=[state, *_]) if not call.strict:
            keys = _keys(state, call.spot.function, call.spot.line)
        case _:
            return frozenset()
    parts = {part for key in keys or () for part in _parts(flow, key, 0)}
    return frozenset(part for part in parts if part) if "" not in parts else frozenset()


def _keys(state: ast.expr, function: Function, line: int) -> list[ast.expr] | None:
    """What stands for the keys of a dict; ``None`` where more may be in it."""
    if isinstance(state, ast.Name):
        return _keys_of_variable(state.id, function, line)
    match state:
        case ast.DictComp(key=key):
            return [key]
        case ast.Call(args=[ast.ListComp(elt=entry) | ast.GeneratorExp(elt=entry)], keywords=[]):
            if call_name(state) in _SAME_ENTRIES and isinstance(entry, ast.Tuple):
                return [entry.elts[0]]
    return None


def _keys_of_variable(name: str, function: Function, line: int) -> list[ast.expr] | None:
    body = [one for one in getattr(function.node, "body", ()) if one.lineno < line]
    binding = [one for one in body if _binds(one, name)][-1:]
    match binding:
        case [ast.Assign(targets=[ast.Name()], value=value)]:
            after = body[body.index(binding[0]) + 1 :]
        case _:
            return None
    if any(isinstance(one, ast.Assign) and _binds(one, name) for one in flat(after)):
        return None
    stored = list(_stored(name, after))
    if None in stored:
        return None
    keys = [] if makes_empty(value) else _keys(value, function, binding[0].lineno)
    return None if keys is None else keys + [one for one in stored if one is not None]


def _binds(statement: ast.stmt, name: str) -> bool:
    return isinstance(statement, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == name for target in statement.targets
    )


def _stored(name: str, statements: Iterable[ast.stmt]) -> Iterator[ast.expr | None]:
    """The keys under which entries are stored; ``None``: what else may be done to the dict."""
    for statement in statements:
        for node in walk(statement):
            match node:
                case ast.Subscript(value=ast.Name(id=one), slice=key, ctx=ast.Store()):
                    if one == name:
                        yield key
                case ast.Call(func=ast.Attribute(value=ast.Name(id=one), attr=method)):
                    if one == name and method not in ("items", "keys", "values", "get", "pop"):
                        yield None
                case ast.Call(args=args) if any(
                    isinstance(one, ast.Name) and one.id == name for one in args
                ):
                    if call_name(node) not in ("len", "print"):
                        yield None


def _parts(flow: Flow, key: ast.expr, depth: int) -> Iterator[str]:
    """The attributes that a key may begin with; ``""`` for one that is not known."""
    pattern = text_pattern(key) or ""
    first, dot, _ = pattern.partition(".")
    if dot and "*" not in first:
        yield first
        return
    functions = list(_called(flow, key)) if isinstance(key, ast.Call) else []
    if not functions or depth > _DEEPEST:
        yield ""
    for body in functions:
        given = [one for one in flat(body) if isinstance(one, ast.Return)]
        for one in given:
            yield from [""] if one.value is None else _parts(flow, one.value, depth + 1)
        if not given:
            yield ""


def _called(flow: Flow, call: ast.Call) -> Iterator[list[ast.stmt]]:
    """The statements of the functions that a call may be of."""
    for value in flow.value_of(call.func):
        match value:
            case FunctionValue(function=Function(node=ast.FunctionDef(body=body))):
                yield body
