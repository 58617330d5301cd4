"""How a command comes to its plan: as the API does, with a note and a bar for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from bn2gn_codemod import api
from bn2gn_codemod.api import Plan, Survey
from bn2gn_codemod.ignored_imports import ignored_imports
from bn2gn_codemod.progress import shown_when_slow

_NAMED = 3


def read(
    paths: Sequence[Path], settings_file: Path | None, flags: Mapping[str, Any]
) -> tuple[Survey, Plan]:
    """The repository of PATHs, read and planned under the settings and flags of a command."""
    with shown_when_slow("reading the repository"):
        survey = api.survey(*paths, settings_file=settings_file, settings=flags)
        plan = api.plan(survey)
    if survey.selection.part_of is not None:
        click.echo(
            f"bn2gn: note: only {survey.root} is read, not the rest of "
            f"{survey.selection.part_of}; what trains or uses its layers from there is not seen",
            err=True,
        )
    if survey.repository.excluded:
        names = ", ".join(survey.repository.excluded)
        click.echo(f"bn2gn: note: left out, as exclude says: {names}", err=True)
    passed_over = ignored_imports(survey.repository)
    if passed_over:
        more = f" and {len(passed_over) - _NAMED} more" if len(passed_over) > _NAMED else ""
        click.echo(
            f"bn2gn: note: left out, as .gitignore says, though other files import them: "
            f"{', '.join(passed_over[:_NAMED])}{more}; what git tracks is read all the same",
            err=True,
        )
    return survey, plan
