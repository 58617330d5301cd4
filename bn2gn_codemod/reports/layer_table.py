"""The table of a file's layers, for people: as rich lays it out, or plain in a pipe."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence

from bn2gn_codemod.plan import Site, Verdict

STYLES = {
    Verdict.CONVERT: "yellow",
    Verdict.KEEP: "green",
    Verdict.CONFLICT: "red",
    Verdict.UNKNOWN: "magenta",
}
# The findings that say of a layer what its row in the table says already.
RESTATES = {Verdict.CONVERT: "BN101", Verdict.CONFLICT: "BN102", Verdict.UNKNOWN: "BN103"}
_HEADINGS = ("line", "class", "attribute", "norm", "verdict", "rule", "reason")
_GAP = 2  # spaces between columns


def layer_tables(sites: Sequence[Site]) -> Iterator[str]:
    """One table for each file, headed by its path."""
    for path, in_file in itertools.groupby(sites, key=lambda site: site.place.path):
        groups = list(_alike(in_file))
        # A pipe wants neither colours nor wrapping, and so no time spent on rich.
        shown = _laid_out(path, groups) if sys.stdout.isatty() else _plain(path, groups)
        yield "\n".join(line.rstrip() for line in shown)


def _alike(sites: Iterable[Site]) -> Iterator[list[Site]]:
    """Neighbours of one class with one verdict for the same reasons."""
    for _, group in itertools.groupby(
        sites, key=lambda site: (site.class_, site.norm, site.verdict, site.reasons)
    ):
        yield list(group)


def _row(group: Sequence[Site]) -> tuple[str, ...]:
    first = group[0]
    return (
        _joined(str(site.place.line) for site in group),
        first.class_,
        _joined(site.attribute for site in group),
        first.norm,
        str(first.verdict),
        RESTATES.get(first.verdict, ""),
        "; ".join(first.reasons),
    )


def _joined(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(filter(None, words)))


def _plain(path: str, groups: Sequence[Sequence[Site]]) -> Iterator[str]:
    rows = [_HEADINGS, *map(_row, groups)]
    widths = [max(map(len, column)) + _GAP for column in zip(*rows, strict=True)]
    yield path
    for row in rows:
        yield "".join(map(str.ljust, row, widths))


def _laid_out(path: str, groups: Sequence[Sequence[Site]]) -> list[str]:
    from rich.table import Table
    from rich.text import Text

    from bn2gn_codemod.reports import console

    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    for heading in _HEADINGS:
        table.add_column(heading, overflow="fold")
    for group in groups:
        verdict = group[0].verdict
        table.add_row(
            *(Text(cell, style=STYLES[verdict] if cell == verdict else "") for cell in _row(group))
        )
    out = console.stdout()
    with out.capture() as shown:
        out.print(Text(path, style="bold"), table, sep="\n")
    return shown.get().splitlines()
