"""Models that a library builds from a config, and trains: ``train_detector(model, dataset, cfg)``.

Which of the repository's networks is in them, only the config says; the optimizer is the library's,
as that of ``build_optimizer(cfg, model)`` in a train loop around a model of detectron2.
A copy of such a training in the repository has the library make the optimizer from the config:
``build_optimizer(model, cfg.optimizer)``, and ``obj_from_dict`` before that. So does a copy of
that function, which ends in ``build_from_cfg(cfg, OPTIMIZERS)``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Set

from bn2gn_codemod.plan import Place, TrainScript
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.syntax.nodes import (
    all_arguments,
    call_name,
    dotted,
    given_arguments,
    walk,
)
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.training.self_freezing import SelfFreezing
from bn2gn_codemod.survey.values import Class, External, Function, FunctionValue

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
        self._sites = CallSites(flow)

    def may_train(self, loaded: Iterable[Class]) -> bool:
        """Whether networks of the repository may be in them, and would be in train mode.

        ``loaded``: the classes of the repository that weights are loaded into.
        """
        return not all(map(self._own.keeps_eval, filter(self._models.paths_below, loaded)))

    def find(
        self, scopes: Iterable[Scope], followed: Set[Function], with_known: bool = False
    ) -> Iterator[TrainScript]:
        """The calls, one for each file.

        ``followed``: the functions in which an optimizer is found over a model that is known.
        ``with_known``: also where it is known which model that is.
        """
        told: set[str] = set()  # one for each file: the others are for other ways to train
        for scope in scopes:
            if scope.function.module.is_test:
                continue
            for statement, call in scope.calls:
                model = self._model(call)
                if model is None or (
                    self._is_told(model, call, followed)
                    and not (with_known and followed.isdisjoint(self._called(call)))
                ):
                    continue
                for place, name in self._trained(scope, statement, model):
                    if place.path not in told:
                        told.add(place.path)
                        yield TrainScript(place, name, (), "unfollowed")

    def _trained(
        self, scope: Scope, statement: ast.stmt, model: ast.expr
    ) -> list[tuple[Place, str]]:
        """Where a training asks for the optimizer; the call itself, where nothing else makes it.

        ``def build_optimizers(model, cfgs): return build_optimizer(model, cfgs)``
        """
        function = scope.function
        asked = [
            (caller.module.place(call), ast.unparse(given))
            for caller, call in (self._sites.of(function) if _makes_optimizers(function) else ())
            for given in given_arguments(call)[:1]
            if not caller.module.is_test
        ]
        return asked or [(scope.place(statement), ast.unparse(model))]

    def _is_told(self, model: ast.expr, call: ast.Call, followed: Set[Function]) -> bool:
        """Whether it is known which model that is, so that the others speak of its optimizer.

        What a copy of the library's function builds is no optimizer to them, and which of several
        models it gets only the config says.
        """
        classes = self._models.of(model)
        copies = [one for one in self._called(call) if _builds_optimizer(one)]
        if len(classes) < 2 or not copies or any(one in followed for one in copies):
            return bool(classes)
        return all(map(self._own.keeps_eval, filter(self._models.paths_below, classes)))

    def _called(self, call: ast.Call) -> Iterator[Function]:
        for value in self._flow.value_of(call.func):
            if isinstance(value, FunctionValue):
                yield value.function

    def _model(self, call: ast.Call) -> ast.expr | None:
        """The model that a library trains, or makes the optimizer for, by a config."""
        names = [one.name for one in self._flow.value_of(call.func) if isinstance(one, External)]
        for run, at in _RUNS.items():
            if any(map(run.fullmatch, names)):
                named = [one.value for one in call.keywords if one.arg == "model"]
                return next(iter([*call.args[at : at + 1], *named]), None)
        for function in filter(_builds_optimizer, self._called(call)):
            return next(_owners_given(function, call), None)
        if any(map(_MAKES.fullmatch, names)) and "optim" in map(_last_word, call.args[1:2]):
            return next((owner for given in call.args[2:] for owner in _owners(given)), None)
        return None


def _builds_optimizer(function: Function) -> bool:
    """Whether a function ends in ``build_from_cfg(cfg, OPTIMIZERS)``, copied as well or not."""
    for node in walk(function.node):
        match node:
            case ast.Return(value=ast.Call(args=[_, registry, *_]) as call):
                if call_name(call) == "build_from_cfg" and "OPTIM" in _last_word(registry):
                    return True
            case _:
                pass
    return False


def _owners_given(function: Function, call: ast.Call) -> Iterator[ast.expr]:
    """What a call hands over as that whose parameters the function reads."""
    if not isinstance(function.node, ast.FunctionDef):
        return
    names = [one.arg for one in all_arguments(function.node.args)]
    read = {one.id for one in _owners(function.node) if isinstance(one, ast.Name)}
    given = dict(zip(names, call.args, strict=False))
    given |= {one.arg: one.value for one in call.keywords if one.arg is not None}
    yield from (given[name] for name in names if name in read and name in given)


def _makes_optimizers(function: Function) -> bool:
    return function.name.rpartition(".")[2].startswith("build_optim")


def _last_word(expr: ast.expr) -> str:
    """``torch.optim`` -> ``optim``."""
    return (dotted(expr) or "").rpartition(".")[2]


def _owners(given: ast.AST) -> Iterator[ast.expr]:
    """``model`` of ``dict(params=model.parameters())``."""
    for node in walk(given):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr="parameters" | "named_parameters")):
                yield owner
            case _:
                pass
