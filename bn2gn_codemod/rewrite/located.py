"""Where a plan's places lie in a file: lines and columns to nodes of its syntax tree."""

from __future__ import annotations

import ast
import bisect
import collections
import functools
import re
from collections.abc import Iterator
from typing import TypeGuard

from bn2gn_codemod.generated.style import Style
from bn2gn_codemod.plan import Place
from bn2gn_codemod.sources import SourceFile

_LINE_START = re.compile(r"[ \t\f]*")


class RewriteRefused(Exception):
    """A file is left as it is; the message is one line and says why."""


class Located:
    """The statements of one file and what stands at a line and column of it."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.tree = source.tree
        self.siblings: dict[ast.stmt, list[ast.stmt]] = {}
        self.parent: dict[ast.stmt, ast.stmt | None] = {}
        self._children: dict[ast.stmt | None, list[ast.stmt]] = collections.defaultdict(list)
        self._by_line: dict[int, list[ast.stmt]] = collections.defaultdict(list)
        for parent, body in _bodies(self.tree):
            for statement in body:
                self.siblings[statement] = body
                self.parent[statement] = parent
                self._children[parent].append(statement)
                self._by_line[statement.lineno].append(statement)

    # ------------------------------------------------------------ places

    def statement_at(self, place: Place, *kinds: type[ast.stmt]) -> ast.stmt:
        """The statement that begins at ``place`` (a decorated one: at its keyword)."""
        for statement in self._by_line.get(place.line, ()):
            if self._begins(statement, place) and (not kinds or isinstance(statement, kinds)):
                return statement
        raise RewriteRefused(f"line {place.line}: the planned statement is not there")

    def expressions_at(self, place: Place) -> list[tuple[ast.expr, ast.AST]]:
        """Every expression that begins at ``place`` with its parent, outermost first."""
        found = [
            (node, parent)
            for parent, node in _expressions(self.enclosing_statement(place))
            if node.lineno == place.line and self._begins(node, place)
        ]
        if not found:
            raise RewriteRefused(f"line {place.line}: the planned expression is not there")
        return found

    def enclosing_statement(self, place: Place) -> ast.stmt:
        """The innermost statement around ``place``."""
        around: ast.stmt | None = None
        while (inner := self._child_around(around, place)) is not None:
            around = inner
        if around is None:
            raise RewriteRefused(f"line {place.line}: the planned expression is not there")
        return around

    def _child_around(self, parent: ast.stmt | None, place: Place) -> ast.stmt | None:
        children = self._children[parent]
        if not children or place.line > len(self.source.lines):
            return None
        offset = self.source.offset(place.line, place.column)
        index = bisect.bisect_right(children, place.line, key=first_line)
        for child in reversed(children[:index]):
            if last_line(child) < place.line:
                return None
            start, end = self.source.span(child)
            if first_line(child) < child.lineno:  # decorators stand above the span
                start = self.source.offset(first_line(child), 1)
            if start <= offset < end:
                return child
        return None

    def _begins(self, node: ast.expr | ast.stmt, place: Place) -> bool:
        return self.source.column(node.lineno, node.col_offset) == place.column

    # ------------------------------------------------------------ lines

    def line_group(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements that fill whole lines with ``statement``: what can be cut out.

        Usually it alone; ``a; b`` together; for ``if x: a`` the ``if``.
        """
        parent = self.parent[statement]
        if parent is not None and self.is_elif(statement):
            return self.line_group(parent)
        body = self.siblings[statement]
        index = body.index(statement)
        first = last = index
        while first > 0 and last_line(body[first - 1]) == first_line(body[first]):
            first -= 1
        while last + 1 < len(body) and last_line(body[last]) == first_line(body[last + 1]):
            last += 1
        start, _ = self.source.span(body[first])
        line = self.source.lines[body[first].lineno - 1]
        if line[: start - self.source.offset(body[first].lineno, 1)].strip(" \t\f"):
            if parent is None:
                raise RewriteRefused(f"line {statement.lineno}: the line cannot be understood")
            return self.line_group(parent)
        return body[first : last + 1]

    def is_elif(self, statement: ast.stmt) -> bool:
        """Whether ``statement`` is an ``elif``, to ``ast`` an ``if`` of its own."""
        return isinstance(statement, ast.If) and self.source.text.startswith(
            "elif", self.source.span(statement)[0]
        )

    def indentation(self, statement: ast.stmt) -> str:
        """The white space in front of ``statement``, which begins its line."""
        match = _LINE_START.match(self.source.lines[first_line(statement) - 1])
        assert match is not None
        return match.group()

    def lines_end(self, statement: ast.stmt) -> int:
        """The last line of ``statement`` with the comments that belong to its last block."""
        last = last_line(statement)
        if not hasattr(statement, "body"):
            return last
        indentation = len(self.indentation(statement).expandtabs())
        for number in range(last + 1, len(self.source.lines) + 1):
            line = self.source.lines[number - 1].expandtabs()
            if not line.strip():
                continue
            if not line.lstrip().startswith("#"):
                break
            if len(line) - len(line.lstrip()) <= indentation:
                break
            last = number
        return last

    # ------------------------------------------------------------ style and names

    @functools.cached_property
    def style(self) -> Style:
        """How most of the file is indented and quoted, and how its lines end."""
        text = self.source.text
        steps = collections.Counter(
            self.source.lines[first_line(statement) - 1][outer : statement.col_offset]
            for statement, parent in self.parent.items()
            if parent is not None
            and first_line(statement) > parent.lineno
            and (outer := parent.col_offset) < statement.col_offset
        )
        steps = collections.Counter({k: n for k, n in steps.items() if not k.strip(" \t")})
        newlines = collections.Counter(
            line[len(line.rstrip("\r\n")) :] for line in self.source.lines
        )
        newlines.pop("", None)
        return Style(
            indent=steps.most_common(1)[0][0] if steps else "    ",
            newline=newlines.most_common(1)[0][0] if newlines else "\n",
            quote='"' if text.count('"') - 3 * text.count('"""') > text.count("'") else "'",
        )

    @functools.cached_property
    def bound(self) -> dict[str, ast.stmt]:
        """The names that the module's own statements bind, each with the last that does."""
        return {
            name: statement
            for statement in self.parent
            if all(not is_scope(s) for s in self.ancestors(statement))
            for name in bound_by(statement)
        }

    def ancestors(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        """The statements around ``statement``, innermost first."""
        parent = self.parent[statement]
        while parent is not None:
            yield parent
            parent = self.parent[parent]


def first_line(statement: ast.stmt) -> int:
    """The line that ``statement`` begins on, decorators included."""
    if is_scope(statement) and statement.decorator_list:
        return min(statement.lineno, statement.decorator_list[0].lineno)
    return statement.lineno


def last_line(statement: ast.stmt) -> int:
    """The line that ``statement`` ends on."""
    return statement.end_lineno or statement.lineno


def is_scope(
    node: ast.AST,
) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Whether ``node`` has a namespace of its own."""
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))


def _bodies(tree: ast.Module) -> Iterator[tuple[ast.stmt | None, list[ast.stmt]]]:
    """Every list of statements, in source order, with the statement that it is a block of."""
    pending: list[tuple[ast.AST, ast.stmt | None]] = [(tree, None)]
    while pending:
        holder, owner = pending.pop()
        parts: list[tuple[ast.AST, ast.stmt | None]] = []
        for field in ("body", "handlers", "cases", "orelse", "finalbody"):
            block = getattr(holder, field, None)
            if not isinstance(block, list) or not block:
                continue
            if isinstance(block[0], ast.stmt):
                yield owner, block
                parts.extend((statement, statement) for statement in block)
            else:
                parts.extend((part, owner) for part in block)
        pending.extend(reversed(parts))


def _expressions(statement: ast.stmt) -> Iterator[tuple[ast.AST, ast.expr]]:
    """The expressions of ``statement`` itself with their parents, outer before inner."""
    pending = collections.deque[ast.AST]([statement])
    while pending:
        parent = pending.popleft()
        for child in ast.iter_child_nodes(parent):
            if isinstance(child, ast.stmt):
                continue
            if isinstance(child, ast.expr):
                yield parent, child
            pending.append(child)


def bound_by(statement: ast.stmt) -> Iterator[str]:
    """The names that ``statement`` itself, not its blocks, binds in its scope."""
    match statement:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                yield alias.asname or alias.name.split(".")[0]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case _:
            for _, node in _expressions(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id
