"""From PATHs and settings to a plan: the way that every command starts."""

from __future__ import annotations

import dataclasses
import symtable
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from bn2gn_codemod import rules, settings, survey
from bn2gn_codemod.plan import Plan, Skipped
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.progress import shown_when_slow
from bn2gn_codemod.selection import Selection, select
from bn2gn_codemod.sources import Repository, discover
from bn2gn_codemod.survey.modules import parse


@dataclasses.dataclass(frozen=True)
class Planned:
    """A repository as it was read, and what was decided about the selected part of it."""

    repository: Repository
    plan: Plan


def make_plan(
    paths: Sequence[Path], settings_file: Path | None = None, flags: Mapping[str, Any] | None = None
) -> Planned:
    """Read the repository of ``paths`` (default: the current directory) and plan its change.

    ``flags`` are settings by field name that win over those of the file.
    Nothing of the repository is run. Raises ``Problem`` for paths and settings
    that cannot be used.
    """
    selection = select(paths or [Path()])
    chosen = settings.merge(settings.load(selection.root, settings_file), flags or {})
    if selection.part_of is not None:
        click.echo(
            f"bn2gn: note: only {selection.root} is read, not the rest of {selection.part_of}; "
            "what trains or uses its layers from there is not seen",
            err=True,
        )
    with shown_when_slow("reading the repository"):
        repository = _read(selection, chosen.exclude)
        plan = survey.plan_repository(repository, chosen)
        skipped = (*plan.skipped, *repository.skipped, *_unparsable(repository, selection))
        plan = dataclasses.replace(plan, findings=rules.findings(plan), skipped=_once(skipped))
    return Planned(repository, selection.narrow(plan))


def _read(selection: Selection, exclude: Sequence[str]) -> Repository:
    try:
        repository = discover(selection.root, exclude, selection.named)
    except ValueError as error:
        raise Problem(f"exclude: {error}") from None
    found = [file.path for file in repository.files]
    found += [skipped.path for skipped in repository.skipped]
    if not any(path in selection for path in found):
        places = ", ".join(selection.within) or str(selection.root)
        raise Problem(f"{places}: no Python file there")
    return repository


def _unparsable(repository: Repository, selection: Selection) -> Iterator[Skipped]:
    """The selected files that do not parse, those that the survey had no use for included."""
    for source in repository.files:
        is_parsed = "tree" in vars(source)  # where the cached property keeps it
        if source.path in selection and not is_parsed and not _compiles(source.text):
            parsed = parse(source)
            if isinstance(parsed, Skipped):
                yield parsed


def _compiles(text: str) -> bool:
    """Whether ``text`` is Python, in half the time that making a tree of it takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            symtable.symtable(text, "", "exec")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _once(skipped: Iterable[Skipped]) -> tuple[Skipped, ...]:
    """In the order of the paths, the first message for each."""
    by_path: dict[str, Skipped] = {}
    for entry in skipped:
        by_path.setdefault(entry.path, entry)
    return tuple(by_path[path] for path in sorted(by_path))
