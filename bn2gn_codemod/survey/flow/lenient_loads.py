"""Loads of which callers say how strict they are: ``net.load_state_dict(state, strict=strict)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.syntax.nodes import defaults_of, walk
from bn2gn_codemod.survey.values import Function

_STRICT = "strict"
_BY_MODULE = "_load_from_state_dict"  # lists what is missing, and leaves it to its caller to fail


def loosen_loads(flow: Flow) -> None:
    """Take for lenient what no caller asks to be strict; of what is not certain, nothing."""
    sites = CallSites(flow)
    for load in flow.load_calls:
        if load.strict and not load.made_lenient and _is_lenient(sites, load):
            load.strict = False


def _is_lenient(sites: CallSites, load: LoadCall) -> bool:
    call = load.spot.node
    if not isinstance(call, ast.Call):
        return False
    scopes = list(_scopes(load.spot.function))
    if isinstance(call.func, ast.Attribute) and call.func.attr == _BY_MODULE:
        asked: ast.expr | None = ast.Name(_STRICT, ast.Load())
        if not any(_STRICT in scope.parameters for scope in scopes):
            return not any(isinstance(node, ast.Raise) for node in walk(scopes[-1].node))
    else:
        asked = _given(call, _STRICT, 1)
    return asked is not None and _is_never_strict(sites, scopes, asked, frozenset())


def _scopes(function: Function) -> Iterator[Function]:
    """A function and those that it stands in, but for the module."""
    scope: Function | None = function
    while scope is not None and (scope is function or not isinstance(scope.node, ast.Module)):
        yield scope
        scope = scope.outer


def _is_never_strict(
    sites: CallSites, scopes: list[Function], asked: ast.expr, seen: frozenset[Function]
) -> bool:
    """Whether what stands in these scopes is false, whoever calls them."""
    match asked:
        case ast.Constant(value=value):
            return not value
        case ast.Name(id=name):
            owner = next((one for one in scopes if name in one.locals | one.parameters), None)
            return owner is not None and _gets_nothing_strict(sites, owner, name, seen)
        case _:
            return False


def _gets_nothing_strict(
    sites: CallSites, function: Function, name: str, seen: frozenset[Function]
) -> bool:
    node, calls = function.node, sites.of(function)
    if isinstance(node, (ast.Module, ast.Lambda)) or name not in function.parameters:
        return False
    if not calls or _is_set(node, name):
        return False
    default = next((value for one, value in defaults_of(node.args) if one.arg == name), None)
    placed = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
    if function.class_ is not None and not function.is_static:
        placed = placed[1:]
    place = placed.index(name) if name in placed else None
    for caller, call in calls:
        if caller in seen or any(keyword.arg is None for keyword in call.keywords):
            return False
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            return False
        given = _given(call, name, place) or default
        around = list(_scopes(caller))
        if given is None or not _is_never_strict(sites, around, given, seen | {function}):
            return False
    return True


def _given(call: ast.Call, name: str, place: int | None) -> ast.expr | None:
    """What a call gives for a parameter, by its name or its place."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[place] if place is not None and place < len(call.args) else None


def _is_set(function: ast.AST, name: str) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
        for node in walk(function)
    )
