"""Carrying out a plan, or showing what that would do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from bn2gn_codemod.plan import FileEdits, Plan, Skipped
from bn2gn_codemod.planning import Planned
from bn2gn_codemod.progress import shown_when_slow


@dataclasses.dataclass(frozen=True)
class Change:
    """One file that is different after a migration; ``before`` is ``None`` for a new one."""

    path: str
    before: bytes | None
    after: bytes


@dataclasses.dataclass(frozen=True)
class Migration:
    """What became of a plan.

    ``changed`` are the paths that were written, or would be (``written`` is
    false). ``refused`` are files of the plan that were left as they are.
    ``changes`` are only known where nothing was written.
    """

    plan: Plan
    changed: tuple[str, ...]
    refused: tuple[Skipped, ...]
    written: bool
    changes: tuple[Change, ...] = ()

    @property
    def edits(self) -> Iterator[FileEdits]:
        """The edits of the files that are changed, in the order of the plan."""
        return (edits for edits in self.plan.files if edits.path in self.changed)


def write(planned: Planned) -> Migration:
    """Carry out the plan in place, each file atomically."""
    if not _has_work(planned.plan):  # and so no need for LibCST
        return Migration(planned.plan, (), (), written=True)
    from bn2gn_codemod import rewrite

    with shown_when_slow("rewriting"):
        applied = rewrite.apply(planned.repository, planned.plan)
    return Migration(planned.plan, applied.changed, applied.refused, written=True)


def preview(planned: Planned) -> Migration:
    """What ``write`` would do; nothing is written."""
    outcomes: list[Change | Skipped] = []
    if _has_work(planned.plan):
        with shown_when_slow("rewriting"):
            outcomes.extend(_outcomes(planned))
    changes = tuple(outcome for outcome in outcomes if isinstance(outcome, Change))
    return Migration(
        planned.plan,
        changed=tuple(change.path for change in changes),
        refused=tuple(outcome for outcome in outcomes if isinstance(outcome, Skipped)),
        written=False,
        changes=changes,
    )


def _has_work(plan: Plan) -> bool:
    return bool(plan.files or plan.new_files)


def _outcomes(planned: Planned) -> Iterator[Change | Skipped]:
    from bn2gn_codemod import rewrite

    for result in rewrite.rewrite_all(planned.repository, planned.plan):
        source = planned.repository.file(result.path)
        if result.after is None:
            yield Skipped(result.path, result.refused or "cannot be rewritten")
        elif source is None:
            yield Change(result.path, None, result.after.encode())
        else:
            try:
                yield Change(result.path, source.data, source.encode(result.after))
            except UnicodeEncodeError:
                yield Skipped(result.path, f"its encoding {source.encoding} lacks a character")
