"""Numbers and lists of names in messages."""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 5


def listed(names: Sequence[str]) -> str:
    """A few names, and how many more there are."""
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def shapes_of(inputs: Sequence[Sequence[int]]) -> str:
    """``1x3x64x64``, of several inputs ``1x3x64x64 and 1x4``."""
    return " and ".join("x".join(map(str, shape)) for shape in inputs)


def counted(number: int, thing: str, things: str = "") -> str:
    """``1 layer``, ``2 layers``; ``things`` is the plural that is not made by an s."""
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"
