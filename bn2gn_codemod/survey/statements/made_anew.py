"""Models that are made anew under the same name: what was done to the one before is gone."""

from __future__ import annotations

import ast
from collections.abc import Collection
from itertools import takewhile

from bn2gn_codemod.survey.statements.scopes import Scope, assignments
from bn2gn_codemod.survey.syntax.nodes import flat, walk

_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def makes_anew(statement: ast.stmt, model: str, names: Collection[str] = ()) -> bool:
    """Whether a statement, or one in its blocks, gives ``model`` another object.

    One that is made of what it stood for, or what other ``names`` of it stand for, is none.
    """
    same = {model, *names}
    return any(
        value is not None and not isinstance(value, ast.Constant) and not reads(value, same)
        for _, value in assignments(statement, model)
    )


def is_made_anew(scope: Scope, first: ast.stmt, second: ast.stmt, model: str) -> bool:
    """Whether ``model`` may be another one at ``second`` than it was after ``first``.

    ``first`` surely comes before. A loop around ``second`` alone may come round again.
    """
    between = takewhile(lambda earlier: earlier is not first, scope.before(second))
    around = set(scope.around(first))
    again = [
        inner
        for loop in scope.around(second)
        if isinstance(loop, _LOOPS) and loop not in around
        for inner in flat([loop])
    ]
    return any(makes_anew(statement, model) for statement in [*between, *again])


def reads(value: ast.expr, names: Collection[str]) -> bool:
    """Whether an expression reads one of ``names``, source expressions."""
    return any(isinstance(node, ast.expr) and ast.unparse(node) in names for node in walk(value))
