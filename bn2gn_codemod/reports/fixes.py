"""What ``migrate`` would replace to mend one finding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod import api
from bn2gn_codemod.api import Survey
from bn2gn_codemod.migration import Change
from bn2gn_codemod.plan import FileEdits, Finding, Plan, Skipped
from bn2gn_codemod.reports.replacements import Replacement, replacements
from bn2gn_codemod.sources import SourceFile


class FileChange(NamedTuple):
    """All that is replaced in one file; ``before`` is ``None`` for a new one."""

    path: str
    before: SourceFile | None
    replacements: tuple[Replacement, ...]


class Fixes:
    """The changes of a migration, by the findings that they mend.

    A file is changed as a whole or not at all: helper, layers and loops of one
    file need each other. ``refused`` are files that ``migrate`` cannot rewrite.
    """

    def __init__(self, survey: Survey, plan: Plan) -> None:
        self.refused: tuple[Skipped, ...] = ()
        self._edits = {edits.path: edits for edits in plan.files}
        self._changes: dict[str, FileChange] = {}
        if any(found.fixable for found in plan.findings):
            migrated = api.apply(survey, plan, dry_run=True)
            self.refused = migrated.refused
            self._changes = {
                change.path: _file_change(change, survey) for change in migrated.changes
            }

    def of(self, found: Finding) -> list[FileChange]:
        """The changes that mend ``found`` and leave nothing half done; none if it has no fix.

        Where an edit stands at the finding, they are those of its file and of
        what this imports from then. Otherwise they are the whole migration.
        """
        if not found.fixable:
            return []
        edits = self._edits.get(found.place.path)
        if edits is None or found.place not in _places(edits):
            return [] if self.refused else list(self._changes.values())
        wanted = self._resting_on(found.place.path)
        if not wanted <= self._changes.keys():
            return []
        return [change for path, change in self._changes.items() if path in wanted]

    def _resting_on(self, path: str) -> set[str]:
        """The file, and all that has to be changed with it for it to work."""
        wanted: set[str] = set()
        pending = [path]
        while pending:
            path = pending.pop()
            edits = self._edits.get(path)
            if path not in wanted and edits is not None:
                pending += [*edits.after, *filter(edits.imports, self._defining())]
            wanted.add(path)
        return wanted

    def _defining(self) -> set[str]:
        """The files that others import from after the migration."""
        new = {path for path, change in self._changes.items() if change.before is None}
        return new | {path for path, edits in self._edits.items() if edits.definitions}


def _file_change(change: Change, survey: Survey) -> FileChange:
    before = survey.repository.file(change.path)
    after = SourceFile.from_bytes(change.path, change.after).text
    pieces = replacements(before.text if before else "", after)
    return FileChange(change.path, before, tuple(pieces))


def _places(edits: FileEdits) -> Iterator[object]:
    """Where the edits of a file stand."""
    for several in (
        edits.norms,
        edits.init_loops,
        edits.model_guards,
        edits.loads,
        edits.sync_tests,
        edits.configs,
    ):
        yield from (edit.place for edit in several)
    for inserted in (edits.freezes, edits.loop_guards):
        yield from (edit.after for edit in inserted)
