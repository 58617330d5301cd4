"""Finished models that a script loads to evaluate them.

Their file is the outcome of a training. What training starts from is told by the code that
trains, or by the model itself, where these load weights as well.
"""

from __future__ import annotations

import functools
import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.flow.module_importers import importers_by_module
from bn2gn_codemod.survey.flow.started_functions import StartedFunctions
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.values import Class, Instance, Spot
from bn2gn_codemod.survey.weights.evaluated.evaluating_scripts import EvaluatingScripts
from bn2gn_codemod.survey.weights.loads import Load

_TRAINS = re.compile(
    rb"\.(?:backward|step|fit)\(|\.train\((?!(?:mode=)?False\))|\boptim\.\w+\(|Trainer\(|[Oo]ptimizer\("
)
_EVALUATES = re.compile(rb"\.eval\(\)|\bno_grad\(|\.train\((?:mode=)?False\)")


class Evaluations:
    """Tells the loads of scripts that evaluate from those that training starts with."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._scripts = EvaluatingScripts(flow)
        self._started = StartedFunctions(flow)

    def of_others(self, cls: Class, loads: list[Load]) -> list[Load]:
        """The loads into a class, without those of evaluations where training has its own."""
        left = [load for load in loads if not self._is_finished(cls, load)]
        if len(left) < len(loads) and any(self.starts_training(cls, load) for load in left):
            return left
        return loads

    def starts_training(self, cls: Class, load: Load) -> bool:
        """Whether the model loads itself so, or code that trains does it."""
        call = self._calls.get(load.where)
        if call is None or load.vague:
            return False
        is_inner = call.spot.function.enclosing_class in cls.ancestors()
        return is_inner or trains(call.spot.module)

    def is_never_trained(self, cls: Class, load: Load) -> bool:
        """Whether a class is loaded to be evaluated, and no code that trains makes an object of it.

        Then the load is none that training goes on from, for there is no training.
        """
        return self._is_finished(cls, load) and not self._is_made_for_training(cls)

    def is_only_evaluated(self, cls: Class, load: Load) -> bool:
        """The same, where the script that loads and evaluates it may have the class, too."""
        call = self._calls.get(load.where)
        is_own = (
            call is not None
            and call.spot.module is cls.module
            and call.spot.function.enclosing_class is None
            and self.only_evaluates(cls.module)
        )
        is_finished = is_own or self._is_finished(cls, load)
        return is_finished and not self._is_made_for_training(cls)

    def are_after_training(self, cls: Class, module: Module) -> bool:
        """Whether a module evaluates objects of a class that other code makes and trains."""
        is_other = module is not cls.module and self.only_evaluates(module)
        return is_other and self._scripts.has(module) and self._is_made_for_training(cls)

    def is_outcome(self, cls: Class, load: Load) -> bool:
        """Whether a class is loaded to be evaluated, and other code has an object and trains it.

        The load gives what came of that training, and not what it began with.
        """
        return self._is_finished(cls, load) and not self._trained.isdisjoint(cls.descendants())

    def is_outcome_for_certain(self, cls: Class, load: Load) -> bool:
        """:meth:`is_outcome`, where nothing that the script imports may train the object either."""
        call = self._calls.get(load.where)
        return (
            call is not None
            and self.is_outcome(cls, load)
            and not self._scripts.may_train(call.spot.module)
        )

    @functools.cached_property
    def _trained(self) -> set[Class]:
        """The classes of which a call in code that trains gives an object."""
        return {
            value.class_
            for function, calls in self._flow.calls_in.items()
            if trains(function.module)
            for _, call in calls
            for value in self._flow.value_of(call)
            if isinstance(value, Instance) and not value.weak
        }

    def are_of_finished(self, cls: Class, load: Load) -> bool:
        """Whether a model around the class, that is made to be evaluated alone, loads it.

        Training has objects of the class without the model, and so without the weights.
        """
        call = self._calls.get(load.where)
        whole = call.spot.function.class_ if call is not None else None
        if whole is None or load.kind != "file" or whole in (*cls.ancestors(), *cls.descendants()):
            return False
        made = [one for child in whole.descendants() for one in self._made(child)]
        return (
            bool(made)
            and all(self.only_evaluates(one.module) for one in made)
            and self._is_made_for_training(cls, but=whole)
        )

    def _is_made_for_training(self, cls: Class, but: Class | None = None) -> bool:
        """Whether code that trains, or that it makes use of, makes an object of the class.

        What the class ``but`` makes is not counted.
        """
        return any(
            any(map(trains, self._users_of(spot.module)))
            for child in cls.descendants()
            for spot in self._made(child)
            if but is None or spot.function.enclosing_class not in but.ancestors()
        )

    def _made(self, cls: Class) -> list[Spot]:
        """Where objects of a class are made."""
        made = self._flow.instances.get(cls, ())
        return [one.spot for one in made if one.spot is not None]

    def _is_finished(self, cls: Class, load: Load) -> bool:
        """Whether code with which nothing is trained evaluates what it loads."""
        call = self._calls.get(load.where)
        module = call.spot.module if call is not None else cls.module
        if module is cls.module:
            return False
        return self.only_evaluates(module) or (call is not None and self._only_looks(call.spot))

    def _only_looks(self, spot: Spot) -> bool:
        """Whether a script evaluates there what it is started for, whoever imports other parts.

        ``def main(): ...`` of a file out of which training takes its ``validate``.
        """
        return (
            evaluates(spot.module)
            and not trains(spot.module)
            and self._started.is_only_started(spot.function, spot.node)
        )

    @property
    def are_names_computed(self) -> bool:
        """Whether code may come to other files, and what is in them, by names not written there."""
        return self._scripts.has_computed_names

    def only_evaluates(self, module: Module) -> bool:
        """Whether a module evaluates models, and nothing that uses it trains any."""
        return evaluates(module) and not any(map(trains, self._users_of(module)))

    @functools.cached_property
    def _calls(self) -> dict[str, LoadCall]:
        return {call.spot.where: call for call in self._flow.load_calls}

    def _users_of(self, module: Module) -> list[Module]:
        """The module and those that import it, or import one that does."""
        found = [module]
        for one in found:
            users = (self._flow.by_path[path] for path in sorted(self._importers.get(one, ())))
            found.extend(user for user in users if user not in found)
        return found

    @functools.cached_property
    def _importers(self) -> dict[Module, set[str]]:
        return importers_by_module(self._flow)


def trains(module: Module) -> bool:
    """Whether code of a module trains something, by its text."""
    return _TRAINS.search(module.source.data) is not None


def evaluates(module: Module) -> bool:
    """Whether code of a module evaluates something, by its text."""
    return _EVALUATES.search(module.source.data) is not None
