"""Functions of which one call may give what another one made or was handed.

They keep it in something that outlives the call, or call themselves.
"""

from __future__ import annotations

import ast
import functools

from bn2gn_codemod.survey.flow.tracing.containers import MUTATORS
from bn2gn_codemod.survey.syntax.nodes import (
    all_arguments,
    bound_names,
    call_name,
    flat,
    root_of,
    walk,
)

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@functools.cache
def own_names(function: FunctionNode) -> frozenset[str]:
    """The names that a function binds itself, be it in a comprehension or an inner function."""
    found = {name for statement in flat(function.body) for name in bound_names(statement)}
    shared: set[str] = set()
    for node in walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            shared.update(node.names)
        elif isinstance(node, _FUNCTIONS) and node is not function:
            found.update(argument.arg for argument in all_arguments(node.args))
    return frozenset(found - shared)


@functools.cache
def may_give_again(function: FunctionNode, *, given: bool = False) -> bool:
    """Whether a call may give what another call made; ``given``: or what it was handed."""
    own = own_names(function)
    handed = frozenset(argument.arg for argument in all_arguments(function.args))
    carried = own | handed if given else own
    return any(
        (isinstance(node, ast.Call) and call_name(node) == function.name)
        or _keeps(node, own, handed, carried)
        for node in walk(function)
    )


def _keeps(
    node: ast.AST, own: frozenset[str], handed: frozenset[str], carried: frozenset[str]
) -> bool:
    """Whether a statement puts one of the names ``carried``, or what a call made, outside."""
    match node:
        case ast.Call(func=ast.Attribute(value=holder, attr=method)) if method in MUTATORS:
            return not _is_own(holder, own - handed)
        case ast.AugAssign(target=ast.Name(id=name), value=value):
            return (name in handed or name not in own) and _carries(value, carried)
        case ast.Assign(targets=targets, value=value):
            return _carries(value, carried) and any(_is_outside(one, own) for one in targets)
        case (
            ast.AugAssign(target=target, value=value)
            | ast.AnnAssign(target=target, value=ast.expr() as value)
            | ast.NamedExpr(target=target, value=value)
        ):
            return _carries(value, carried) and _is_outside(target, own)
        case _:
            return False


def _is_outside(target: ast.expr, own: frozenset[str]) -> bool:
    """Whether what is assigned to is there after the call."""
    match target:
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return any(_is_outside(part, own) for part in parts)
        case ast.Name(id=name):
            return name not in own
        case _:
            return isinstance(target, (ast.Attribute, ast.Subscript)) and not _is_own(target, own)


def _carries(value: ast.expr, names: frozenset[str]) -> bool:
    """Whether an object that a call made may be in a value: a sum of numbers is none."""
    nodes = walk(value)
    is_made = any(isinstance(node, (ast.Call, ast.List, ast.Tuple)) for node in nodes)
    if isinstance(value, (ast.BinOp, ast.UnaryOp, ast.Compare)):
        return is_made
    return is_made or any(isinstance(node, ast.Name) and node.id in names for node in nodes)


def _is_own(expr: ast.expr, own: frozenset[str]) -> bool:
    root = root_of(expr)
    return isinstance(root, ast.Name) and root.id in own
