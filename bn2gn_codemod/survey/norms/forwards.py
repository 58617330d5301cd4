"""Forward passes of norm classes of the repository, and what GroupNorm would not do of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Class

_GROUPED = (ast.Tuple, ast.List, ast.Dict, ast.ListComp, ast.GeneratorExp)
# Methods of a tensor that leave its shape and, but for rounding, its numbers.
_SAME_NUMBERS = frozenset(
    {"contiguous", "float", "half", "bfloat16", "double", "to", "type", "type_as", "clone", "cuda"}
)


def own_forward(cls: Class) -> str | None:
    """What a class does beside what its BatchNorm does to one input, in words."""
    if cls.find_method("__call__") is not None:
        return "with its own __call__"
    forward = cls.find_method("forward")
    if forward is None or isinstance(forward.node, (ast.Module, ast.Lambda)):
        return None
    arguments = forward.node.args
    given = [*arguments.posonlyargs, *arguments.args][1:]
    if len(given) > 1 or arguments.kwonlyargs:
        return "whose forward takes more than the input"
    if any(
        isinstance(node, ast.Return) and isinstance(node.value, _GROUPED)
        for node in walk(forward.node)
    ):
        return "whose forward gives more than one tensor"
    names = {one.arg for one in given}
    calls = list(_calls_of_base(forward.node))
    if calls and not set(map(id, calls)) <= set(map(id, _plain_uses(forward.node, names))):
        return "whose forward changes what goes in or comes out"
    return None


def _calls_of_base(node: ast.AST) -> Iterator[ast.Call]:
    """``super().forward(x)``, ``nn.BatchNorm2d.forward(self, x)``"""
    for inner in walk(node):
        match inner:
            case ast.Call(func=ast.Attribute(attr="forward" | "__call__")):
                yield inner


def _plain_uses(node: ast.AST, names: set[str]) -> Iterator[ast.expr]:
    """What is returned, or put into a variable, and was handed nothing but the input."""
    for inner in walk(node):
        match inner:
            case ast.Return(value=ast.expr() as value):
                call = _same_numbers(value)
            case ast.Assign(targets=[ast.Name()], value=value):
                call = _same_numbers(value)
            case _:
                continue
        if isinstance(call, ast.Call):
            rest = [one for one in call.args if not _is_name(one, {"self"})]
            if len(rest) == 1 and _is_name(_same_numbers(rest[0]), names):
                yield call


def _same_numbers(expr: ast.expr) -> ast.expr:
    """``x`` of ``x.float().contiguous()``."""
    while (
        isinstance(expr, ast.Call)
        and isinstance(expr.func, ast.Attribute)
        and expr.func.attr in _SAME_NUMBERS
    ):
        expr = expr.func.value
    return expr


def _is_name(expr: ast.expr, names: set[str]) -> bool:
    return isinstance(expr, ast.Name) and expr.id in names
