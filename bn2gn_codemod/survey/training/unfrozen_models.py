"""Which trained models have no freeze before their optimizers: they need no guard either."""

from __future__ import annotations

from collections.abc import Iterable

from bn2gn_codemod.plan import TrainScript
from bn2gn_codemod.survey.flow.shared_import import NotPlaced
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.training.optimizers import Optimizer
from bn2gn_codemod.survey.values import Class


class UnfrozenModels:
    """Notes, by class of a model, the optimizers that train it with and without a freeze."""

    def __init__(self, models: TrainedModels) -> None:
        self._models = models
        # Its file for each optimizer, and where that is said if it has no freeze, for whatever
        # reason.
        self._unfrozen: dict[Class, list[tuple[str, str]]] = {}

    def note(self, entries: list[Optimizer], scripts: list[TrainScript]) -> None:
        """Note the models by the optimizers before which they are not frozen."""
        for entry, script in zip(entries, scripts, strict=True):
            place, is_frozen = script.optimizer, script.state == "frozen" or script.fix
            where = "" if is_frozen else f"{place.path}:{place.line}"
            for cls in entry.models:
                self._unfrozen.setdefault(cls, []).append((place.path, where))

    def require(self, models: Iterable[Class], path: str) -> None:
        """Raise ``NotPlaced`` where none of the optimizers of models has a freeze before it.

        In eval mode alone, weight and bias would be trained on. Of several optimizers, those in
        the file of the guard count, where there are any.
        """
        models = list(models)
        found = [
            one
            for cls, places in self._unfrozen.items()
            if any(self._models.holds(*pair) for model in models for pair in _both(model, cls))
            for one in places
        ]
        found = [one for one in found if one[0] == path] or found
        if found and all(where for _, where in found):
            raise NotPlaced(f"the freeze that it belongs to is not written ({found[0][1]})")


def _both(first: Class, second: Class) -> list[tuple[Class, Class]]:
    """Two classes, each as what may hold the other one."""
    return [(first, second), (second, first)]
