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
    text = dotted(expr)
    if text is None:
        return None
    inner: ast.stmt | None = None
    for block, index in reversed(blocks_around(scope, at)):
        if inner is not None and _gives_before(block[index], text):
            return None
        inner = block[index]
        for statement in reversed(block[:index]):
            match statement:
                case ast.Assign(targets=[target], value=value) if dotted(target) == text:
                    return value
            if _may_give(statement, text):
                return None
    return None


def _gives_before(around: ast.stmt, text: str) -> bool:
    """Whether a compound statement stores something there before its block, or between rounds."""
    if isinstance(around, (ast.For, ast.AsyncFor, ast.While)):
        return any(_is_store(node, text) for node in walk(around))
    return text.partition(".")[0] in bound_names(around)


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
