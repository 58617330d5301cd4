"""``bn2gn check``: what is wrong; static, writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bn2gn_codemod import options


@click.command(epilog="Example: bn2gn check --explain lib/models/neck.py:41")
@options.of_paths
@options.of_format("text", "json")
@click.option("--explain", metavar="PATH:LINE", help="Show the chain of evidence for one layer.")
@options.of_strict
@options.of_settings
def command(
    paths: tuple[Path, ...],
    output_format: str,
    explain: str | None,
    strict: bool,
    settings_file: Path | None,
    flags: Mapping[str, Any],
) -> int:
    """Say what is wrong. Runs no code of the repository and writes nothing.

    PATH is a repository's directory, or files of one (then only these are
    reported). Without PATH it is the current directory. Exits 1 when there is
    something to report.
    """
    from bn2gn_codemod import explain as explaining
    from bn2gn_codemod import reports
    from bn2gn_codemod.reading import read

    report = reports.of_format(output_format)
    if explain is not None:
        question = explaining.parse(explain)
        _, plan = read(paths or (question.path,), settings_file, flags)
        report.explanation(explaining.sites_at(plan, question))
        return 0
    _, plan = read(paths, settings_file, flags)
    report.check(plan)
    reports.name_skipped(plan.skipped)
    return 1 if plan.findings or plan.skipped else 0
