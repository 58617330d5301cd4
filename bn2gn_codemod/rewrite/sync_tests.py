"""``isinstance(m, nn.BatchNorm2d)`` of a freeze, widened to see SyncBatchNorm as well."""

from __future__ import annotations

from collections.abc import Sequence

from bn2gn_codemod.plan import SyncTestEdit
from bn2gn_codemod.rewrite import norm_tests
from bn2gn_codemod.rewrite.changes import Changes
from bn2gn_codemod.rewrite.located import Located, RewriteRefused


def add_sync_tests(located: Located, edits: Sequence[SyncTestEdit], changes: Changes) -> None:
    """Plan the wider tests of one file."""
    for edit in edits:
        found = (
            (node, norm_tests.add_class(node, f"{edit.nn_name}.SyncBatchNorm"))
            for node, _ in located.expressions_at(edit.place)
        )
        widened = next(((node, change) for node, change in found if change is not None), None)
        if widened is None:
            raise RewriteRefused(f"line {edit.place.line}: the planned test is not there")
        changes.expressions[widened[0]] = widened[1]
