"""Places in one function of which no run comes to both: ``mode == "test"`` and ``"train"``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.statements.run_conditions import is_steady, outcomes_at, owner_of
from bn2gn_codemod.survey.syntax.nodes import dotted, walk
from bn2gn_codemod.survey.values import Function

_LOOPS = (ast.For, ast.AsyncFor, ast.While)


class _Choice(NamedTuple):
    """That what a name stands for is one of some values, or none of them; no values: it is true."""

    text: str
    values: frozenset[object]
    holds: bool


def never_both(function: Function, first: ast.AST, second: ast.AST, *, is_made_here: bool) -> bool:
    """Whether what has been at the first place, and is made anew by each run, misses the second.

    What is not made there may come from another run, for which a parameter has another value;
    the options of a program are the same ones.
    """
    chosen = list(_choices(function, first, is_made_here=is_made_here))
    return any(
        _exclude(one, other)
        for other in _choices(function, second, is_made_here=is_made_here)
        for one in chosen
    )


def _choices(function: Function, node: ast.AST, *, is_made_here: bool) -> Iterator[_Choice]:
    for test, holds in outcomes_at(function, node):
        for choice, asked in _of_test(test, holds):
            is_option = is_made_here or "." in choice.text
            if (
                is_option
                and is_steady(function, asked, choice.text)
                and not _changes_in_loop(function, choice.text.partition(".")[0])
            ):
                yield choice


def _exclude(one: _Choice, other: _Choice) -> bool:
    if one.text != other.text or bool(one.values) is not bool(other.values):
        return False
    if one.holds and other.holds:
        return bool(one.values) and one.values.isdisjoint(other.values)
    if one.holds is other.holds:
        return False
    chosen, left_out = (one, other) if one.holds else (other, one)
    return chosen.values <= left_out.values


def _of_test(test: ast.expr, holds: bool) -> Iterator[tuple[_Choice, ast.expr]]:
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _of_test(operand, not holds)
        case ast.BoolOp(op=op, values=values) if isinstance(op, ast.And) is holds:
            for value in values:
                yield from _of_test(value, holds)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            values_asked = _constants(right)
            is_same = isinstance(op, (ast.Eq, ast.In, ast.Is))
            is_known = is_same or isinstance(op, (ast.NotEq, ast.NotIn, ast.IsNot))
            text = dotted(left)
            if text is None or not is_known or not values_asked:
                return
            if isinstance(op, (ast.In, ast.NotIn)) is isinstance(right, ast.Constant):
                return  # a part of a text
            yield _Choice(text, values_asked, holds is is_same), left
        case ast.Name() | ast.Attribute():
            if (text := dotted(test)) is not None:
                yield _Choice(text, frozenset(), holds), test


def _constants(expr: ast.expr) -> frozenset[object]:
    match expr:
        case ast.Constant(value=value):
            return frozenset({value})
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            if all(isinstance(one, ast.Constant) for one in elements):
                return frozenset(one.value for one in elements if isinstance(one, ast.Constant))
    return frozenset()


def _changes_in_loop(function: Function, root: str) -> bool:
    """``for phase in ("test", "train"):`` comes to both."""
    owner = owner_of(function, root)
    scope = owner.node if isinstance(owner, Function) else function.module.tree
    return any(
        isinstance(loop, _LOOPS)
        and any(
            isinstance(node, ast.Name) and node.id == root and isinstance(node.ctx, ast.Store)
            for node in walk(loop)
        )
        for loop in walk(scope)
    )
