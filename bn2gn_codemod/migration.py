"""What became of a plan: which files changed, or would change, and which could not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from bn2gn_codemod.plan import FileEdits, Plan, Skipped


@dataclasses.dataclass(frozen=True)
class Change:
    """One file that is different after a migration; ``before`` is ``None`` for a new one.

    ``path`` is relative to ``Plan.root`` and uses ``/``.
    """

    path: str
    before: bytes | None
    after: bytes


@dataclasses.dataclass(frozen=True)
class Migration:
    """A plan that was carried out (``written``), or would be.

    ``changes`` are in the order of the plan, new files first. ``refused`` are
    files of the plan that were left as they are, and why.
    """

    plan: Plan
    changes: tuple[Change, ...] = ()
    refused: tuple[Skipped, ...] = ()
    written: bool = False

    @property
    def changed(self) -> tuple[str, ...]:
        """The paths of ``changes``."""
        return tuple(change.path for change in self.changes)

    @property
    def edits(self) -> Iterator[FileEdits]:
        """The edits of the files that are changed, in the order of the plan."""
        changed = set(self.changed)
        return (edits for edits in self.plan.files if edits.path in changed)
