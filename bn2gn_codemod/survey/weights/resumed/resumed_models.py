"""Models that are trained from scratch: nothing loads them but training that goes on.

What is called like a network may get its weights from whoever uses the code. Where a training
resumes the model, and loads nothing else anywhere, it begins with none, whatever it is called.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.syntax.nodes import walk_scope
from bn2gn_codemod.survey.values import Class, Instance, Weights
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations
from bn2gn_codemod.survey.weights.evaluated.spoken_weights import handles_weights
from bn2gn_codemod.survey.weights.loads import Loads
from bn2gn_codemod.survey.weights.resumed.restored_optimizers import restores_optimizer
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed, is_said_to_go_on

_TRAINS = re.compile(r"\.(?:backward|step|fit|train)\(|\btrain\w*\(")


def starts_nothing(flow: Flow, loads: Loads) -> bool:
    """Whether every load may be one that resumes, and no library gives any weights."""
    is_loaded = loads.of_class or loads.of_slot or loads.of_layer
    return not is_loaded and not any(map(library_model, flow.made_outside()))


class ResumedModels:
    """Tells the networks of models into which nothing loads weights but to go on."""

    def __init__(self, contents: Contents, loads: Loads, evaluations: Evaluations) -> None:
        self._contents = contents
        self._flow = contents.flow
        self._loads = loads
        self._evaluations = evaluations

    def where(self, slot: Slot) -> str | None:
        """The line by which a training goes on with all of the model around an attribute.

        Not where anything else is loaded, or where what is in the attribute, or the model,
        speaks of pretrained weights.
        """
        if not starts_nothing(self._flow, self._loads):
            return None
        models = self._contents.around(slot[0])
        inner = {
            cls
            for value in self._contents.of_slot[slot]
            if isinstance(value, Instance)
            for cls in (value.class_, *self._contents.below(value.class_))
        }
        left = self._loads_into(models | inner)
        if not left or not all(map(self._goes_on, left)):
            return None
        return left[0].spot.where

    @functools.cached_property
    def where_all_go_on(self) -> str | None:
        """The first line by which trainings go on, if nothing in the repository loads to begin."""
        if not starts_nothing(self._flow, self._loads):
            return None
        return self._where_restored({cls for cls in self._flow.classes if cls.is_module})

    def where_trained(self, cls: Class) -> str | None:
        """The same of a model that starts from nothing, be it in a repository with other ones.

        What a training restores together with its optimizer goes on as well.
        """
        if not self.starts_from_nothing(cls):
            return None
        return self._where_restored({*self._contents.around(cls), *self._contents.below(cls)})

    def _where_restored(self, classes: set[Class]) -> str | None:
        left = self._loads_into(classes)
        if not left:
            return None
        goes_on = all(self._goes_on(call) or self._restores(call, classes) for call in left)
        return left[0].spot.where if goes_on else None

    def starts_from_nothing(self, cls: Class) -> bool:
        """Whether every load into a model, its parts, or what holds it may be one that resumes."""
        loads, held = self._loads, self._contents.of_slot
        classes = self._contents.around(cls)
        kin = (*cls.ancestors(), *cls.descendants())
        classes |= {part for one in kin for part in self._contents.below(one)}
        slots = [slot for one in classes for slot in self._contents.slots_of.get(one, ())]
        return (
            not any(loads.of_class.get(base) for one in classes for base in one.ancestors())
            and not any(slot in loads.of_slot for slot in slots)
            and not any(
                value in loads.of_layer or library_model(value)
                for slot in slots
                for value in held[slot]
            )
            and self._gets_published.isdisjoint(classes)
        )

    @functools.cached_property
    def _gets_published(self) -> frozenset[Class]:
        """The classes into single layers of which weights from a URL go."""
        return frozenset(
            holder.class_
            for call in self._flow.load_calls
            if call.base is not None and any(map(self._are_published, call.weights))
            for holder in self._flow.values(call.base)
            if isinstance(holder, Instance)
        )

    def _are_published(self, weights: Node) -> bool:
        held = self._flow.values(weights)
        return any(isinstance(one, Weights) and one.kind == "url" for one in held)

    def _loads_into(self, classes: set[Class]) -> list[LoadCall]:
        """What code loads to train; none where one of the classes speaks of pretrained weights."""
        if any(handles_weights(cls.module, cls.node) for cls in classes):
            return []
        calls = [call for call in self._flow.load_calls if any(self._into(call, classes))]
        return [call for call in calls if not self._tells_nothing(call)]

    def _goes_on(self, call: LoadCall) -> bool:
        return is_resumed(self._flow, call) or is_said_to_go_on(self._flow, call)

    def _restores(self, call: LoadCall, classes: set[Class]) -> bool:
        return all(restores_optimizer(call, value) for value in self._into(call, classes))

    def _into(self, call: LoadCall, classes: set[Class]) -> Iterator[Instance]:
        for value in self._flow.values(call.receiver):
            if isinstance(value, Instance) and value.class_ in classes:
                yield value

    def _tells_nothing(self, call: LoadCall) -> bool:
        """Whether code that evaluates loads, or loads what it has trained itself.

        What a layer makes for itself is no load: ``self.weight = nn.Parameter(torch.Tensor(8))``.
        """
        function = call.spot.function
        if self._evaluations.only_evaluates(function.module) or self._makes_own_tensor(call):
            return True
        return any(
            isinstance(node, ast.For | ast.While)
            and (node.end_lineno or node.lineno) < call.spot.node.lineno
            and _TRAINS.search(ast.unparse(node)) is not None
            for node in walk_scope(function.node)
        )

    def _makes_own_tensor(self, call: LoadCall) -> bool:
        """Whether a class gives itself a tensor that no file and no other layer has."""
        own = call.spot.function.enclosing_class
        if own is None or not call.of_layer or call.sources:
            return False
        kin = (*own.ancestors(), *own.descendants())
        into, nodes = self._flow.values(call.receiver), (*call.weights, *call.made_of)
        return all(isinstance(one, Instance) and one.class_ in kin for one in into) and not any(
            isinstance(given, Weights) for node in nodes for given in self._flow.values(node)
        )
