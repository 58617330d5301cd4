"""Text, for people: what was found, by file and class, and a summary line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from bn2gn_codemod.api import Survey
from bn2gn_codemod.migration import Migration
from bn2gn_codemod.plan import FileEdits, Finding, Plan, Site, Verdict
from bn2gn_codemod.reports.layer_table import RESTATES, layer_tables


def check(survey: Survey, plan: Plan) -> None:
    """A table for each file, the findings that are not about one of its layers, a summary."""
    sites = _shown(plan)
    blocks = [*layer_tables(sites), _elsewhere(plan), _settling(sites), summary(plan)]
    click.echo("\n\n".join(filter(None, blocks)))


def migration(migration: Migration) -> None:
    """What was done to each file, and what is left for a person."""
    edits = {edits.path: edits for edits in migration.plan.files}
    for path in migration.changed:
        done = _done(edits[path]) if path in edits else "new file"
        click.echo(f"{path}: {done}")
    if migration.changed:
        click.echo()
    noted = _noted(migration)
    if noted:
        click.echo("\n".join(_line(finding) for finding in noted) + "\n")
    click.echo(_migrated(migration))


def _noted(migration: Migration) -> list[Finding]:
    """Findings about a changed layer that the change does not mend, and check sees no more."""
    places = {edit.place for edits in migration.edits for edit in edits.norms}
    return [
        finding
        for finding in migration.plan.findings
        if not finding.fixable and finding.place in places
    ]


def explanation(sites: Iterable[Site]) -> None:
    """For each site its verdict, and every piece of evidence that led to it."""
    for site in sites:
        click.echo(f"{site.place}: {site.norm} in {site.name}: {site.verdict}")
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
    finding = "finding" if plan.known is None else "new finding"
    parts = [
        f"{_counted(len(plan.sites), 'layer')}: {layers}" if plan.sites else "no norm layers",
        f"{_counted(len(plan.findings), finding)}, {fixable} fixable with bn2gn migrate"
        if plan.findings
        else f"no {finding}s",
    ]
    if plan.known:
        parts[-1] += f", {plan.known} known"
    if plan.skipped:
        parts.append(f"{_counted(len(plan.skipped), 'file')} skipped")
    return "; ".join(parts)


def _shown(plan: Plan) -> Sequence[Site]:
    """The layers that get a row: of a plan without what is known only those with a finding."""
    if plan.known is None:
        return plan.sites
    new = {(found.place, found.code) for found in plan.findings}
    return [site for site in plan.sites if (site.place, RESTATES.get(site.verdict)) in new]


def _elsewhere(plan: Plan) -> str:
    """The findings that no row of the tables stands for.

    A layer to convert that ``migrate`` cannot convert is named once more: its
    message says what stands in the way.
    """
    rows = {(site.place, RESTATES.get(site.verdict)) for site in plan.sites}
    return "\n".join(
        _line(found)
        for found in plan.findings
        if (found.place, found.code) not in rows
        or (found.code == RESTATES[Verdict.CONVERT] and not found.fixable)
    )


def _line(finding: Finding) -> str:
    fixable = " [fixable]" if finding.fixable else ""
    return f"{finding.place}: {finding.code} {finding.message}{fixable}"


def _settling(sites: Iterable[Site]) -> str:
    """For what is undecided, the lines that would settle it."""
    return "\n".join(
        "\n    ".join((f"{site.place}: any one of these settles it:", *site.settles))
        for site in sites
        if site.verdict in (Verdict.CONFLICT, Verdict.UNKNOWN) and site.settles
    )


def _done(edits: FileEdits) -> str:
    """What became of a file, in words."""
    parts = [
        (len(edits.norms), "norm to GroupNorm", "norms to GroupNorm"),
        (len(edits.init_loops), "init loop", "init loops"),
        (len(edits.freezes), "freeze call", "freeze calls"),
        (len(edits.loop_guards), "train guard", "train guards"),
        (len(edits.model_guards), "train() override", "train() overrides"),
        (len(edits.loads), "load of checkpoints", "loads of checkpoints"),
        (len(edits.configs), "config entry", "config entries"),
    ]
    words = [f"{number} {one if number == 1 else many}" for number, one, many in parts if number]
    if edits.helper is not None:
        words.append("helper imported" if edits.helper.import_from else "helper added")
    return ", ".join(words)


def _migrated(migration: Migration) -> str:
    """One line: how much was changed, and what is left."""
    if migration.changed:
        verb = "changed" if migration.written else "would change"
        parts = [f"{verb} {_counted(len(migration.changed), 'file')}"]
    else:
        parts = ["nothing to change"]
    if migration.refused:
        parts.append(f"{_counted(len(migration.refused), 'file')} refused")
    left = sum(not finding.fixable for finding in migration.plan.findings)
    left -= len(_noted(migration))
    if left:
        parts.append(f"{_counted(left, 'finding')} left for you (see bn2gn check)")
    if migration.plan.skipped:
        parts.append(f"{_counted(len(migration.plan.skipped), 'file')} skipped")
    return "; ".join(parts)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
