"""Statements with which a function ends, or the whole script."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.syntax.nodes import call_name

_EXITS = frozenset({"exit", "_exit", "quit"})


def ends_function(statement: ast.stmt) -> bool:
    """Whether nothing after the statement runs: ``return``, ``raise``, ``sys.exit()``."""
    match statement:
        case ast.Return() | ast.Raise():
            return True
        case ast.Expr(value=ast.Call() as call):
            return call_name(call) in _EXITS
        case _:
            return False
