"""What has to be replaced in a text to get another one: small pieces, in order."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.sources import split_lines


class Replacement(NamedTuple):
    """``text`` in place of what lies between two indices (half open) of the text before."""

    start: int
    end: int
    text: str


def replacements(before: str, after: str) -> Iterator[Replacement]:
    """Pieces that do not overlap; a line that stays is in none of them."""
    old, new = split_lines(before), split_lines(after)
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, first, last, new_first, new_last in matcher.get_opcodes():
        if kind != "equal":
            lines = "".join(old[first:last]), "".join(new[new_first:new_last])
            yield _trimmed(starts[first], *lines)


def _trimmed(start: int, before: str, after: str) -> Replacement:
    """Without what both texts begin and end with; a ``\\r\\n`` is never cut in two."""
    head = _shared(before, after)
    if before[:head].endswith("\r"):
        head -= 1
    before, after = before[head:], after[head:]
    tail = _shared(before[::-1], after[::-1])
    if tail and before[len(before) - tail] == "\n":
        tail -= 1
    end = len(before) - tail
    return Replacement(start + head, start + head + end, after[: len(after) - tail])


def _shared(first: str, second: str) -> int:
    """How many characters both begin with."""
    pairs = zip(first, second, strict=False)
    shorter = min(len(first), len(second))
    return next((index for index, (one, other) in enumerate(pairs) if one != other), shorter)
