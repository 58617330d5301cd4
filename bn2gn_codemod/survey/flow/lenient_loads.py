"""Loads of which callers say how strict they are: ``net.load_state_dict(state, strict=strict)``.

Taken for lenient is what no caller can ask to be strict, nor makes so: by failing for the entries
that such a load says were missing, or by a ``load_state_dict`` of the model's own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.function_uses import FunctionUses
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.run_conditions import blocks_around
from bn2gn_codemod.survey.statements.told_results import is_only_told, is_told_at_once
from bn2gn_codemod.survey.syntax.nodes import defaults_of, target_names, walk
from bn2gn_codemod.survey.values import Function, Instance

_STRICT = "strict"
_BY_MODULE = "_load_from_state_dict"  # lists what is missing, and leaves it to its caller to fail
_MISSING = 4  # the place of that list


def loosen_loads(flow: Flow) -> None:
    """Take for lenient what no caller asks to be strict; of what is not certain, nothing."""
    uses = FunctionUses(flow, CallSites(flow))
    for load in flow.load_calls:
        if load.strict and not load.made_lenient and _is_lenient(uses, load):
            load.strict = _has_own_method(flow, load)


def _has_own_method(flow: Flow, load: LoadCall) -> bool:
    """Whether a class has a ``load_state_dict`` of its own, which may heed no flag."""
    filled = [value for value in flow.values(load.receiver) if isinstance(value, Instance)]
    classes = {
        cls
        for value in filled
        for cls in (value.class_.descendants() if value.spot is None else [value.class_])
    }
    return any(cls.find_method("load_state_dict") is not None for cls in classes)


def _is_lenient(uses: FunctionUses, load: LoadCall) -> bool:
    call = load.spot.node
    if not isinstance(call, ast.Call):
        return False
    scopes = list(_scopes(load.spot.function))
    if isinstance(call.func, ast.Attribute) and call.func.attr == _BY_MODULE:
        is_asked = any(_STRICT in scope.parameters for scope in scopes)
        if not _is_list_only_told(scopes, call, _STRICT if is_asked else ""):
            return False
        asked: ast.expr | None = ast.Name(_STRICT, ast.Load())
        if not is_asked:
            return True
    else:
        asked = _given(call, _STRICT, 1)
        if not isinstance(asked, (ast.Name, ast.Constant)):
            return False
        if not _is_result_only_told(uses, load.spot.function, call, frozenset()):
            return False
    return asked is not None and _is_never_strict(uses, scopes, asked, frozenset())


def _is_list_only_told(scopes: list[Function], call: ast.Call, unset: str) -> bool:
    """Whether nobody fails for what the load lists as missing."""
    match _given(call, "missing_keys", _MISSING):
        case ast.List(elts=[]):
            return True
        case ast.Name(id=name):
            owner = next((one for one in scopes if name in one.locals | one.parameters), None)
            if owner is None or name in owner.parameters:
                return False
            return is_only_told(scopes[-1].node, [name], unset)
        case _:
            return False


def _is_result_only_told(
    uses: FunctionUses, function: Function, call: ast.Call, seen: frozenset[Function]
) -> bool:
    """Whether nobody fails for what a call gives: the entries that were missing."""
    for block, index in blocks_around(function.node, call)[-1:]:
        match block[index]:
            case ast.Expr(value=value) if value is call:
                return True
            case ast.Expr(value=ast.Call(args=given) as outer) if call in given:
                return is_told_at_once(outer)
            case ast.Assign(targets=targets, value=value) if value is call:
                named = [name for target in targets for name in target_names(target)]
                return bool(named) and is_only_told(function.node, named)
            case ast.Return(value=value) if value is call and function not in seen:
                found = uses.calls_of(function)
                return found is not None and all(
                    use.caller is not None
                    and _is_result_only_told(uses, use.caller, use.call, seen | {function})
                    for use in found
                )
            case _:
                pass
    return False


def _scopes(function: Function) -> Iterator[Function]:
    """A function and those that it stands in, but for the module."""
    scope: Function | None = function
    while scope is not None and (scope is function or not isinstance(scope.node, ast.Module)):
        yield scope
        scope = scope.outer


def _is_never_strict(
    uses: FunctionUses, scopes: list[Function], asked: ast.expr, seen: frozenset[Function]
) -> bool:
    """Whether what stands in these scopes is false, whoever calls them."""
    match asked:
        case ast.Constant(value=value):
            return not value
        case ast.Name(id=name):
            owner = next((one for one in scopes if name in one.locals | one.parameters), None)
            return owner is not None and _gets_nothing_strict(uses, owner, name, seen)
        case _:
            return False


def _gets_nothing_strict(
    uses: FunctionUses, function: Function, name: str, seen: frozenset[Function]
) -> bool:
    node = function.node
    if isinstance(node, (ast.Module, ast.Lambda)) or name not in function.parameters:
        return False
    calls = None if _is_set(node, name) else uses.calls_of(function)
    if calls is None:
        return False
    default = next((value for one, value in defaults_of(node.args) if one.arg == name), None)
    placed = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
    is_method = function.class_ is not None and not function.is_static
    for caller, call, is_bound in calls:
        place = placed.index(name) if name in placed else None
        if place is not None and is_method and is_bound:
            place = max(place - 1, 0)
        if caller in seen or any(keyword.arg is None for keyword in call.keywords):
            return False
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            return False
        given = _given(call, name, place) or default
        around = [] if caller is None else list(_scopes(caller))
        if given is None or not _is_never_strict(uses, around, given, seen | {function}):
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
