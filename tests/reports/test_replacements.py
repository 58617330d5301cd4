"""Replacements: applied, they give the text after; what stays is in none of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn2gn_codemod.reports.replacements import Replacement, replacements

LINES = st.lists(st.sampled_from(["a\n", "ab\r\n", "b\r\n", "\n", "\r\n", "\r", "模\n", "c"])).map(
    "".join
)


def applied(before: str, pieces: list[Replacement]) -> str:
    for start, end, text in reversed(pieces):
        before = before[:start] + text + before[end:]
    return before


@given(before=LINES, after=LINES)
def test_applied_they_give_the_text_after(before: str, after: str) -> None:
    pieces = list(replacements(before, after))
    assert applied(before, pieces) == after
    ends = [0]
    for start, end, text in pieces:
        assert ends[-1] <= start <= end
        assert text != before[start:end]
        for index in (start, end):
            assert before[index - 1 : index + 1] != "\r\n"
        ends.append(end)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a\nb\n", "a\nb\n", []),
        ("x = nn.BatchNorm2d(64)\n", "x = get_group_norm(64)\n", [(4, 18, "get_group_norm")]),
        ("a\n", "a\nb\n", [(2, 2, "b\n")]),
        ("", "a\n", [(0, 0, "a\n")]),
        ("a\r\nb\r\n", "a\r\nc\r\nb\r\n", [(3, 3, "c\r\n")]),
    ],
)
def test_pieces(before: str, after: str, expected: list[tuple[int, int, str]]) -> None:
    assert list(replacements(before, after)) == expected
