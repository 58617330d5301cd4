"""The models over whose layers, or children, a variable goes, also by way of a list or a dict.

``for ours, theirs in zip(self.modules(), base.modules())``: what is copied into ``ours``
is loaded into ``self`` as a whole, and says nothing of other objects of a layer's class.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.syntax.nodes import (
    bound_names,
    call_name,
    flat,
    makes_empty,
    target_names,
)

_PAIRS = frozenset({"named_modules", "named_children"})
_WALKS = _PAIRS | {"modules", "children"}
# Functions that give the elements of what they are handed.
_HAND_ON = frozenset({
    "list", "tuple", "dict", "OrderedDict", "iter", "tqdm", "sorted", "reversed",
})  # fmt: skip
_ZIPS = frozenset({"zip", "izip", "zip_longest"})


class Walked(NamedTuple):
    """A model, and whether its layers are told by their place among all of them."""

    model: ast.expr
    in_order: bool


# What a statement gives a name, for each time that it does; ``None`` is what is not known.
_Given = Callable[[str, ast.stmt], Iterator[list[Walked] | None]]


def walked_models(function: ast.AST, variable: ast.Name) -> list[Walked]:
    """The models of whose layers a local variable is one, or holds some by key or place.

    Empty if it may be anything else.
    """
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)):
        return []
    scope = _Scope(list(flat(function.body)))
    found = scope.variable(variable.id)
    if found is None or scope.is_told_by_key(variable):
        found = _by_key(found or scope.collection(variable.id))
    return found or []


class _Scope:
    """Follows variables back through the statements of one function."""

    def __init__(self, statements: list[ast.stmt]) -> None:
        self._statements = statements
        self._pending: set[str] = set()

    def variable(self, name: str) -> list[Walked] | None:
        """The models that a variable is a layer of; ``None`` where that is not known."""
        return self._followed(name, self._bound)

    def collection(self, name: str) -> list[Walked] | None:
        """The models whose layers a function puts into a list or dict of its own."""
        return self._followed(name, self._filled)

    def _followed(self, name: str, given: _Given) -> list[Walked] | None:
        """All that the statements give a name; nothing new where it is asked for already."""
        if name in self._pending:
            return []
        self._pending.add(name)
        found = [one for statement in self._statements for one in given(name, statement)]
        self._pending.discard(name)
        return _together(found)

    def _bound(self, name: str, statement: ast.stmt) -> Iterator[list[Walked] | None]:
        match statement:
            case ast.For() if name in target_names(statement.target):
                yield self._in_loop(statement.target, statement.iter, name)
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.Subscript(value=owner)) if (
                target == name
            ):
                yield _by_key(self._elements(owner))
            case _ if name in bound_names(statement):
                yield None

    def _filled(self, name: str, statement: ast.stmt) -> Iterator[list[Walked] | None]:
        match statement:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                yield [] if makes_empty(value) else self._elements(value)
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=target))], value=value) if (
                target == name
            ):
                yield self._stored(value)
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Name(id=target), attr="append"), args=[value]
                )
            ) if target == name:
                yield self._stored(value)
            case _ if name in bound_names(statement) or name in _handed_on(statement):
                yield None

    def is_told_by_key(self, variable: ast.Name) -> bool:
        """Whether a variable was bound last by ``layer = layers[name]``, before it is used."""
        bound = [
            statement
            for statement in self._statements
            if statement.lineno < variable.lineno and variable.id in bound_names(statement)
        ]
        last = max(bound, key=lambda one: one.lineno, default=None)
        return isinstance(last, ast.Assign) and isinstance(last.value, ast.Subscript)

    def _in_loop(self, target: ast.expr, source: ast.expr, name: str) -> list[Walked] | None:
        """What ``for target in source`` gives a variable in the target."""
        if isinstance(target, ast.Name):
            return None if _gives_pairs(source) else self._elements(source)
        if not isinstance(target, (ast.Tuple, ast.List)):
            return None
        if isinstance(source, ast.Call) and call_name(source) in _ZIPS:
            if len(source.args) == len(target.elts):
                for one, part in zip(target.elts, source.args, strict=True):
                    if name in target_names(one):
                        return self._in_loop(one, part, name)
            return None
        if len(target.elts) != 2 or name not in target_names(target.elts[1]):
            return None
        if isinstance(source, ast.Call) and call_name(source) == "enumerate" and source.args:
            return self._in_loop(target.elts[1], source.args[0], name)
        is_value = isinstance(target.elts[1], ast.Name) and _gives_pairs(source)
        return self._elements(source) if is_value else None

    def _elements(self, source: ast.expr) -> list[Walked] | None:
        """The models whose layers are in a collection, or are the values of a dict."""
        match source:
            case ast.Call(func=ast.Attribute(value=model, attr=attr), args=[]) if attr in _WALKS:
                return [Walked(model, in_order=True)]
            case ast.Call(func=ast.Attribute(value=owner, attr="values" | "items"), args=[]):
                return self._elements(owner)
            case ast.Call(args=[inner, *_]) if call_name(source) in _HAND_ON:
                return self._elements(inner)
            case (
                ast.ListComp(elt=ast.Name(id=name), generators=[one])
                | ast.GeneratorExp(elt=ast.Name(id=name), generators=[one])
            ):
                return self._in_loop(one.target, one.iter, name)
            case ast.DictComp(value=ast.Name(id=name), generators=[one]):
                return self._in_loop(one.target, one.iter, name)
            case ast.Name(id=name):
                return self.collection(name)
            case _:
                return None

    def _stored(self, value: ast.expr) -> list[Walked] | None:
        return self.variable(value.id) if isinstance(value, ast.Name) else None


def _by_key(found: list[Walked] | None) -> list[Walked] | None:
    return found and [one._replace(in_order=False) for one in found]


def _together(found: list[list[Walked] | None]) -> list[Walked] | None:
    """All that was found, if it is known each time."""
    known = [one for one in found if one is not None]
    if not found or len(known) < len(found):
        return None
    return [walked for one in known for walked in one]


def _gives_pairs(source: ast.expr) -> bool:
    """Whether a loop over ``source`` gives names and layers in pairs."""
    while isinstance(source, ast.Call) and call_name(source) in _HAND_ON and source.args:
        source = source.args[0]
    return isinstance(source, ast.Call) and call_name(source) in (*_PAIRS, "items")


def _handed_on(statement: ast.stmt) -> Iterator[str]:
    """Variables that a statement hands to a call, or calls a method of, for its effect alone."""
    match statement:
        case ast.Expr(value=ast.Call(func=func, args=arguments)):
            if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
                yield func.value.id
            if not (isinstance(func, ast.Name) and func.id == "print"):
                yield from (one.id for one in arguments if isinstance(one, ast.Name))
        case _:
            pass
