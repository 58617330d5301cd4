"""What the code of a script hands from one model to the next."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bn2gn_codemod.survey.syntax.nodes import children, flat, given_arguments, root_of, walk
from bn2gn_codemod.survey.values import Value


class GivenOn(NamedTuple):
    """A call of models with what other models gave, and the calls of those."""

    call: ast.Call
    givers: frozenset[ast.Call]


def calls_on_what_is_given(
    models: Mapping[ast.Call, frozenset[Value]], function: ast.AST
) -> Iterator[GivenOn]:
    """The calls, in the order of the code, of models with what other ones give there.

    ``models``: the calls of the function that run models, and those that each may run.
    """
    body = getattr(function, "body", None)
    if not isinstance(body, list) or len(models) < 2:
        return
    given: dict[str, frozenset[ast.Call]] = {}  # variables, and the calls that they come of
    for statement in flat(body):
        for call in _calls(statement, models):
            handed = given_arguments(call)
            givers = frozenset(one for part in handed for one in _givers(part, models, given))
            yield GivenOn(call, givers)
        _bind(statement, models, given)


def _bind(
    statement: ast.stmt,
    models: Mapping[ast.Call, frozenset[Value]],
    given: dict[str, frozenset[ast.Call]],
) -> None:
    match statement:
        case ast.Assign(targets=targets, value=value):
            pairs = [(target, value) for target in targets]
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            pairs = [(target, value)]
        case ast.AugAssign(target=target, value=value):
            givers = _givers(value, models, given)
            given[ast.unparse(target)] = given.get(ast.unparse(target), frozenset()) | givers
            return
        case ast.For(target=target, iter=value):
            pairs = [(target, value)]
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner), args=arguments)):
            # features.append(encoder(x))
            added = frozenset(one for part in arguments for one in _givers(part, models, given))
            if added and isinstance(owner, (ast.Name, ast.Attribute)):
                given[ast.unparse(owner)] = given.get(ast.unparse(owner), frozenset()) | added
            return
        case _:
            return
    for target, value in pairs:
        givers = _givers(value, models, given)
        for name, is_whole in _bound(target):
            if is_whole:
                given.pop(name, None)
            if givers:
                given[name] = given.get(name, frozenset()) | givers


def _bound(target: ast.expr) -> Iterator[tuple[str, bool]]:
    """The variables of a target, and whether they hold nothing else afterwards."""
    match target:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            for element in elements:
                yield from _bound(element)
        case ast.Starred(value=inner):
            yield from _bound(inner)
        case ast.Subscript():
            yield ast.unparse(root_of(target)), False
        case _:
            yield ast.unparse(target), True


def _givers(
    expr: ast.expr,
    models: Mapping[ast.Call, frozenset[Value]],
    given: Mapping[str, frozenset[ast.Call]],
) -> frozenset[ast.Call]:
    found: frozenset[ast.Call] = frozenset()
    for node in walk(expr):
        if isinstance(node, ast.Call) and node in models:
            found |= {node}
        elif isinstance(node, (ast.Name, ast.Attribute)) and given:
            found |= given.get(ast.unparse(node), frozenset())
    return found


def _calls(statement: ast.stmt, models: Mapping[ast.Call, frozenset[Value]]) -> Iterator[ast.Call]:
    """Calls of models in a statement, without those in its blocks."""
    pending = [node for node in children(statement) if not isinstance(node, ast.stmt)]
    for node in pending:  # grows
        if isinstance(node, ast.Call) and node in models:
            yield node
        pending += [one for one in children(node) if not isinstance(one, ast.stmt)]
