"""Results of which a program does no more than tell: ``print(missing)``.

Where a load that is not strict names the entries that it did not find, its caller may fail for
them all the same, which makes it as good as strict: ``if missing: raise RuntimeError(missing)``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.syntax.nodes import bound_names, call_name, children, walk

# What prints or puts together a text, or asks for what does not end a program.
_TELLS = re.compile(
    r"print\w*|log|logging|info|debug|warn|warning|error|critical|exception|write|rank_zero_\w+|"
    r"append|extend|insert|add|join|format|len|str|repr|sorted|list|set|tuple|any|all|"
    r"startswith|endswith|split|replace|strip|pformat|pprint|enumerate|range|keys|"
    r"load_state_dict|_load_from_state_dict"
)
_LOADS = re.compile(r"load_state_dict|_load_from_state_dict")
_FILLS = frozenset({"append", "extend", "insert", "add"})
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)
_ENDS = (ast.Raise, ast.Assert, ast.Return, ast.Break, ast.Continue)


class _Step(NamedTuple):
    statement: ast.stmt
    asked: bool  # it only runs, or runs as often, as the result says


def is_only_told(scope: ast.AST, names: Iterable[str], unset: str = "") -> bool:
    """Whether nothing but messages depends on these variables of a function or module.

    What runs only where ``unset``, another variable, is true is passed over.
    """
    told = set(names)
    known = -1
    while known != len(told):
        known = len(told)
        for step in _steps(getattr(scope, "body", []), told, unset, False):
            told.update(_made_of(step, told))
    return not any(
        _uses(step, told) for step in _steps(getattr(scope, "body", []), told, unset, False)
    )


def is_told_at_once(call: ast.Call) -> bool:
    """``print(net.load_state_dict(state))``, of which this is the outer call."""
    return _TELLS.fullmatch(call_name(call)) is not None


def _steps(block: Iterable[ast.AST], names: set[str], unset: str, asked: bool) -> Iterator[_Step]:
    for one in block:
        if isinstance(one, ast.stmt):
            yield _Step(one, asked)
        below = asked or (not isinstance(one, _SCOPES) and _mentions(_own(one), names))
        inner: list[ast.AST] = [part for part in children(one) if isinstance(part, _BLOCKS)]
        if isinstance(one, ast.If):
            inner = [] if _holds(one.test, unset) else [*one.body]
            match one.test:
                case ast.UnaryOp(op=ast.Not(), operand=test) if _holds(test, unset):
                    pass
                case _:
                    inner += one.orelse
        yield from _steps(inner, names, unset, below)


def _holds(test: ast.expr, name: str) -> bool:
    """Whether a test only passes where a variable is true: ``strict and missing``"""
    match test:
        case ast.Name(id=asked):
            return asked == name
        case ast.BoolOp(op=ast.And(), values=parts):
            return any(_holds(part, name) for part in parts)
        case _:
            return False


def _own(node: ast.AST) -> list[ast.AST]:
    """What a statement is made of, but for what is in its blocks."""
    found = [one for one in children(node) if not isinstance(one, _BLOCKS)]
    return [inner for one in found for inner in walk(one)]


def _mentions(nodes: Iterable[ast.AST], names: set[str]) -> bool:
    return any(isinstance(node, ast.Name) and node.id in names for node in nodes)


def _made_of(step: _Step, names: set[str]) -> Iterator[str]:
    """The variables that a statement makes something of the result."""
    statement, asked = step
    if isinstance(statement, _SCOPES):
        return
    own = _own(statement)
    if _fills_by_load(own) or not (asked or _mentions(own, names)):
        return
    yield from bound_names(statement)
    for node in own:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=attr)):
                if attr in _FILLS:
                    yield owner
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case _:
                pass


def _fills_by_load(nodes: Iterable[ast.AST]) -> bool:
    return any(isinstance(node, ast.Call) and _LOADS.fullmatch(call_name(node)) for node in nodes)


def _uses(step: _Step, names: set[str]) -> bool:
    """Whether a statement does something with the result, or for it, that is no message."""
    statement, asked = step
    if isinstance(statement, _SCOPES):
        return asked
    own = _own(statement)
    if not (asked or _mentions(own, names)):
        return False
    if isinstance(statement, (*_ENDS, ast.Delete)):
        return True
    for node in own:
        match node:
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
                return True
            case ast.Yield() | ast.YieldFrom() | ast.Await():
                return True
            case ast.Call() as call if asked or _mentions(walk(call), names):
                if _TELLS.fullmatch(call_name(call)) is None:
                    return True
            case _:
                pass
    return False
