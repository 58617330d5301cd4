"""What is to change in one file: expressions and statements of its tree, not yet its text.

Each rewrite adds its part. ``pieces`` carries the changes out with LibCST, and
``safety`` holds the result against the same changes made to the ``ast``.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable

import libcst as cst


@dataclasses.dataclass(frozen=True)
class ExpressionChange:
    """How one expression is rewritten, and what must have become of it.

    ``rewrite`` gets the expression as it is after the changes inside it.
    """

    rewrite: Callable[[cst.BaseExpression], cst.BaseExpression]
    expected: ast.expr


@dataclasses.dataclass(frozen=True)
class NewCode:
    """Statements to insert, in the style of the file, below so many blank lines."""

    text: str
    blank_lines: int = 0


@dataclasses.dataclass
class StatementChange:
    """What happens around one statement, which itself stays as it is."""

    before: list[NewCode] = dataclasses.field(default_factory=list)
    after: list[NewCode] = dataclasses.field(default_factory=list)
    blank_lines_before: int = 0  # between the last statement of ``before`` and this one
    blank_lines_after: int = 0  # below the last statement of ``after``
    guard: str | None = None  # the test of an ``if`` to put around it
    branch: str | None = None  # an ``if`` to append to this ``if`` as its last ``elif``


@dataclasses.dataclass
class Changes:
    """All changes of one file."""

    expressions: dict[ast.expr, ExpressionChange] = dataclasses.field(default_factory=dict)
    statements: dict[ast.stmt, StatementChange] = dataclasses.field(default_factory=dict)
    content: list[NewCode] = dataclasses.field(default_factory=list)  # of a file without any

    def of(self, statement: ast.stmt) -> StatementChange:
        """The change of ``statement``, to add to."""
        return self.statements.setdefault(statement, StatementChange())
