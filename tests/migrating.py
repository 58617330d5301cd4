"""What the API makes of a small repository, in one call each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bn2gn_codemod import api
from bn2gn_codemod.api import Migration, Plan


def plan_of(root: Path, **settings: Any) -> Plan:
    """The plan of the repository at ``root``."""
    return api.plan(api.survey(root, settings=settings))


def migrate(root: Path, *, dry_run: bool = False, **settings: Any) -> Migration:
    """The repository at ``root`` migrated, or with ``dry_run`` what that would be."""
    survey = api.survey(root, settings=settings)
    return api.apply(survey, api.plan(survey), dry_run=dry_run)
