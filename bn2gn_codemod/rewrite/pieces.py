"""Carrying out changes: the smallest pieces of source that hold them go through LibCST.

A piece is an expression or a group of whole lines. Everything between the
pieces is copied, so its bytes cannot change, and its size does not matter.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence

import libcst as cst

from bn2gn_codemod.rewrite.changes import Changes, ExpressionChange, NewCode, StatementChange
from bn2gn_codemod.rewrite.located import Located, RewriteRefused, first_line

_WRAPPER = "if 1:"  # gives an indented piece a block to stand in


@dataclasses.dataclass(frozen=True)
class Piece:
    """A half-open span of the text and how it is rewritten."""

    start: int
    end: int
    rewrite: Callable[[str], str]


def carry_out(located: Located, changes: Changes) -> str:
    """The file's new text; raises ``RewriteRefused`` where LibCST cannot follow."""
    pieces = [
        *_expression_pieces(located, changes.expressions),
        *_statement_pieces(located, changes.statements),
    ]
    pieces.sort(key=lambda piece: (piece.start, -piece.end))
    text = located.source.text
    return _splice(text, 0, len(text), pieces) + _content(located, changes)


def _content(located: Located, changes: Changes) -> str:
    """What is written into a file that holds no statement, below its comments."""
    newline, text = located.style.newline, located.source.text
    parts = [newline] if text and not text.endswith(("\n", "\r")) and changes.content else []
    for code in changes.content:
        is_first = not text and not parts
        parts += [newline * (0 if is_first else code.blank_lines), code.text]
    return "".join(parts)


def _splice(text: str, start: int, end: int, pieces: Sequence[Piece]) -> str:
    """``text[start:end]`` with ``pieces`` (sorted, inside it) rewritten, inner ones first."""
    parts, done, index = [], start, 0
    while index < len(pieces):
        piece = pieces[index]
        inside = index + 1
        while inside < len(pieces) and pieces[inside].start < piece.end:
            inside += 1
        if any(inner.end > piece.end for inner in pieces[index + 1 : inside]):
            raise RewriteRefused("two planned edits overlap")
        content = _splice(text, piece.start, piece.end, pieces[index + 1 : inside])
        parts += [text[done : piece.start], piece.rewrite(content)]
        done, index = piece.end, inside
    return "".join([*parts, text[done:end]])


# ---------------------------------------------------------------- expressions


def _expression_pieces(
    located: Located, expressions: dict[ast.expr, ExpressionChange]
) -> Iterator[Piece]:
    for node, change in expressions.items():
        start, end = located.source.span(node)

        def rewrite(text: str, change: ExpressionChange = change) -> str:
            return _rewrite_expression(text, change, located.style.newline)

        yield Piece(start, end, rewrite)


def _rewrite_expression(text: str, change: ExpressionChange, newline: str) -> str:
    config = cst.PartialParserConfig(default_newline=newline)
    module = cst.Module([], default_newline=newline)
    # The parentheses let an expression run over several lines, as it may in its file.
    try:
        parenthesised = cst.parse_expression(f"({text})", config)
    except cst.ParserSyntaxError:
        raise _unreadable(text) from None
    node = parenthesised.with_changes(lpar=parenthesised.lpar[1:], rpar=parenthesised.rpar[:-1])
    if module.code_for_node(node) != text:
        raise _unreadable(text)
    return module.code_for_node(change.rewrite(node))


# ---------------------------------------------------------------- statements


def _statement_pieces(
    located: Located, statements: dict[ast.stmt, StatementChange]
) -> Iterator[Piece]:
    groups: dict[ast.stmt, tuple[list[ast.stmt], dict[ast.stmt, StatementChange]]] = {}
    for statement, change in statements.items():
        group = located.line_group(statement)
        groups.setdefault(group[0], (group, {}))[1][statement] = change
    for group, changes in groups.values():
        source = located.source
        start = source.offset(first_line(group[0]), 1)
        last = located.lines_end(group[-1])
        end = source.offset(last, 1) + len(source.lines[last - 1])
        ordinals = {node: number for number, node in enumerate(_in_source_order(group))}
        numbered = {ordinals[statement]: change for statement, change in changes.items()}

        def rewrite(
            text: str,
            numbered: dict[int, StatementChange] = numbered,
            indentation: str = located.indentation(group[0]),
        ) -> str:
            return _rewrite_lines(text, numbered, indentation, located)

        yield Piece(start, end, rewrite)


def _rewrite_lines(
    text: str, changes: dict[int, StatementChange], indentation: str, located: Located
) -> str:
    style = located.style
    newline = style.newline
    wrapper = _WRAPPER + newline if indentation.strip("\f") else ""
    if not wrapper and text.startswith("\f"):
        return _behind_form_feeds(text, changes, located)
    config = cst.PartialParserConfig(default_newline=newline)
    try:
        module = cst.parse_module(wrapper + text, config)
    except cst.ParserSyntaxError:
        raise _unreadable(text) from None
    if module.code != wrapper + text:
        raise _unreadable(text)
    transformer = _EditStatements(changes, style.indent, newline, first=-1 if wrapper else 0)
    result = module.visit(transformer).code.removeprefix(wrapper)
    blank = sum(change.blank_lines_after for change in changes.values())
    if blank and not result.endswith(("\n", "\r")):
        return result
    return result + newline * blank


def _behind_form_feeds(text: str, changes: dict[int, StatementChange], located: Located) -> str:
    """LibCST loses a form feed in front of a statement: it is left out and put back there."""
    statement = text.lstrip("\f")
    result = _rewrite_lines(statement, changes, "", located)
    first_line = statement.splitlines()[0]
    at = re.search(rf"^{re.escape(first_line)}", result, re.MULTILINE)
    if at is None:
        raise _unreadable(text)
    form_feeds = text[: len(text) - len(statement)]
    return result[: at.start()] + form_feeds + result[at.start() :]


def _in_source_order(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in statements:
        yield statement
        for block in _blocks(statement):
            yield from _in_source_order(block)


def _blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        part = getattr(node, field, None)
        if isinstance(part, list) and part and isinstance(part[0], ast.stmt):
            yield part
        elif isinstance(part, list):
            for inner in part:
                yield from _blocks(inner)


class _EditStatements(cst.CSTTransformer):
    """Inserts around the addressed statements, and wraps them, by their ordinal."""

    def __init__(
        self, changes: dict[int, StatementChange], indent: str, newline: str, first: int
    ) -> None:
        super().__init__()
        self._changes = changes
        self._indent = indent
        self._newline = newline
        self._next = first
        self._ordinals: dict[cst.CSTNode, int] = {}

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, (cst.BaseSmallStatement, cst.BaseCompoundStatement)):
            self._ordinals[node] = self._next
            self._next += 1
        return not isinstance(
            node,
            (cst.BaseSmallStatement, cst.BaseExpression, cst.BaseParenthesizableWhitespace),
        )

    def on_leave(  # type: ignore[override]
        self, original: cst.CSTNode, updated: cst.CSTNode
    ) -> cst.CSTNode | cst.FlattenSentinel[cst.BaseStatement]:
        if isinstance(original, cst.SimpleStatementLine):
            assert isinstance(updated, cst.SimpleStatementLine)
            lines = self._split(original, updated)
            return cst.FlattenSentinel(lines) if lines else updated
        if isinstance(original, cst.SimpleStatementSuite):
            assert isinstance(updated, cst.SimpleStatementSuite)
            return self._as_block(original, updated)
        if not isinstance(updated, cst.BaseCompoundStatement):
            return updated
        change = self._changes.get(self._ordinals[original])
        if change is None:
            return updated
        if change.branch is not None:
            assert isinstance(updated, cst.If)
            updated = _with_last_branch(updated, self._parse(NewCode(change.branch))[0])
        if change == StatementChange(branch=change.branch):
            return updated  # perhaps an elif, which stands in no block
        return cst.FlattenSentinel(self._around(updated, change))

    def _split(
        self,
        original: cst.SimpleStatementLine | cst.SimpleStatementSuite,
        line: cst.SimpleStatementLine,
    ) -> list[cst.BaseStatement]:
        """``line`` cut where something comes in between; empty if none of it changes."""
        found = [self._changes.get(self._ordinals[small]) for small in original.body]
        if not any(found):
            return []
        runs: list[tuple[list[cst.BaseSmallStatement], StatementChange]] = []
        is_cut = True
        for small, change in zip(line.body, found, strict=True):
            change = change or StatementChange()
            if is_cut or change.before or change.guard is not None:
                runs.append(([], dataclasses.replace(change, after=[])))
            statements, around = runs[-1]
            statements.append(small)
            around.after += change.after
            is_cut = bool(change.after) or change.guard is not None
        result: list[cst.BaseStatement] = []
        for index, (statements, around) in enumerate(runs):
            part = cst.SimpleStatementLine(statements)
            if index == 0:
                part = part.with_changes(leading_lines=line.leading_lines)
            if index == len(runs) - 1:
                part = part.with_changes(trailing_whitespace=line.trailing_whitespace)
            else:
                last = statements[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
                part = part.with_changes(body=[*statements[:-1], last])
            result += self._around(part, around)
        return result

    def _around(
        self, statement: cst.BaseStatement, change: StatementChange
    ) -> list[cst.BaseStatement]:
        if change.guard is not None:
            block = cst.IndentedBlock([statement], indent=self._indent)
            statement = cst.If(cst.parse_expression(change.guard), block)
        if change.blank_lines_before:
            blank = [cst.EmptyLine(indent=False)] * change.blank_lines_before
            statement = statement.with_changes(leading_lines=blank)
        return [
            *(new for code in change.before for new in self._parse(code)),
            statement,
            *(new for code in change.after for new in self._parse(code)),
        ]

    def _as_block(
        self, original: cst.SimpleStatementSuite, updated: cst.SimpleStatementSuite
    ) -> cst.BaseSuite:
        """``if x: a`` with ``a`` on a line of its own, if something is to stand beside it."""
        line = cst.SimpleStatementLine(
            updated.body, trailing_whitespace=updated.trailing_whitespace
        )
        lines = self._split(original, line)
        return cst.IndentedBlock(lines, indent=self._indent) if lines else updated

    def _parse(self, code: NewCode) -> list[cst.BaseStatement]:
        # What comes first in a module would give its blank lines and comments to the header.
        config = cst.PartialParserConfig(default_newline=self._newline)
        module = cst.parse_module(f"pass{self._newline}{code.text}", config)
        explicit = module.visit(_ExplicitIndent(module.default_indent))
        first, *rest = explicit.body[1:]
        assert isinstance(first, (cst.SimpleStatementLine, cst.BaseCompoundStatement))
        blank = [cst.EmptyLine(indent=False)] * code.blank_lines
        return [first.with_changes(leading_lines=[*blank, *first.leading_lines]), *rest]


class _ExplicitIndent(cst.CSTTransformer):
    """Blocks that keep their indentation when they move into another module."""

    def __init__(self, indent: str) -> None:
        super().__init__()
        self._indent = indent

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:
        return False

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        return updated_node.with_changes(indent=updated_node.indent or self._indent)


def _with_last_branch(node: cst.If, branch: cst.BaseStatement) -> cst.If:
    assert isinstance(branch, cst.If)
    if isinstance(node.orelse, cst.If):
        return node.with_changes(orelse=_with_last_branch(node.orelse, branch))
    return node.with_changes(orelse=branch.with_changes(orelse=node.orelse))


def _unreadable(text: str) -> RewriteRefused:
    first = text.strip().splitlines()[0]
    return RewriteRefused(f"LibCST cannot reproduce the code that begins with {first}")
