"""What a name or an attribute was given last, where that is plain to see."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.statements.run_conditions import blocks_around
from bn2gn_codemod.survey.syntax.nodes import bound_names, call_name, dotted, walk


def newest_value(scope: ast.AST, at: ast.expr, expr: ast.expr) -> ast.expr | None:
    """What ``expr`` was given before ``at`` on every way there; ``None`` if that is open.

    ``self.bn1 = nn.BatchNorm2d(64)`` and then ``init(self.bn1)``: what other branches
    store in the attribute is not what is handed over here.
    """
    found = newest_values(scope, at, expr)
    return found[0] if len(found) == 1 else None


def newest_values(scope: ast.AST, at: ast.expr, expr: ast.expr) -> list[ast.expr]:
    """All that ``expr`` may have been given last before ``at``; nothing if any of it is open.

    That is one value, but where a loop around gives it another one for its next round.
    """
    text = dotted(expr)
    if text is None:
        return []
    found: list[ast.expr] = []
    inner: ast.stmt | None = None
    for block, index in reversed(blocks_around(scope, at)):
        if inner is not None:
            given = _given_around(block[index], text)
            if given is None:
                return []
            found += given
        inner = block[index]
        for statement in reversed(block[:index]):
            match statement:
                case ast.Assign(targets=[target], value=value) if dotted(target) == text:
                    return [value, *found]
            if _may_give(statement, text):
                return []
    return []


def _given_around(around: ast.stmt, text: str) -> list[ast.expr] | None:
    """What a compound statement stores there before its block, or between rounds.

    ``None``: it is open what that is.
    """
    if text.partition(".")[0] in bound_names(around):
        return None
    if not isinstance(around, (ast.For, ast.AsyncFor, ast.While)):
        return []
    nodes = walk(around)
    given = [
        node.value
        for node in nodes
        if isinstance(node, ast.Assign) and [dotted(one) for one in node.targets] == [text]
    ]
    return given if len(given) == sum(_is_store(node, text) for node in nodes) else None


def _is_store(node: ast.AST, text: str) -> bool:
    if not isinstance(node, (ast.Name, ast.Attribute)) or not isinstance(node.ctx, ast.Store):
        return False
    return text.startswith(dotted(node) or text)


def _may_give(statement: ast.stmt, text: str) -> bool:
    """Whether a statement stores something there, or calls a method that may."""
    root = text.partition(".")[0]
    for node in walk(statement):
        if _is_store(node, text):
            return True
        if isinstance(node, ast.Call):
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            if call_name(node) == "setattr" or (owner is not None and dotted(owner) == root):
                return True
    return False
