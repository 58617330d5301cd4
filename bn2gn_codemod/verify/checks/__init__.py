"""The checks of a model, one file each: pure functions from a comparison to a result.

A check gives ``None`` when there is nothing that it could look at.
"""

from __future__ import annotations

from collections.abc import Callable

from bn2gn_codemod.verify.checks import (
    build,
    forward,
    freeze,
    guard,
    norms,
    old_checkpoint,
    state_dict,
    training_step,
)
from bn2gn_codemod.verify.comparison import Check, Comparison

_CHECKS: tuple[Callable[[Comparison], Check | None], ...] = (
    norms.check,
    state_dict.check,
    old_checkpoint.check,
    freeze.check,
    guard.check,
    forward.check,
    training_step.check,
)


def of_model(comparison: Comparison) -> tuple[Check, ...]:
    """Every check of one model; a model that was not built has only the first."""
    built = build.check(comparison)
    if not built.passed:
        return (built,)
    results = (check(comparison) for check in _CHECKS)
    return (built, *(result for result in results if result is not None))
