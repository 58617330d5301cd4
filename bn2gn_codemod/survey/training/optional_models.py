"""Which trained models have weights only with an option, by where they are trained.

Each optimizer is asked for itself (:mod:`optional_weights`); what is written for a model elsewhere,
a guard of a loop or of its class, hangs on what was said of the optimizers that train it.
"""

from __future__ import annotations

from bn2gn_codemod.survey.training.loops import LoopGuard
from bn2gn_codemod.survey.training.model_places import Insertion
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.training.optimizers import Optimizer
from bn2gn_codemod.survey.training.optional_weights import OptionalWeights
from bn2gn_codemod.survey.values import Class


class OptionalModels:
    """Notes, by class of a model, what speaks against freezing it where it is trained."""

    def __init__(self, models: TrainedModels, weights: OptionalWeights) -> None:
        self._models = models
        self._weights = weights
        # By the class of a model, for each optimizer its file, and why it is to have no freeze.
        self._optional: dict[Class, list[tuple[str, str]]] = {}

    def note(self, entries: list[Optimizer], insertions: list[Insertion | None]) -> None:
        """Note the models that have weights only with an option, by where they are trained."""
        for entry, insertion in zip(entries, insertions, strict=True):
            reason = self.asked(entry, insertion) if insertion is not None else ""
            for cls in entry.models:
                self._optional.setdefault(cls, []).append((entry.scope.path, reason))

    def asked(self, entry: Optimizer, insertion: Insertion) -> str:
        """Why the model of an optimizer is not to be frozen, for its weights are optional."""
        return self._weights.objection(entry.models, insertion.scope.function)

    def against_loop(self, guard: LoopGuard) -> str:
        """Why a loop is not to keep models in eval mode; ``""``: nothing speaks against it.

        One of them is trained in the same file with weights that hang on an option, or all are,
        wherever that is.
        """
        found = [one for cls in guard.models for one in self._optional.get(cls, ())]
        here = [reason for path, reason in found if path == guard.scope.path and reason]
        if here:
            return here[0]
        mine = (
            cls
            for cls in self._optional
            if any(self._models.holds(one, cls) for one in guard.models)
        )
        reasons = [reason for cls in mine for _, reason in self._optional[cls]]
        return reasons[0] if reasons and all(reasons) else ""

    def against_class(self, owner: Class) -> str:
        """Why ``train()`` of a class is not to be overridden: that is for whoever trains it."""
        reasons = (
            reason
            for cls, found in self._optional.items()
            if self._models.holds(cls, owner)
            for _, reason in found
        )
        return next(filter(None, reasons), "")
