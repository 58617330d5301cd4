"""Source texts with ``§`` in front of each place that a plan names."""

from __future__ import annotations

import textwrap

from bn2gn_codemod.plan import Place
from bn2gn_codemod.sources import SourceFile

PATH = "net.py"


def unmark(text: str) -> tuple[SourceFile, list[Place]]:
    """The file that ``text`` (dedented, without marks) is, and the marked places."""
    places = []
    lines = textwrap.dedent(text).split("\n")
    for number, line in enumerate(lines, start=1):
        while "§" in line:
            places.append(Place(PATH, number, line.index("§") + 1))
            line = line.replace("§", "", 1)
        lines[number - 1] = line
    return SourceFile.from_bytes(PATH, "\n".join(lines).encode()), places
