"""A checkpoint of before the migration loads with ``strict=False``."""

from __future__ import annotations

from bn2gn_codemod.verify.comparison import Check, Comparison
from bn2gn_codemod.wording import listed

_NAME = "old checkpoint"


def check(comparison: Comparison) -> Check | None:
    load = comparison.after.load
    if load is None:
        return None
    if load.error:
        return Check(_NAME, False, load.error)
    if load.missing:
        return Check(_NAME, False, f"not in the checkpoint: {listed(load.missing)}")
    skipped = f"skipped: {listed(load.unexpected)}" if load.unexpected else "nothing skipped"
    return Check(_NAME, True, f"loads with strict=False; {skipped}")
