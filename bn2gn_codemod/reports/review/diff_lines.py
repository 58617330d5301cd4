"""A diff as numbered lines, so that a place in source can be linked to."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Literal

from bn2gn_codemod.migration import Change
from bn2gn_codemod.reports.diff import NO_NEWLINE, unified

_HUNK = re.compile(rb"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_KINDS: dict[bytes, Literal["same", "removed", "added"]] = {
    b" ": "same",
    b"-": "removed",
    b"+": "added",
}


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a diff; the numbers are those in the file before and after."""

    kind: Literal["same", "removed", "added", "hunk", "note"]
    text: str
    old: int | None = None
    new: int | None = None


@dataclasses.dataclass(frozen=True)
class FileDiff:
    """The change of one file."""

    path: str
    is_new: bool
    lines: tuple[Line, ...]

    @property
    def added(self) -> int:
        return sum(line.kind == "added" for line in self.lines)

    @property
    def removed(self) -> int:
        return sum(line.kind == "removed" for line in self.lines)


def of_change(change: Change) -> FileDiff:
    """The diff of one file, as ``bn2gn migrate --diff`` shows it."""
    diff = unified(change.path, change.before, change.after)
    return FileDiff(change.path, change.before is None, tuple(_lines(diff)))


def _lines(diff: bytes) -> Iterator[Line]:
    old = new = 0
    for raw in diff.split(b"\n")[:-1]:
        hunk = _HUNK.match(raw)
        kind = _KINDS.get(raw[:1])
        text = raw.decode("utf-8", "backslashreplace")
        if hunk:
            old, new = int(hunk.group(1)), int(hunk.group(2))
            yield Line("hunk", text)
        elif not old and not new:
            continue  # the header
        elif raw + b"\n" == NO_NEWLINE:
            yield Line("note", text[2:])
        elif kind is not None:
            yield Line(
                kind,
                text[1:],
                None if kind == "added" else old,
                None if kind == "removed" else new,
            )
            old += kind != "added"
            new += kind != "removed"
