"""Models that a library builds from a config, and trains: ``train_detector(model, dataset, cfg)``.

Which of the repository's networks is in them, only the config says; the optimizer is the library's,
as that of ``build_optimizer(cfg, model)`` in a train loop around a model of detectron2.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from bn2gn_codemod.plan import TrainScript
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.training.scripts import TrainScripts
from bn2gn_codemod.survey.values import Class, External

# By what is called, the place of the model among the arguments.
_RUNS = {
    re.compile(r"mm\w+\.(?:\w+\.)*train_(?:detector|segmentor|model)"): 0,
    re.compile(r"detectron2\.solver\.(?:\w+\.)*build_optimizer"): 1,
}


class LibraryRuns:
    """Finds where a library trains what may have a pretrained network of the repository in it."""

    def __init__(self, flow: Flow, models: TrainedModels, scripts: TrainScripts) -> None:
        self._flow = flow
        self._models = models
        self._scripts = scripts

    def find(self, scopes: Iterable[Scope], loaded: Iterable[Class]) -> Iterator[TrainScript]:
        """``loaded``: the classes of the repository that weights are loaded into.

        Nothing is said where all of them keep their BatchNorm in eval mode themselves.
        """
        if all(map(self._scripts.keeps_eval, filter(self._models.paths_below, loaded))):
            return
        for scope in scopes:
            for statement, call in scope.calls:
                model = self._trained(call)
                if model is not None and not self._models.of(model):
                    place = scope.place(statement)
                    yield TrainScript(place, ast.unparse(model), (), "unfollowed")

    def _trained(self, call: ast.Call) -> ast.expr | None:
        """The model that a library trains there, or makes an optimizer for."""
        called = [v.name for v in self._flow.value_of(call.func) if isinstance(v, External)]
        places = (at for run, at in _RUNS.items() if any(map(run.fullmatch, called)))
        at = next(places, len(call.args))
        return call.args[at] if at < len(call.args) else None
