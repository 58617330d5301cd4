"""What a review shows, from whatever a command found out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from bn2gn_codemod.migration import Migration
from bn2gn_codemod.plan import Finding, Site, Skipped
from bn2gn_codemod.reports.review import live_tree, static_tree
from bn2gn_codemod.reports.review.diff_lines import FileDiff, of_change
from bn2gn_codemod.reports.review.tree import Model
from bn2gn_codemod.verify import Verification, VerifiedRun
from bn2gn_codemod.verify.comparison import Check


@dataclasses.dataclass(frozen=True)
class Checks:
    """The checks about one thing; ``about`` is ``""`` for those about no single model."""

    about: str
    checks: tuple[Check, ...]


@dataclasses.dataclass(frozen=True)
class Review:
    """Everything on the page.

    ``basis`` says in a sentence what the figures rest on, ``change`` what the
    diff is. ``sites`` are as they were before the change. ``findings`` are those
    of before it as well, unless ``is_after``. ``before`` and ``after`` are the
    headings of the two sides.
    """

    name: str
    command: str
    basis: str
    change: str
    sites: tuple[Site, ...]
    findings: tuple[Finding, ...]
    models: tuple[Model, ...]
    diffs: tuple[FileDiff, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    checks: tuple[Checks, ...] = ()
    notes: tuple[str, ...] = ()
    before: str = "before"
    after: str = "after"
    is_after: bool = False
    passed: bool | None = None


_STATIC = "Read from source; nothing of the repository was run. A layer is a line of source here."
_LIVE = "Counted in models that were built."


def of_migration(migration: Migration, command: str) -> Review:
    """A plan and what became of it, or would; ``command`` is the one that asks."""
    plan = migration.plan
    refused = tuple(skipped.path for skipped in migration.refused)
    change = "What bn2gn migrate changed." if migration.written else "What bn2gn migrate would do."
    return Review(
        name=Path(plan.root).name,
        command=command,
        basis=_STATIC,
        change=change,
        sites=plan.sites,
        findings=plan.findings,
        models=static_tree.models(plan, refused),
        diffs=tuple(map(of_change, migration.changes)),
        skipped=(*migration.refused, *plan.skipped),
        after="after" if migration.written else "after migrate",
        before="before" if migration.written else "now",
    )


def of_verification(verification: Verification, command: str) -> Review:
    """Models that were built, before and after."""
    plan = verification.before or verification.plan
    models = tuple(live_tree.compared(model.comparison, plan) for model in verification.models)
    by_model = (
        Checks(model.tree.name, verified.checks)
        for model, verified in zip(models, verification.models, strict=True)
    )
    notes = [f"stood in for: {stub}" for stub in verification.stubs]
    notes += [f"weights not downloaded: {url}" for url in verification.skipped_weights]
    return Review(
        name=verification.root.name,
        command=command,
        basis=_LIVE,
        change=f"The change since {verification.compared}.",
        sites=plan.sites,
        findings=verification.plan.findings,
        models=models,
        diffs=tuple(map(of_change, verification.changes)),
        skipped=verification.plan.skipped,
        checks=(*by_model, Checks("", verification.checks)),
        notes=tuple(notes),
        is_after=True,
        passed=verification.passed,
    )


def of_run(run: VerifiedRun) -> Review:
    """The first steps of a training command."""
    failure = (Check("run", False, run.failure),) if run.failure else ()
    return Review(
        name=run.root.name,
        command="verify --run",
        basis="Counted in the model that the training command trained.",
        change="",
        sites=run.plan.sites,
        findings=run.plan.findings,
        models=tuple(live_tree.running(process.run, run.plan) for process in run.processes),
        skipped=run.plan.skipped,
        checks=(
            *(Checks(f"process {p.run.pid}", p.checks) for p in run.processes),
            Checks("", failure),
        ),
        is_after=True,
        passed=run.passed,
    )
