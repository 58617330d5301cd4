"""The part of a model that alone is loaded: ``{"layers." + key: value for ...}``, not strict.

Where every key that a function puts together begins with the same attribute, nothing else of
the model is in what it loads, whatever the file has. So it is where a dict that is written out
has the names for all entries that are put into the model's own: ``own[NAMES[key]] = saved[key]``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.syntax.nodes import (
    blocks,
    call_name,
    flat,
    makes_empty,
    text_pattern,
    walk,
)
from bn2gn_codemod.survey.values import Function, FunctionValue
from bn2gn_codemod.survey.weights.entries.written_keys import written_keys

_DEEPEST = 3  # functions in a row
_SAME_ENTRIES = frozenset({"OrderedDict", "dict"})
_COPIES = _SAME_ENTRIES | {"copy", "deepcopy"}


def parts_of_keys(flow: Flow, call: LoadCall) -> frozenset[str]:
    """The attributes below which all entries go that a load puts in; empty where it is not told."""
    function = call.spot.function
    if call.loader or isinstance(function.node, ast.Lambda):
        return frozenset()  # a loader reads a file as it is, and a lambda binds nothing
    match call.spot.node:
        case ast.Call(func=ast.Attribute(value=model), args=[state, *_]) as load:
            own = ast.unparse(model)
        case ast.Call(args=[state, *_]) as load:
            own = ""
        case _:
            return frozenset()
    if call.strict and not _begins_with_own(state, function, load.lineno, own):
        return frozenset()  # all that the model has is in the file
    keys = _keys(state, function, load.lineno, own)
    written = [one for key in keys or () for one in written_keys(key, function)]
    parts = {part for key in written for part in _parts(flow, key, 0)}
    return frozenset(part for part in parts if part) if "" not in parts else frozenset()


def _keys(state: ast.expr, function: Function, line: int, own: str) -> list[ast.expr] | None:
    """What stands for the keys of a dict that are not ``own``; ``None``: more may be in it."""
    if isinstance(state, ast.Name):
        return _keys_of_variable(state.id, function, line, own)
    match state:
        case ast.DictComp(key=key):
            return [key]
        case ast.Call(args=[ast.ListComp(elt=entry) | ast.GeneratorExp(elt=entry)], keywords=[]):
            if call_name(state) in _SAME_ENTRIES and isinstance(entry, ast.Tuple):
                return [entry.elts[0]]
    return [] if _is_state_of(state, own) else None


def _keys_of_variable(name: str, function: Function, line: int, own: str) -> list[ast.expr] | None:
    value, after = _binding(name, function, line)
    if value is None or any(_binds(one, name) for one in flat(after)):
        return None
    stored = list(_stored(name, after))
    if None in stored:
        return None
    keys = [] if makes_empty(value) else _keys(value, function, value.lineno, own)
    return None if keys is None else keys + [one for one in stored if one is not None]


def _begins_with_own(state: ast.expr, function: Function, line: int, own: str) -> bool:
    """``own = model.state_dict()``, and what is loaded is that with some entries replaced."""
    if not isinstance(state, ast.Name):
        return False
    value, _ = _binding(state.id, function, line)
    return value is not None and _is_state_of(value, own)


def _is_state_of(state: ast.expr, own: str) -> bool:
    """Whether it is what the model has, or a copy of that."""
    match state:
        case ast.Call(func=ast.Attribute(value=inner, attr="copy"), args=[], keywords=[]):
            return _is_state_of(inner, own)
        case ast.Call(args=[inner], keywords=[]) if call_name(state) in _COPIES:
            return _is_state_of(inner, own)
        case ast.Call(func=ast.Attribute(value=model, attr="state_dict"), args=[], keywords=[]):
            return ast.unparse(model) == own
        case _:
            return False


def _binding(name: str, function: Function, line: int) -> tuple[ast.expr | None, list[ast.stmt]]:
    """What a variable is given last before a line, and what comes after that in the same block.

    The outermost block counts that binds it: what is in a branch there comes after it.
    """
    block: list[ast.stmt] = getattr(function.node, "body", [])
    while True:
        body = [one for one in block if one.lineno < line]
        binding = [one for one in body if _binds(one, name)][-1:]
        match binding:
            case [ast.Assign(targets=[ast.Name()], value=value)]:
                return value, body[body.index(binding[0]) + 1 :]
            case [_, *_]:
                return None, []
        inner = [one for last in body[-1:] for one in blocks(last) if _reaches(one, line)]
        if not inner:
            return None, []
        block = inner[0]


def _reaches(block: list[ast.stmt], line: int) -> bool:
    return bool(block) and block[0].lineno <= line <= (block[-1].end_lineno or 0)


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
                    if call_name(node) not in ("len", "print", "load_state_dict"):
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
