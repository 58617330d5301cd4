"""The syntax tree of a module with the way up from every node."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import children, walk
from bn2gn_codemod.survey.values import Function

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Tree:
    """A module's syntax tree with the way up from every node.

    It is made one top-level statement at a time, for few of them hold tests.
    """

    def __init__(self, flow: Flow, module: Module) -> None:
        self._flow = flow
        self.module = module
        self._parent: dict[ast.AST, ast.AST] = {}

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node around ``node``; ``None`` for the module."""
        if node not in self._parent:
            line = getattr(node, "lineno", None)
            if line is None:
                return None
            body = self.module.tree.body
            for statement in [s for s in body if _spans(s, line)]:
                self._grow(statement)
            if node not in self._parent:
                # Before Python 3.12 the lines inside of an f-string may be wrong.
                for statement in body:
                    self._grow(statement)
        return self._parent[node]

    def _grow(self, top: ast.stmt) -> None:
        self._parent[top] = self.module.tree
        for node in walk(top):
            for child in children(node):
                self._parent[child] = node

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around ``node``, innermost first."""
        parent = self.parent(node)
        while parent is not None:
            yield parent
            parent = self.parent(parent)

    def statement(self, node: ast.AST) -> ast.stmt:
        """The innermost statement around ``node``."""
        if isinstance(node, ast.stmt):
            return node
        return next(above for above in self.above(node) if isinstance(above, ast.stmt))

    def function(self, node: ast.AST) -> Function:
        """The function that ``node`` runs in, or the module's top level."""
        for above in self.above(node):
            if isinstance(above, SCOPES) and above in self._flow.function_of:
                return self._flow.function_of[above]
        return self._flow.top_level[self.module.path]

    def following(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements after ``statement`` in its block."""
        holder = self.parent(statement)
        for field in ("body", "orelse", "finalbody"):
            block = getattr(holder, field, None)
            if isinstance(block, list) and statement in block:
                return block[block.index(statement) + 1 :]
        return []


def _spans(statement: ast.stmt, line: int) -> bool:
    first = statement.lineno
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        first = min([first, *(decorator.lineno for decorator in statement.decorator_list)])
    return first <= line <= (statement.end_lineno or first)
