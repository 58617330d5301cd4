"""``bn2gn migrate``: applies every fixable finding in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bn2gn_codemod import options
from bn2gn_codemod.command_help import SectionedCommand

if TYPE_CHECKING:
    from bn2gn_codemod.api import Migration
    from bn2gn_codemod.verify import Verification


@click.command(
    cls=SectionedCommand,
    epilog="Example: bn2gn migrate --diff | git apply",
    folded={options.MODEL: "bn2gn verify", options.RUNNING: "bn2gn verify"},
)
@options.of_paths
@options.of_format("text", "json")
@click.option("--diff", is_flag=True, help="Show the change, write nothing.")
@click.option(
    "--no-pager", is_flag=True, help="Show a long diff on the terminal without the pager of git."
)
@click.option(
    "--verify",
    is_flag=True,
    help="Run a rewritten copy first, write if every check passes.",
)
@options.of_model
@options.of_interpreter
@options.of_report(".html")
@options.of_strict
@options.of_settings
def command(
    paths: tuple[Path, ...],
    output_format: str,
    diff: bool,
    no_pager: bool,
    verify: bool,
    model: Mapping[str, Any],
    interpreter: Mapping[str, Any],
    report_file: Path | None,
    strict: bool,
    settings_file: Path | None,
    flags: Mapping[str, Any],
) -> int:
    """Apply every fixable finding in place.

    PATH is a repository's directory, or files of one (then only these are
    rewritten). Without PATH it is the current directory. Runs no code of the
    repository, except with --verify. Undecided layers are left alone.
    """
    from bn2gn_codemod import api, reports
    from bn2gn_codemod.progress import shown_when_slow
    from bn2gn_codemod.reading import read
    from bn2gn_codemod.reports import diff as diffs

    survey, plan = read(paths, settings_file, flags)
    found = None
    if verify and (plan.files or plan.new_files):
        from bn2gn_codemod.probing import Interpreter
        from bn2gn_codemod.reports import verification as shown
        from bn2gn_codemod.verify.models import named

        with shown_when_slow("verifying"):
            found = api.verify(
                survey, plan, models=named(model), interpreter=Interpreter(**interpreter)
            )
        if not found.passed:
            getattr(shown, output_format)(found)
            _report(report_file, found, None)
            click.echo("bn2gn: nothing was written, because a check failed", err=True)
            return 1
    with shown_when_slow("rewriting"):
        result = api.apply(survey, plan, dry_run=diff)
    if diff and output_format == "text":
        diffs.show(result.changes, paged=not no_pager)
    else:
        reports.of_format(output_format).migration(result)
    _report(report_file, found, result)
    left = (*result.refused, *plan.skipped)
    reports.name_skipped(left)
    return 1 if left or (strict and plan.undecided) else 0


def _report(file: Path | None, found: Verification | None, result: Migration | None) -> None:
    """Write the review: of the models that were built if any were, else of the migration."""
    if file is None:
        return
    from bn2gn_codemod.reports import review

    if found is not None:
        review.write(review.of_verification(found, "migrate --verify"), file)
    elif result is not None:
        review.write(review.of_migration(result, "migrate"), file)
