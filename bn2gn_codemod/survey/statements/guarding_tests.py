"""The tests of the ``if`` statements that a call stands under."""

from __future__ import annotations

import ast
import functools

from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Function


@functools.cache  # the same is asked of a load for each model that it may fill
def guarding_tests(function: Function, call: ast.AST) -> tuple[ast.expr, ...]:
    """What has to be true where the call runs; what has to be false is not told."""
    return tuple(
        node.test
        for node in walk(function.node)
        if isinstance(node, ast.If) and any(call in walk(part) for part in node.body)
    )
