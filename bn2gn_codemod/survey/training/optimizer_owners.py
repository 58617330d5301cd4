"""Whose parameters an optimizer is given, by the names of models in the code around it.

Where no class with a backbone was found for it: by what it is called alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.optimizer_calls import may_take_parameters, optimizer_call
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.syntax.nodes import call_name, target_names, walk
from bn2gn_codemod.survey.training.optimizers import Optimizers

_MODEL = re.compile(
    r"_?(?:\w*model|\w*net|\w*network|detector|segmentor|segmenter)$", re.IGNORECASE
)
_GIVES_PARAMETERS = ("parameters", "named_parameters")
_PARAMETERS_OF = re.compile(r"param|group|trainable", re.IGNORECASE)
_ADDS = ("append", "extend", "add")
_DEEPEST = 4
_MOST_NAMES = 8


class Owner(NamedTuple):
    """An object, in the scope that it has this name in."""

    scope: Scope
    expr: ast.expr


class OptimizerOwners:
    """Finds optimizers, and what is called like a model behind their parameters."""

    def __init__(self, flow: Flow, optimizers: Optimizers) -> None:
        self._flow = flow
        self._optimizers = optimizers

    def calls(self) -> Iterator[tuple[Scope, ast.stmt, ast.Call]]:
        """The calls that build optimizers, for all that is known."""
        for scope in self._optimizers.scopes:
            for statement, call in scope.calls:
                kind = optimizer_call(self._flow, call)
                is_one = kind is not None and kind.is_alone
                if is_one or may_take_parameters(self._flow, call):
                    yield scope, statement, call

    def given(self, scope: Scope, call: ast.Call) -> list[Owner]:
        """The objects whose parameters the optimizer is given, as they are called there.

        A list of groups may be put together before, or by who calls the function.
        """
        params = [keyword.value for keyword in call.keywords if keyword.arg == "params"]
        found = [Owner(scope, owner) for owner in _owners(call)]
        pending = [Owner(scope, expr) for expr in [*call.args[:1], *params]]
        seen: set[tuple[Scope, str]] = set()
        for where, expr in pending:
            for node in walk(expr):
                if found or not isinstance(node, ast.Name) or (where, node.id) in seen:
                    continue
                seen.add((where, node.id))
                sources = [Owner(where, one) for one in _collecting(where, node.id)]
                handed = () if sources else self._optimizers.origins.handed(where, node)
                sources += [Owner(origin.scope, origin.expr) for origin in handed]
                found = [Owner(at, owner) for at, one in sources for owner in _owners(one)]
                pending += sources if len(seen) < _MOST_NAMES else []
        return found

    def models(self, owner: Owner) -> list[Owner]:
        """What is called like a model, and has these parameters; empty: something else has."""
        return list(dict.fromkeys(self._models(*owner, 0)))

    def _models(self, scope: Scope, owner: ast.expr, depth: int) -> Iterator[Owner]:
        if is_called_model(owner):
            yield Owner(scope, owner)
        elif isinstance(owner, ast.Attribute) and is_called_model(owner.value):
            if not families.is_aside(owner.attr):
                yield Owner(scope, owner.value)  # net.backbone
        elif isinstance(owner, ast.Name) and not _is_aside(owner) and depth < _DEEPEST:
            handed = self._optimizers.origins.handed(scope, owner)
            places = [(one.scope, one.expr) for one in handed]
            places += [(scope, one) for one in _elements(scope, owner.id)]
            for where, expr in places:
                yield from self._models(where, _without_module(expr), depth + 1)


def is_called_model(expr: ast.expr) -> bool:
    """Whether an expression is called like a whole model, that is trained itself."""
    last = ast.unparse(expr).rpartition(".")[2]
    return _MODEL.match(last) is not None and not families.is_aside(last)


def _is_aside(name: ast.Name) -> bool:
    return families.is_aside(name.id)


def _owners(root: ast.AST) -> Iterator[ast.expr]:
    """The models whose parameters are in an expression, without the wrappers around them."""
    for node in walk(root):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in _GIVES_PARAMETERS:
                yield _without_module(owner)
            case ast.Call(args=arguments) if _PARAMETERS_OF.search(call_name(node)):
                # get_params(self.net, "bias"), model.trainable_parameters(0.1)
                given = [one for one in arguments[:1] if isinstance(one, (ast.Name, ast.Attribute))]
                if isinstance(node.func, ast.Attribute) and is_called_model(node.func.value):
                    given.insert(0, _plain(node.func.value))
                yield from map(_without_module, given[:1])


def _plain(expr: ast.expr) -> ast.Name | ast.Attribute:
    assert isinstance(expr, (ast.Name, ast.Attribute))
    return expr


def _without_module(expr: ast.expr) -> ast.expr:
    """``net`` of ``net.module``, which a parallel wrapper keeps its model under."""
    is_inside = isinstance(expr, ast.Attribute) and expr.attr == "module"
    return expr.value if is_inside and isinstance(expr, ast.Attribute) else expr


def _elements(scope: Scope, name: str) -> Iterator[ast.expr]:
    """What a loop takes out of a list that is written out: ``for part in [net.body, net.head]``."""
    for loop in scope.order:
        if not isinstance(loop, ast.For) or name not in target_names(loop.target):
            continue
        is_named = isinstance(loop.iter, ast.Name)
        for one in _collecting(scope, ast.unparse(loop.iter)) if is_named else [loop.iter]:
            if isinstance(one, (ast.List, ast.Tuple)):
                yield from one.elts


def _collecting(scope: Scope, name: str) -> Iterator[ast.expr]:
    """What is put into a variable, and the loops that fill it."""
    for statement in scope.order:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=bound)], value=value)
                | ast.AugAssign(target=ast.Name(id=bound), value=value)
            ) if bound == name:
                yield value
            case ast.For(target=target, iter=iterated) if _fills(
                statement, name
            ) or name in target_names(target):
                yield iterated
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(attr=method, value=ast.Name(id=bound))) as call
            ) if bound == name and method in _ADDS:
                yield from call.args
            case _:
                pass


def _fills(loop: ast.For, name: str) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _ADDS
        and ast.unparse(node.func.value) == name
        for node in walk(loop)
    )
