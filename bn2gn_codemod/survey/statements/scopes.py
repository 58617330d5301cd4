"""The statements of one function: what comes before what, and what binds an expression."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from bn2gn_codemod.plan import Place
from bn2gn_codemod.survey.syntax.nodes import all_arguments, blocks, children, flat, reads_as, walk
from bn2gn_codemod.survey.values import Function

_NOT_OWN = (ast.stmt, ast.ExceptHandler, ast.match_case, ast.Lambda)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Scope:
    """A function's own statements, each with the block that it stands in."""

    def __init__(
        self,
        function: Function,
        body: list[ast.stmt],
        calls: Sequence[tuple[ast.stmt, ast.Call]] = (),
    ) -> None:
        self.function = function
        self.body = body
        self.calls = calls  # each with the statement whose own it is, in source order
        self.order: list[ast.stmt] = list(flat(body))
        self._position: dict[ast.stmt, tuple[list[ast.stmt], int, ast.stmt | None]] = {}
        self._locate(body, None)

    @property
    def path(self) -> str:
        return self.function.module.path

    def before(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        """Statements that surely come before, nearest first: earlier ones of each block around."""
        current: ast.stmt | None = statement
        while current is not None:
            block, index, parent = self._position[current]
            yield from reversed(block[:index])
            current = parent

    def after(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements that follow in the same block."""
        block, index, _ = self._position[statement]
        return block[index + 1 :]

    def around(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        """The compound statements that a statement stands in, innermost first."""
        parent = self._position[statement][2]
        while parent is not None:
            yield parent
            parent = self._position[parent][2]

    def surely_before(self, first: ast.stmt, second: ast.stmt) -> bool:
        """Whether ``second`` is reached only after ``first``."""
        return first in set(self.before(second))

    def parameter(self, source: str) -> str | None:
        """The function's parameter of that name."""
        node = self.function.node
        if isinstance(node, ast.Module) or source == "self":
            return None
        return source if source in {argument.arg for argument in all_arguments(node.args)} else None

    def is_bound_before(self, statement: ast.stmt, source: str) -> bool:
        """Whether a statement that surely comes before assigns to the expression."""
        return any(binds(earlier, source) for earlier in self.before(statement))

    def place(self, node: ast.stmt | ast.expr) -> Place:
        """Where a node of this function stands."""
        column = self.function.module.source.column(node.lineno, node.col_offset)
        return Place(self.path, node.lineno, column)

    def _locate(self, block: list[ast.stmt], parent: ast.stmt | None) -> None:
        for index, statement in enumerate(block):
            self._position[statement] = (block, index, parent)
            if not isinstance(statement, _SCOPES):
                for inner in blocks(statement):
                    self._locate(inner, statement)


def calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """The calls in a statement's own expressions, outermost first; not those in its blocks."""
    pending: list[ast.AST] = [statement]
    for node in pending:
        if isinstance(node, ast.Call):
            yield node
        pending.extend(child for child in children(node) if not isinstance(child, _NOT_OWN))


def all_calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """The calls in a statement and in its blocks, not in functions defined there."""
    for inner in flat([statement]):
        if not isinstance(inner, _SCOPES):
            yield from calls(inner)


def assignments(statement: ast.stmt, source: str) -> Iterator[tuple[ast.stmt, ast.expr | None]]:
    """Statements in ``statement`` that assign to the expression, and what they assign.

    The value is ``None`` where it is one part of something, as in ``a, b = f()``.
    """
    for inner in flat([statement]):
        match inner:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    if reads_as(target, source):
                        yield inner, value
                    elif _has_element(target, source):
                        yield inner, None
            case ast.AnnAssign(target=target, value=value) if reads_as(target, source):
                yield inner, value
            case ast.AugAssign(target=target) if reads_as(target, source):
                yield inner, inner.value
            case ast.With(items=items) | ast.AsyncWith(items=items):
                for item in items:
                    if item.optional_vars and reads_as(item.optional_vars, source):
                        yield inner, None
            case _:
                pass


def targets_of(statement: ast.stmt, source: str) -> Iterator[ast.expr]:
    """The places in assignments where the expression is given a value, alone or with others."""
    for inner, _ in assignments(statement, source):
        for target in inner.targets if isinstance(inner, ast.Assign) else ():
            parts = [part for part in walk(target) if isinstance(part, ast.expr)]
            yield from (part for part in parts if reads_as(part, source))


def binds(statement: ast.stmt, source: str) -> bool:
    """Whether a statement, or one in its blocks, assigns to the expression."""
    return any(True for _ in assignments(statement, source))


def is_docstring(statement: ast.stmt) -> bool:
    """Whether the statement is a constant alone."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _has_element(target: ast.expr, source: str) -> bool:
    parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
    return any(reads_as(part, source) or _has_element(part, source) for part in parts)
