"""Forms in which code tells BatchNorm from other layers. Pure questions on ``ast``."""

from __future__ import annotations

import ast

_NEGATIVE = (ast.NotEq, ast.NotIn, ast.IsNot)


def is_negative(node: ast.expr) -> bool:
    """Whether the test is true of everything *but* the norm."""
    match node:
        case ast.Compare(
            left=ast.Call(func=ast.Attribute(attr="find" | "rfind" | "count")),
            ops=[operator],
        ):
            return isinstance(operator, (ast.Eq, ast.Lt, ast.LtE, ast.Is))
        case ast.Compare(ops=[operator]):
            return isinstance(operator, _NEGATIVE)
    return False
