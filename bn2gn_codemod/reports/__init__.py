"""How plans and what became of them are shown: one module for each output format.

A module defines ``check(survey, plan)``, and as far as the format is for them
``explanation(sites)``, ``migration(migration)`` and ``audit(examination)``. Each
writes to stdout.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from types import ModuleType

import click

from bn2gn_codemod.plan import Skipped


def of_format(name: str) -> ModuleType:
    """The module that writes the output format ``name``."""
    return importlib.import_module(f"{__name__}.{name}")


def name_skipped(skipped: Iterable[Skipped]) -> None:
    """Name each file that was skipped in one line on stderr."""
    for entry in skipped:
        click.echo(f"bn2gn: skipped {entry.path}: {entry.message}", err=True)
