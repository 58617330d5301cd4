"""bn2gn as a library: ``survey``, ``plan``, ``apply``, ``verify``.

    from bn2gn_codemod import api

    survey = api.survey("path/to/repository")
    plan = api.plan(survey)
    migration = api.apply(survey, plan, dry_run=True)

The command line goes the same way. ``survey`` and ``plan`` run nothing of the
repository, nothing here prints, and whatever a user has to change first is
raised as ``Problem``, whose message is one line. Importing this imports neither
LibCST nor torch.
"""

from __future__ import annotations

import dataclasses
import os
import symtable
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bn2gn_codemod import relevance
from bn2gn_codemod import settings as _settings
from bn2gn_codemod.migration import Change, Migration
from bn2gn_codemod.plan import Plan, Skipped
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.selection import Selection, select
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, discover

if TYPE_CHECKING:
    from bn2gn_codemod.probing import Interpreter
    from bn2gn_codemod.verify import Verification
    from bn2gn_codemod.verify.models import ModelRequest

__all__ = [
    "Change",
    "Migration",
    "Plan",
    "Problem",
    "Settings",
    "Survey",
    "apply",
    "plan",
    "survey",
    "verify",
]


@dataclasses.dataclass(frozen=True)
class Survey:
    """A repository as it was read, and how it is to be judged.

    ``repository`` holds the bytes of its Python files at that moment,
    ``selection`` the part of it that is reported and rewritten. When that
    looks like a piece of a larger repository, which then was not read,
    ``selection.part_of`` names it. ``settings_file`` is the one that the caller
    named.
    """

    repository: Repository
    selection: Selection
    settings: Settings
    settings_file: Path | None = None

    @property
    def root(self) -> Path:
        """The repository's folder, absolute; all paths of a plan are relative to it."""
        return self.repository.root

    def under(self, settings: Mapping[str, Any]) -> Survey:
        """The same files under other settings, by field name, which win over those of now.

        ``exclude`` has no effect any more. Raises ``Problem`` as ``survey`` does.
        """
        return dataclasses.replace(self, settings=_settings.merge(self.settings, settings))


def survey(
    *paths: str | os.PathLike[str],
    settings_file: str | os.PathLike[str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Survey:
    """Read the repository of ``paths`` (default: the current directory).

    One directory is a repository. With files, with several paths or with a
    package, the repository around them is read, and only they are reported and
    rewritten. ``settings`` are those of ``[tool.bn2gn]`` by field name
    (``min_channels_per_group=2``); they win over those of ``settings_file``
    (default: the repository's ``pyproject.toml``).

    Raises ``Problem`` for a path that does not exist or is no Python file, for
    paths without any Python file, and for settings that are unknown or wrong, or
    exclude nothing of the repository.
    """
    selection = select([Path(path) for path in paths] or [Path()])
    file = None if settings_file is None else Path(settings_file)
    chosen = _settings.merge(_settings.load(selection.root, file), settings or {})
    return Survey(_read(selection, chosen), selection, chosen, file)


def plan(survey: Survey) -> Plan:
    """Decide what becomes of every norm layer, and what else has to change for it.

    The plan is frozen data without a syntax tree: sites with verdicts and
    reasons, findings, and the edits of each file. Files that cannot be read or
    parsed are named in ``Plan.skipped`` and stop nothing.
    """
    repository, selection = survey.repository, survey.selection
    found = _decided(survey)
    skipped = (*found.skipped, *repository.skipped, *_unparsable(repository, selection))
    return selection.narrow(dataclasses.replace(found, skipped=_once(skipped)))


def apply(survey: Survey, plan: Plan, *, dry_run: bool = False) -> Migration:
    """Carry out a plan in place, each file atomically; with ``dry_run`` write nothing.

    To leave something out, hand over a plan without it
    (``dataclasses.replace(plan, files=...)``). What cannot be rewritten or
    written, because it changed since it was read, say, is named in
    ``Migration.refused`` and stops nothing else.
    """
    if not (plan.files or plan.new_files):  # and so no need for LibCST
        return Migration(plan, written=not dry_run)
    from bn2gn_codemod import rewrite

    return rewrite.apply(survey.repository, plan, dry_run=dry_run)


def verify(
    survey: Survey,
    plan: Plan | None = None,
    *,
    before: str | None = None,
    models: Sequence[ModelRequest] = (),
    interpreter: Interpreter | None = None,
) -> Verification:
    """Build the models before and after, compare them, and take a training step.

    Runs the repository's code, in temporary copies and under the limits of
    ``interpreter`` (default: the running one). With a ``plan`` that is carried
    out in a copy, and compared with the repository as it is. Without, the
    repository as it is now is compared with ``before``: a folder or a git
    reference (default: HEAD, where files differ from it). ``models`` are what to
    build (default: what the settings list, else whatever can be built without
    help).

    Raises ``Problem`` when there is nothing to run it with or on. A check that
    fails is no error: see ``Verification.passed``.
    """
    from bn2gn_codemod import verify as verification
    from bn2gn_codemod.probing import Interpreter
    from bn2gn_codemod.verify.models import from_settings

    root, settings = survey.root, survey.settings
    models = models or from_settings(root, survey.settings_file)
    runs_in = interpreter or Interpreter()
    if plan is not None:
        return verification.verify_migration(survey.repository, plan, settings, models, runs_in)
    compared = verification.before_of(root, before)
    return verification.verify(root, settings, models, compared, runs_in)


# ---------------------------------------------------------------- reading


def _read(selection: Selection, settings: Settings) -> Repository:
    if settings.exclude:
        _require_used(selection, settings)
    repository = discover(selection.root, settings.exclude, selection.named)
    found = [file.path for file in repository.files]
    found += [skipped.path for skipped in repository.skipped]
    if not repository.excluded and not any(path in selection for path in found):
        places = ", ".join(selection.within) or str(selection.root)
        raise Problem(f"{places}: no Python file there")
    return repository


def _require_used(selection: Selection, settings: Settings) -> None:
    """Raise ``Problem`` for an ``exclude`` pattern that is none, or leaves nothing out.

    Where only some files are asked for, as for a commit, it may be meant for others.
    """
    from bn2gn_codemod.sources import exclusions

    for pattern in settings.exclude:
        named = settings.named("exclude", pattern)
        wrong = exclusions.problem(pattern)
        if wrong is not None:
            raise Problem(f"{named}: {wrong}")
        if not (selection.within or exclusions.leaves_out(selection.root, pattern)):
            close = exclusions.nearest_path(selection.root, pattern)
            hint = f"did you mean {close!r}?" if close else "take it out, or correct it"
            raise Problem(f"{named} matches no file or folder of {selection.root}; {hint}")


def _decided(survey: Survey) -> Plan:
    """What is decided about the repository, as far as it may concern the selection."""
    repository, selection = survey.repository, survey.selection
    if selection.within:
        asked = (file.path for file in repository.files if file.path in selection)
        if not relevance.concerned(repository, asked):
            return Plan(str(repository.root))
    from bn2gn_codemod import fingerprints, rules
    from bn2gn_codemod.survey import plan_repository

    found = plan_repository(repository, survey.settings)
    findings = fingerprints.marked(rules.findings(found), found.sites, repository)
    return dataclasses.replace(found, findings=findings)


def _unparsable(repository: Repository, selection: Selection) -> Iterator[Skipped]:
    """The selected files that do not parse, those that the survey had no use for included."""
    for source in repository.files:
        is_parsed = "tree" in vars(source)  # where the cached property keeps it
        if source.path in selection and not is_parsed and not _compiles(source.text):
            from bn2gn_codemod.survey.modules import parse

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
