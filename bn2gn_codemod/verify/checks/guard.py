"""What was frozen is still frozen after ``.train()`` and the guard that follows it."""

from __future__ import annotations

from bn2gn_codemod.plan import Verdict
from bn2gn_codemod.verify.comparison import Check, Comparison
from bn2gn_codemod.wording import counted, listed

_NAME = "guard"


def check(comparison: Comparison) -> Check | None:
    kept = set(comparison.named(Verdict.KEEP))
    freezes = [freeze for freeze in comparison.after.freezes if not freeze.error]
    if not freezes or not kept:
        return None
    for freeze in freezes:
        thawed = [s.name for s in freeze.after_train if s.name in kept and not s.is_frozen]
        if thawed:
            by = "" if freeze.guards else " (no guard function and no train() override found)"
            detail = f"thawed by .train(): {listed(thawed)}{by}"
            return Check(_NAME, False, detail)
    by = ", ".join(freezes[0].guards) or "the model's own train()"
    return Check(_NAME, True, f"{counted(len(kept), 'BatchNorm')} held in eval mode by {by}")
