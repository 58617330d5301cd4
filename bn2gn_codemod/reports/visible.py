"""Text that shows what it holds: no character of it is hidden, or does anything."""

from __future__ import annotations

import unicodedata

# Control characters, format characters (those that turn the direction of a line
# among them), lone surrogates, and separators that end a line somewhere else.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def visible(text: str) -> str:
    """``text`` with hidden characters written as Python writes them (``\\u202e``).

    Tabs and line feeds stay. A name or a line of somebody's source can then
    neither steer a terminal nor show a reviewer another order than Python reads.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character in "\t\n" or not _is_hidden(character) else ascii(character)[1:-1]
        for character in text
    )


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN
