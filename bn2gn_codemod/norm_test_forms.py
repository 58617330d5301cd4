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


def type_of(expr: ast.expr) -> ast.expr | None:
    """``m`` of ``type(m)`` and ``m.__class__``."""
    match expr:
        case ast.Call(func=ast.Name(id="type"), args=[subject]):
            return subject
        case ast.Attribute(value=subject, attr="__class__"):
            return subject
    return None


def named_class(expr: ast.expr) -> ast.expr | None:
    """``m`` of ``m.__class__.__name__``, ``type(m).__name__.lower()``, ``str(type(m))``."""
    match expr:
        case ast.Attribute(value=owner, attr="__name__" | "__qualname__"):
            return type_of(owner)
        case ast.Call(func=ast.Attribute(value=subject, attr="_get_name"), args=[]):
            return subject
        case ast.Call(func=ast.Attribute(value=owner, attr="lower" | "upper")):
            return named_class(owner)
        case ast.Call(func=ast.Name(id="str" | "repr"), args=[inner]):
            return type_of(inner)
    return None
