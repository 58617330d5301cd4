"""Other methods of a trainer that give a frozen backbone its gradients back.

The optimizer is built in ``__init__``, and ``train()``, which runs later, sets
``requires_grad`` on all of ``self.model``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_order import CallOrder, Event
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.freezing.code import FreezingCode
from bn2gn_codemod.survey.freezing.effects import Effect, Part, thaws
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.training.optimizers import Optimizer
from bn2gn_codemod.survey.values import Class, Function


class LaterThaws:
    """Looks through the class that keeps a model, its bases and its subclasses."""

    def __init__(self, flow: Flow, models: TrainedModels, code: FreezingCode) -> None:
        self._models = models
        self._code = code
        self._order = CallOrder(flow, CallSites(flow))

    def first(self, entry: Optimizer) -> Effect | None:
        """The first thaw in a method that runs after the one that builds the optimizer."""
        function = entry.scope.function
        if function.class_ is None or entry.model.split(".")[0] != "self":
            return None
        built: list[Event] | None = None
        for method in _methods(function.class_):
            found = None if method is function else self._thaw(method, entry, len(_body(method)))
            if found is None:
                continue
            built = built or list(self._order.events(function, entry.statement))
            thawed = list(self._order.events(method, self._statement(method, entry)))
            if self._order.comes_first(built, thawed):
                return found
        return None

    def _thaw(self, method: Function, entry: Optimizer, length: int) -> Effect | None:
        """What gives gradients back in so many statements of a method."""
        roots = {entry.model: Part(())}
        effects = self._code.effects(_body(method)[:length], method, roots, entry.models)
        found = (thaws(effects, self._models.model(cls)) for cls in entry.models)
        return next((effect for effect in found if effect is not None), None)

    def _statement(self, method: Function, entry: Optimizer) -> ast.stmt:
        """The statement of a method that thaws, itself or by what it calls."""
        body = _body(method)
        return next(
            statement
            for length, statement in enumerate(body, 1)
            if self._thaw(method, entry, length) is not None
        )


def _methods(cls: Class) -> Iterator[Function]:
    related = dict.fromkeys([*cls.ancestors(), *cls.descendants()])
    return (method for one in related for method in one.methods.values())


def _body(method: Function) -> list[ast.stmt]:
    node = method.node
    return [] if isinstance(node, (ast.Module, ast.Lambda)) else node.body
