"""Whether a statement stands in a train loop of the repository's own."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.training.optimizers import Optimizers

LOOPS = (ast.For, ast.AsyncFor, ast.While)
_DEEPEST = 4  # functions between a loop and the .train() in it


def is_train_loop(statement: ast.stmt) -> bool:
    """Whether it is a loop, but not one over the modules of a model."""
    if not isinstance(statement, ast.For):
        return isinstance(statement, LOOPS)
    return not any(
        isinstance(node, ast.Attribute) and node.attr.endswith(("modules", "children"))
        for node in walk(statement.iter)
    )


def runs_in_loop(optimizers: Optimizers, scope: Scope, statement: ast.stmt, depth: int = 0) -> bool:
    """Whether a statement stands in the repository's own train loop, or right before one.

    A test trains nothing, whatever it goes through.
    """
    if scope.function.module.is_test:
        return False
    index = scope.order.index(statement)
    if any(isinstance(around, LOOPS) for around in scope.around(statement)):
        return True
    if any(is_train_loop(later) for later in scope.order[index:]):
        return True
    return depth < _DEEPEST and any(
        runs_in_loop(optimizers, outer, calling, depth + 1)
        for outer, calling, _ in optimizers.callers(scope.function)
    )
