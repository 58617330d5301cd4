"""Text, for people: what was found, by file and class, and a summary line."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import click

from bn2gn_codemod.plan import Finding, Plan, Site, Verdict

STYLES = {
    Verdict.CONVERT: "yellow",
    Verdict.KEEP: "green",
    Verdict.CONFLICT: "red",
    Verdict.UNKNOWN: "magenta",
}


def check(plan: Plan) -> None:
    """A table for each file, the findings that are not about one of its layers, a summary."""
    if plan.sites:
        _tables(plan.sites)
    places = {site.place for site in plan.sites}
    for finding in plan.findings:
        if finding.place not in places:
            click.echo(_line(finding))
    _settling(plan.sites)
    if plan.sites or plan.findings:
        click.echo()
    click.echo(summary(plan))


def explanation(sites: Iterable[Site]) -> None:
    """For each site its verdict, and every piece of evidence that led to it."""
    for site in sites:
        where = ".".join(filter(None, (site.class_, site.attribute)))
        click.echo(f"{site.place}: {site.norm}{f' in {where}' if where else ''}: {site.verdict}")
        for heading, lines in (
            ("because", site.reasons),
            ("evidence", site.evidence),
            ("any one of these settles it", site.settles),
        ):
            if lines:
                click.echo(f"  {heading}:")
                click.echo("".join(f"    {line}\n" for line in lines), nl=False)


def summary(plan: Plan) -> str:
    """One line: how many layers of each verdict, and what there is to do."""
    layers = ", ".join(f"{plan.count(verdict)} {verdict}" for verdict in Verdict)
    fixable = sum(finding.fixable for finding in plan.findings)
    parts = [
        f"{_counted(len(plan.sites), 'layer')}: {layers}" if plan.sites else "no norm layers",
        f"{_counted(len(plan.findings), 'finding')}, {fixable} fixable with bn2gn migrate"
        if plan.findings
        else "no findings",
    ]
    if plan.skipped:
        parts.append(f"{_counted(len(plan.skipped), 'file')} skipped")
    return "; ".join(parts)


def _tables(sites: Sequence[Site]) -> None:
    from rich.table import Table
    from rich.text import Text

    from bn2gn_codemod.reports import console

    out = console.stdout()
    for path, in_file in itertools.groupby(sites, key=lambda site: site.place.path):
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for heading in ("line", "class", "attribute", "norm", "verdict", "reason"):
            table.add_column(heading, overflow="fold")
        for group in _alike(in_file):
            first = group[0]
            table.add_row(
                _joined(str(site.place.line) for site in group),
                Text(first.class_),
                Text(_joined(site.attribute for site in group)),
                Text(first.norm),
                Text(str(first.verdict), style=STYLES[first.verdict]),
                Text("; ".join(first.reasons)),
            )
        out.print(Text(path, style="bold"))
        out.print(table)
        out.print()


def _alike(sites: Iterable[Site]) -> Iterator[list[Site]]:
    """Neighbours of one class with one verdict for the same reasons."""
    for _, group in itertools.groupby(
        sites, key=lambda site: (site.class_, site.norm, site.verdict, site.reasons)
    ):
        yield list(group)


def _joined(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(filter(None, words)))


def _line(finding: Finding) -> str:
    fixable = " [fixable]" if finding.fixable else ""
    return f"{finding.place}: {finding.code} {finding.message}{fixable}"


def _settling(sites: Iterable[Site]) -> None:
    """The lines that would settle what is undecided, each once, with where it applies."""
    for site in sites:
        if site.verdict in (Verdict.CONFLICT, Verdict.UNKNOWN) and site.settles:
            click.echo(f"{site.place}: any one of these settles it:")
            click.echo("".join(f"    {line}\n" for line in site.settles), nl=False)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
