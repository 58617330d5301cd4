"""Models that a library builds from a config, and trains: ``train_detector(model, dataset, cfg)``.

Which of the repository's networks is in them, only the config says; the optimizer is the library's.
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

_RUNS = re.compile(r"mm\w+\.(?:\w+\.)*train_(?:detector|segmentor|model)")


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
                if call.args and self._is_run(call) and not self._models.of(call.args[0]):
                    model = ast.unparse(call.args[0])
                    yield TrainScript(scope.place(statement), model, (), "unfollowed")

    def _is_run(self, call: ast.Call) -> bool:
        return any(
            isinstance(value, External) and _RUNS.fullmatch(value.name) is not None
            for value in self._flow.value_of(call.func)
        )
