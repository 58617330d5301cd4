"""Proof that a rewrite did what was planned, and nothing else.

The plan's changes are made a second time, to the ``ast`` of the file before,
while it is compared with the ``ast`` of the file after.
"""

from __future__ import annotations

import ast
import bisect
import warnings
from collections.abc import Sequence

from bn2gn_codemod.rewrite.changes import Changes, NewCode
from bn2gn_codemod.rewrite.located import Located, RewriteRefused, first_line, last_line
from bn2gn_codemod.sources.source_file import parse, split_lines


def check(located: Located, changes: Changes, text: str) -> None:
    """Raises ``RewriteRefused`` unless ``text`` is the planned outcome and compiles."""
    lines = split_lines(text)
    try:
        tree = parse(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(_changed_part(located, tree, lines), located.source.path, "exec")
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        where = f"line {line}: " if line else ""
        raise RewriteRefused(f"{where}the rewritten file would not compile: {error}") from None
    comparison = _Comparison(located, changes, lines)
    content = [node for code in changes.content for node in ast.parse(code.text).body]
    comparison.bodies([*located.tree.body, *content], tree.body)


def _changed_part(located: Located, tree: ast.Module, lines: list[str]) -> ast.Module:
    """The module without the statements that stood there before.

    All of a very long file takes the compiler far longer than the rewrite does.
    """
    old_lines = located.source.lines
    known = {_text(old_lines, statement) for statement in located.tree.body}
    part = [s for s in tree.body if _is_future(s) or _text(lines, s) not in known]
    return ast.Module(part, [])


def _text(lines: list[str], statement: ast.stmt) -> str:
    return "".join(lines[first_line(statement) - 1 : last_line(statement)])


def _is_future(statement: ast.stmt) -> bool:
    """It must stand above all others, so it tells whether something came before it."""
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


class _Comparison:
    def __init__(self, located: Located, changes: Changes, lines: list[str]) -> None:
        self._located = located
        self._changes = changes
        self._old_lines = located.source.lines
        self._new_lines = lines
        self._planned = sorted(
            [expression.lineno for expression in changes.expressions]
            + [statement.lineno for statement in changes.statements]
        )

    def bodies(self, old: Sequence[ast.stmt], new: Sequence[ast.stmt]) -> None:
        """Hold two blocks against each other, statement by statement."""
        remaining = list(reversed(new))
        for statement in old:
            change = self._changes.statements.get(statement)
            if change is None:
                self._statement(statement, _next(remaining, statement))
                continue
            for code in change.before:
                _inserted(code, remaining, statement)
            found = _next(remaining, statement)
            if change.guard is not None:
                found = _unguarded(found, change.guard)
            self._statement(statement, found)
            for code in change.after:
                _inserted(code, remaining, statement)
        if remaining:
            raise RewriteRefused(f"line {remaining[-1].lineno} (new): an unplanned statement")

    def _statement(self, old: ast.stmt, new: ast.stmt) -> None:
        if self._is_same_text(old, new):
            return
        change = self._changes.statements.get(old)
        if change is not None and change.branch is not None:
            assert isinstance(old, ast.If)
            self._branched(old, new, change.branch)
        else:
            self._nodes(old, new, old)

    def _is_same_text(self, old: ast.stmt, new: ast.stmt) -> bool:
        """The same lines, none of them planned, are the same syntax."""
        first, last = first_line(old), last_line(old)
        index = bisect.bisect_left(self._planned, first)
        if index < len(self._planned) and self._planned[index] <= last:
            return False
        before = self._old_lines[first - 1 : last]
        after = self._new_lines[first_line(new) - 1 : last_line(new)]
        return before == after and old.col_offset == new.col_offset

    def _branched(self, old: ast.If, new: ast.stmt, branch: str) -> None:
        """The ``elif`` chain of ``old`` with one branch more, before its ``else``."""
        if not isinstance(new, ast.If):
            raise _differs(old)
        self._nodes(old.test, new.test, old)
        self.bodies(old.body, new.body)
        following = old.orelse[0] if len(old.orelse) == 1 else None
        if isinstance(following, ast.If) and self._located.is_elif(following):
            if len(new.orelse) != 1:
                raise _differs(old)
            self._branched(following, new.orelse[0], branch)
            return
        [expected] = ast.parse(branch).body
        assert isinstance(expected, ast.If)
        match new.orelse:
            case [ast.If(test=test, body=body, orelse=orelse)]:
                if _dump([test, *body]) != _dump([expected.test, *expected.body]):
                    raise _differs(old)
                self.bodies(old.orelse, orelse)
            case _:
                raise _differs(old)

    def _nodes(self, old: object, new: object, around: ast.stmt) -> None:
        """Two parts of a statement, field by field."""
        if isinstance(old, ast.expr) and old in self._changes.expressions:
            assert isinstance(new, ast.AST)
            if _dump([self._changes.expressions[old].expected]) != _dump([new]):
                raise _differs(around)
        elif isinstance(old, list) and isinstance(new, list):
            if old and isinstance(old[0], ast.stmt):
                self.bodies(old, new)
                return
            if len(old) != len(new):
                raise _differs(around)
            for one, other in zip(old, new, strict=True):
                self._nodes(one, other, around)
        elif type(old) is not type(new):
            raise _differs(around)
        elif isinstance(old, ast.AST):
            for field in old._fields:
                self._nodes(getattr(old, field, None), getattr(new, field, None), around)
        elif old != new:
            raise _differs(around)


def _next(remaining: list[ast.stmt], statement: ast.stmt) -> ast.stmt:
    if not remaining:
        raise RewriteRefused(f"line {statement.lineno}: the rewrite would lose this statement")
    return remaining.pop()


def _inserted(code: NewCode, remaining: list[ast.stmt], statement: ast.stmt) -> None:
    for expected in ast.parse(code.text).body:
        if _dump([_next(remaining, statement)]) != _dump([expected]):
            raise _differs(statement)


def _unguarded(statement: ast.stmt, guard: str) -> ast.stmt:
    match statement:
        case ast.If(test=test, body=[inner], orelse=[]):
            if _dump([test]) == _dump([ast.parse(guard, mode="eval").body]):
                return inner
    raise _differs(statement)


def _dump(nodes: Sequence[ast.AST]) -> list[str]:
    return [ast.dump(node) for node in nodes]


def _differs(statement: ast.stmt) -> RewriteRefused:
    return RewriteRefused(f"line {statement.lineno}: the rewrite would change more than planned")
