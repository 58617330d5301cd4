"""One training step at batch 1 changes the new layers and no frozen tensor."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Verdict
from bn2gn_codemod.snapshot import Step
from bn2gn_codemod.verify.comparison import Check, Comparison
from bn2gn_codemod.wording import counted, listed

_NAME = "training step"


def check(comparison: Comparison) -> Check | None:
    step = comparison.after.step
    if step is None:
        return None
    problem = next(_problems(step, comparison), "")
    if problem:
        return Check(_NAME, False, problem)
    frozen = counted(step.frozen, "frozen tensor")
    idle = f", {len(step.without_gradient)} without gradient" if step.without_gradient else ""
    changed = counted(len(step.changed), "parameter")
    return Check(_NAME, True, f"{frozen} bit-for-bit unchanged, {changed} changed{idle}")


def _problems(step: Step, comparison: Comparison) -> Iterator[str]:
    if step.error:
        yield step.error
    if step.frozen_changed:
        yield f"frozen, yet changed: {listed(step.frozen_changed)}"
    converted = set(comparison.named(Verdict.CONVERT))
    still = [name for name in step.unchanged if _owner(name) in converted]
    if still:
        yield f"new layers with a gradient that did not change: {listed(still)}"
    ran = {name for forward in comparison.after.forwards for name in forward.ran} & converted
    if ran and not any(_owner(name) in ran for name in step.changed):
        yield f"no new layer changed; without gradient: {listed(sorted(ran))}"


def _owner(parameter: str) -> str:
    return parameter.rpartition(".")[0]
