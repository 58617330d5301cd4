"""Loops that may end before they have gone over all that they go over.

``if start >= weights.size: break``, ``blocks[:cutoff]``, ``while start < weights.size``. Such a
loop may also pass by the rest of it: ``if start < weights.size: fill(block)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.syntax.nodes import call_name, walk

_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def early_end(
    loop: ast.For | ast.While, node: ast.AST, parameters: frozenset[str]
) -> ast.stmt | None:
    """What may keep a loop from coming to ``node`` for all that it goes over.

    ``parameters`` are what callers give: how far ``range(count)`` goes is theirs to say.
    """
    if isinstance(loop, ast.While):
        if not isinstance(loop.test, ast.Constant):
            return loop
    elif any(_is_cut(inner, parameters) for inner in walk(loop.iter)):
        return loop
    for statement, around in _branches(loop.body, ()):
        tests = [one for one in around if isinstance(one, ast.If)]
        is_counted = any(_counts(one.test) for one in tests)
        if isinstance(statement, (ast.Break, ast.Return, ast.Continue)):
            if is_counted or (
                not isinstance(statement, ast.Continue) and _ends(statement, around, node)
            ):
                return tests[-1] if tests else statement
        elif is_counted and _holds(statement, node):
            return tests[-1]
    return None


def _ends(statement: ast.stmt, around: tuple[ast.AST, ...], node: ast.AST) -> bool:
    """Whether a loop is left before it comes to a node, or for failing there.

    What follows a match ends the search for one layer: ``if key == name: fill(layer); break``.
    """
    if any(isinstance(one, ast.ExceptHandler) for one in around):
        return True
    is_before = statement.lineno < getattr(node, "lineno", 0)
    return is_before and bool(around) and not any(_holds(one, node) for one in around)


def _branches(
    block: list[ast.stmt], around: tuple[ast.AST, ...]
) -> Iterator[tuple[ast.stmt, tuple[ast.AST, ...]]]:
    """The statements of a loop's body that are no branches, and those that they stand in.

    What leaves an inner loop stays in this one.
    """
    for statement in block:
        inner = [statement, *getattr(statement, "handlers", ())]
        if isinstance(statement, (ast.If, ast.Try, ast.With)):
            for part in inner:
                for field in ("body", "orelse", "finalbody"):
                    yield from _branches(getattr(part, field, []), (*around, part))
        else:
            yield statement, around


def _holds(part: ast.AST, node: ast.AST) -> bool:
    return any(inner is node for inner in walk(part))


def _counts(test: ast.expr) -> bool:
    """Whether a test asks how far something is: ``start >= weights.size``"""
    return any(
        isinstance(one, ast.Compare)
        and any(isinstance(operator, _ORDER) for operator in one.ops)
        and any(isinstance(side, ast.Name) for side in (one.left, *one.comparators))
        for one in walk(test)
    )


def _is_cut(expr: ast.AST, parameters: frozenset[str]) -> bool:
    """``blocks[:cutoff]``, ``islice(blocks, 3)``, ``range(cutoff)``

    What is left out at the end of what a call gives is a last layer: ``list(net.children())[:-1]``.
    """
    match expr:
        case ast.Subscript(value=ast.Call(), slice=ast.Slice(upper=ast.UnaryOp())):
            return False
        case ast.Subscript(slice=ast.Slice(upper=ast.expr())):
            return True
        case ast.Call() if call_name(expr) == "range":
            return any(isinstance(one, ast.Name) and one.id in parameters for one in expr.args)
        case ast.Call():
            return call_name(expr) == "islice"
        case _:
            return False
