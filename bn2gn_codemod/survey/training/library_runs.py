"""Models that a library builds from a config, and trains: ``train_detector(model, dataset, cfg)``.

Which of the repository's networks is in them, only the config says; the optimizer is the library's,
as that of ``build_optimizer(cfg, model)`` in a train loop around a model of detectron2.
A copy of such a training in the repository has the library make the optimizer from the config:
``build_optimizer(model, cfg.optimizer)``, and ``obj_from_dict`` before that.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from bn2gn_codemod.plan import TrainScript
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.syntax.nodes import dotted, walk
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.training.self_freezing import SelfFreezing
from bn2gn_codemod.survey.values import Class, External

# By what is called, the place of the model among the arguments.
_RUNS = {
    re.compile(
        r"mm\w+\.(?:\w+\.)*(?:train_(?:detector|segmentor|model)|build_optim(?:izer|_wrapper))"
    ): 0,
    re.compile(r"detectron2\.solver\.(?:\w+\.)*build_optimizer"): 1,
}
_MAKES = re.compile(r"mmcv\.(?:\w+\.)*obj_from_dict")


class LibraryRuns:
    """Finds where a library trains what may have a pretrained network of the repository in it."""

    def __init__(self, flow: Flow, models: TrainedModels, own: SelfFreezing) -> None:
        self._flow = flow
        self._models = models
        self._own = own

    def may_train(self, loaded: Iterable[Class]) -> bool:
        """Whether networks of the repository may be in them, and would be in train mode.

        ``loaded``: the classes of the repository that weights are loaded into.
        """
        return not all(map(self._own.keeps_eval, filter(self._models.paths_below, loaded)))

    def find(self, scopes: Iterable[Scope]) -> Iterator[TrainScript]:
        """The calls, one for each file."""
        told: set[str] = set()  # one for each file: the others are for other ways to train
        for scope in scopes:
            if scope.function.module.is_test:
                continue
            for statement, call in scope.calls:
                model = self._model(call)
                if model is None or self._models.of(model) or scope.path in told:
                    continue
                told.add(scope.path)
                yield TrainScript(scope.place(statement), ast.unparse(model), (), "unfollowed")

    def _model(self, call: ast.Call) -> ast.expr | None:
        """The model that a library trains, or makes the optimizer for, by a config."""
        names = [one.name for one in self._flow.value_of(call.func) if isinstance(one, External)]
        for run, at in _RUNS.items():
            if any(map(run.fullmatch, names)):
                named = [one.value for one in call.keywords if one.arg == "model"]
                return next(iter([*call.args[at : at + 1], *named]), None)
        if any(map(_MAKES.fullmatch, names)) and "optim" in map(_last_word, call.args[1:2]):
            return next((owner for given in call.args[2:] for owner in _owners(given)), None)
        return None


def _last_word(expr: ast.expr) -> str:
    """``torch.optim`` -> ``optim``."""
    return (dotted(expr) or "").rpartition(".")[2]


def _owners(given: ast.expr) -> Iterator[ast.expr]:
    """``model`` of ``dict(params=model.parameters())``."""
    for node in walk(given):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr="parameters")):
                yield owner
            case _:
                pass
