"""Where text for people goes: rich, with colours on a terminal only."""

from __future__ import annotations

import os
import sys

from rich.console import Console

UNLIMITED = 100_000  # columns; what is piped into a file or grep is never wrapped


def stdout() -> Console:
    """A console on stdout. Plain when stdout is no terminal or ``NO_COLOR`` is set."""
    terminal = sys.stdout.isatty()
    plain = not terminal or bool(os.environ.get("NO_COLOR"))
    return Console(
        file=sys.stdout,
        width=None if terminal else UNLIMITED,
        color_system=None if plain else "auto",
        highlight=False,
        emoji=False,
        markup=False,
    )
