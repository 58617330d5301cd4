"""``bn2gn check``: what is wrong; static, writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bn2gn_codemod import options
from bn2gn_codemod.command_help import SectionedCommand
from bn2gn_codemod.wording import counted


@click.command(cls=SectionedCommand, epilog="Example: bn2gn check --explain lib/models/neck.py:41")
@options.of_paths
@options.of_format("text", "json", "github", "sarif")
@click.option("--explain", metavar="PATH:LINE", help="Show the chain of evidence for one layer.")
@click.option(
    "--baseline",
    "baseline_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Report only what this file of --write-baseline does not hold.",
)
@click.option(
    "--write-baseline",
    "new_baseline",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write all that is found into FILE and exit 0.",
)
@options.of_report(".html")
@options.of_strict
@options.of_settings
def command(
    paths: tuple[Path, ...],
    output_format: str,
    explain: str | None,
    baseline_file: Path | None,
    new_baseline: Path | None,
    report_file: Path | None,
    strict: bool,
    settings_file: Path | None,
    flags: Mapping[str, Any],
) -> int:
    """Say what is wrong. Runs no code of the repository and changes no file of it.

    PATH is a repository's directory, or files of one (then only these are
    reported). Without PATH it is the current directory. Exits 1 when there is
    something to report.
    """
    from bn2gn_codemod import reports
    from bn2gn_codemod.reading import read

    report = reports.of_format(output_format)
    if explain is not None:
        from bn2gn_codemod import explain as explaining

        if not hasattr(report, "explanation"):
            raise click.UsageError(f"--explain has no format {output_format}: use text or json")
        question = explaining.parse(explain)
        _, plan = read(paths or (question.path,), settings_file, flags)
        report.explanation(explaining.sites_at(plan, question))
        return 0
    if baseline_file or new_baseline:
        from bn2gn_codemod import baseline
    known = baseline.read(baseline_file) if baseline_file and not new_baseline else None
    survey, plan = read(paths, settings_file, flags)
    if new_baseline:
        baseline.write(plan, new_baseline)
        found = counted(len(plan.findings), "finding")
        click.echo(f"bn2gn: wrote {new_baseline}: {found}", err=True)
        return 0
    if known is not None:
        plan = baseline.without_known(survey, plan, known)
    report.check(survey, plan)
    if report_file is not None:
        from bn2gn_codemod import api
        from bn2gn_codemod.reports import review

        would_be = api.apply(survey, plan, dry_run=True)
        review.write(review.of_migration(would_be, "check"), report_file)
    if output_format != "github":  # which has them among its annotations
        reports.name_skipped(plan.skipped)
    # With a baseline, what is undecided may be known, and no finding any more.
    return 1 if plan.findings or plan.skipped or (strict and plan.undecided) else 0
