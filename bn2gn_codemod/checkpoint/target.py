"""The model that a converted checkpoint has to fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Literal

from bn2gn_codemod.checkpoint.contents import Shape
from bn2gn_codemod.plan import Verdict
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.verify import Built
from bn2gn_codemod.verify.comparison import Comparison

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
Basis = Literal[
    "the model built before and after",
    "the model as it is built now",
    "the plan: the code is not migrated yet",
]


@dataclasses.dataclass(frozen=True)
class Target:
    """A migrated model.

    ``converted`` are its layers whose running statistics go, ``state`` its
    state dict, ``parameters`` their shapes in the order of the model,
    ``frozen`` those that no longer train. ``basis`` says how that is known.
    """

    name: str
    basis: Basis
    converted: frozenset[str]
    state: Mapping[str, Shape]
    parameters: Mapping[str, Shape]
    frozen: frozenset[str]

    @property
    def statistics(self) -> frozenset[str]:
        """The entries that only the state dict of before has."""
        return frozenset(f"{layer}.{name}" for layer in self.converted for name in STATISTICS)

    @property
    def affine(self) -> Mapping[str, int]:
        """Weights and biases of converted layers, and what they start from."""
        values = {"weight": 1, "bias": 0}
        found = {f"{layer}.{k}": value for layer in self.converted for k, value in values.items()}
        return {key: value for key, value in found.items() if key in self.parameters}


def targets(built: Built, settings: Settings) -> Iterator[Target]:
    """One for each model that could be built and has converted layers."""
    for comparison in built.comparisons:
        if not comparison.after.error:
            target = _target(comparison, settings)
            if target.converted:
                yield target


def _target(comparison: Comparison, settings: Settings) -> Target:
    after, before = comparison.after, comparison.before
    batch_norms = {layer.name for layer in after.batch_norms}
    pending = batch_norms.intersection(comparison.named(Verdict.CONVERT))
    # A GroupNorm that was one before has no statistics in any checkpoint.
    done = {layer.name for layer in after.norms if layer.norm and layer.norm.kind == "GroupNorm"}
    basis: Basis = "the model as it is built now"
    changed = set() if before is None else done & {layer.name for layer in before.batch_norms}
    if changed:
        done, pending = changed, set()  # the code of now is what counts
        basis = "the model built before and after"
    if pending:
        basis = "the plan: the code is not migrated yet"
    gone = {f"{name}.{statistic}" for name in pending for statistic in STATISTICS}
    kept = () if settings.freeze == "none" else comparison.named(Verdict.KEEP)
    return Target(
        f"{after.factory}({after.passed})",
        basis,
        frozenset(done | pending),
        {entry.key: entry.shape for entry in after.state if entry.key not in gone},
        {parameter.name: parameter.shape for parameter in after.parameters},
        frozenset(f"{name}.{part}" for name in kept for part in ("weight", "bias")),
    )
