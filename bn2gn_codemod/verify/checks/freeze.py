"""The repository's own freeze functions freeze the backbone's BatchNorm, all of it."""

from __future__ import annotations

from bn2gn_codemod.plan import Verdict
from bn2gn_codemod.snapshot import Freeze
from bn2gn_codemod.verify.comparison import Check, Comparison
from bn2gn_codemod.wording import counted, listed

_NAME = "freeze"
_SHOWN = 3


def check(comparison: Comparison) -> Check | None:
    freezes = comparison.after.freezes
    kept = comparison.named(Verdict.KEEP)
    if not freezes or not kept:
        return None
    for freeze in freezes:
        problem = _problem(freeze, kept)
        if problem:
            return Check(_NAME, False, f"{freeze.function}: {problem}")
    shown = ", ".join(
        f"{state.name} {state.training} / {state.requires_grad}"
        for state in [s for s in freezes[0].states if s.is_frozen][:_SHOWN]
    )
    frozen = counted(len(kept), "BatchNorm")
    by = ", ".join(freeze.function for freeze in freezes)
    return Check(_NAME, True, f"{frozen} frozen by {by}; training / requires_grad: {shown}")


def _problem(freeze: Freeze, kept: tuple[str, ...]) -> str:
    if freeze.error:
        return freeze.error
    frozen = {state.name for state in freeze.states if state.is_frozen}
    missed = [name for name in kept if name not in frozen]
    if missed:
        return f"does not freeze {listed(missed)}"
    if freeze.returned is not None and freeze.returned != len(frozen):
        return f"returns {freeze.returned}, but {len(frozen)} BatchNorm layers are frozen"
    return ""
