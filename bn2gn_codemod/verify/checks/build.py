"""The model can be built, before and after."""

from __future__ import annotations

from bn2gn_codemod.verify.comparison import Check, Comparison


def check(comparison: Comparison) -> Check:
    after, before = comparison.after, comparison.before
    if after.error:
        same = before is not None and before.error == after.error
        return Check("build", False, after.error + (" (and before, too)" if same else ""))
    if before is not None and before.error:
        return Check("build", False, f"cannot be compared; before: {before.error}")
    return Check("build", True, after.class_)
