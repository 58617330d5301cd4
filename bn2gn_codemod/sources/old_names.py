"""``x.cuda(async=True)``: a name until Python 3.6, and a keyword since."""

from __future__ import annotations

import ast
import io
import itertools
import re
import string
import tokenize
from typing import NamedTuple

_NAME = "async"
_IS_MENTIONED = re.compile(r"\basync\s*=(?!=)")
_KEYWORD_BEFORE = ("def", "for", "with")


class Respelled(NamedTuple):
    """A text with ``name`` in the place of each ``async`` that is a name; all else is as it was."""

    text: str
    name: str

    def original(self, text: str) -> str:
        """``text``, which was made of this one, with the old names again."""
        return text.replace(self.name, _NAME)


def respelled(text: str) -> Respelled | None:
    """The text as Python can read it today; ``None`` where it holds no such name."""
    if not _IS_MENTIONED.search(text):
        return None
    free = (f"asyn{letter}" for letter in string.ascii_lowercase if f"asyn{letter}" not in text)
    name = next(free, None)
    places = _places(text)
    if name is None or not places:
        return None
    lines = io.StringIO(text, newline="").readlines()
    for line, column in places:
        old = lines[line - 1]
        lines[line - 1] = old[:column] + name + old[column + len(_NAME) :]
    return Respelled("".join(lines), name)


def _places(text: str) -> list[tuple[int, int]]:
    """Line and column of each, as tokens tell: not those in strings and comments."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text, newline="").readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    return [
        token.start
        for token, following in itertools.pairwise(tokens)
        if token.string == _NAME and following.string not in _KEYWORD_BEFORE
    ]


def restore(tree: ast.Module, spelled: Respelled) -> ast.Module:
    """The tree of the respelled text, with the names that the file has."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "asname"):
            if getattr(node, field, None) == spelled.name:
                setattr(node, field, _NAME)
    return tree
