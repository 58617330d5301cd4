"""Models that are only there as they were published: whatever makes one loads all of it.

The code that trains has other models, or is not here: then it is code that evaluates which tells
of them. What the file holds was made with the norms that the code has now, in the new parts as
well, and would not fit any others. A part of such a model is loaded with it, whatever network it
has of its own.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.main_blocks import is_in_main_block
from bn2gn_codemod.survey.statements.run_conditions import blocks_around
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Class, Function, Instance, Value
from bn2gn_codemod.survey.weights.entries.skipped_keys import kept_words, skipped_keys
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations, evaluates
from bn2gn_codemod.survey.weights.read_loads import read_load
from bn2gn_codemod.survey.weights.resumed.resumed_training import is_resumed
from bn2gn_codemod.survey.weights.starts.always_read_files import runs_always
from bn2gn_codemod.survey.weights.starts.loading_code import LoadingCode, Place
from bn2gn_codemod.survey.weights.starts.started_trainings import StartedTrainings
from bn2gn_codemod.survey.weights.starts.warm_starts import may_train


class ReferenceModels:
    """Tells the classes of such models."""

    def __init__(self, contents: Contents, evaluations: Evaluations) -> None:
        self._contents = contents
        self._flow = contents.flow
        self._call_sites = CallSites(contents.flow)
        self._trainings = StartedTrainings(contents, evaluations)
        self._code = LoadingCode(contents.flow, self._call_sites, self._trainings)
        self._known: dict[Class, str | None] = {}

    def where(self, slot: Slot) -> str | None:
        """The line that loads an object with an attribute, if each is loaded when it is made.

        Not where such a part is made for other models as well: a training may have it there, and
        the file be what came of that.
        """
        parts = {one for one in self._contents.of_slot[slot] if isinstance(one, Instance)}
        kin = {*slot[0].ancestors(), *slot[0].descendants()}
        alike = (
            one
            for part in parts
            for kind in part.class_.descendants()
            for one in self._flow.instances.get(kind, ())
            if one.spot is not None
        )
        if all(one in parts or self._is_only_in(one, kin) for one in alike):
            return self._where_all(slot[0])
        return None

    def _is_only_in(self, part: Instance, kin: set[Class]) -> bool:
        """Whether nothing but objects of some classes holds what was made."""
        holding = self._contents.held_in.get(part, ())
        return bool(holding) and all(cls in kin or self._where_all(cls) for cls, _ in holding)

    def _where_all(self, cls: Class) -> str | None:
        if cls not in self._known:
            self._known[cls] = None  # what holds itself is loaded by what else holds it
            made = [one for kind in cls.descendants() for one in self._flow.instances.get(kind, ())]
            found = [
                self._load_of(one) or self._load_with_holders(one)
                for one in made
                if one.spot is not None and not self._is_tried_out(one)
            ]
            self._known[cls] = found[0] if found and all(found) else None
        return self._known[cls]

    def _is_tried_out(self, value: Instance) -> bool:
        """Whether the file of a class makes one where it is started, and trains none."""
        spot = value.spot
        return (
            spot is not None
            and spot.module is value.class_.module
            and is_in_main_block(spot.function, spot.node)
            and value not in self._trainings.optimized.given
        )

    def _load_with_holders(self, part: Instance) -> str | None:
        """The line that loads a part of models which are all loaded, where nothing trains it."""
        if part in self._trainings.optimized.given:
            return None
        holding = dict.fromkeys(cls for cls, _ in self._contents.held_in.get(part, ()))
        found = [self._where_all(cls) for cls in holding]
        return found[0] if found and all(found) else None

    @functools.cached_property
    def _something_trains(self) -> bool:
        """Whether the repository trains other models; else its users may train what it loads."""
        given = self._trainings.optimized.given
        return any(isinstance(one, Instance) and one.class_.is_module for one in given)

    def _load_of(self, value: Instance) -> str | None:
        """The line that loads an object whenever it is made, where nothing trains it."""
        loads = list(self._loads_into(value))
        if value.spot is None or not loads or value in self._trainings.optimized.given:
            return None
        loading: dict[ast.AST, LoadCall] = {}
        for call in loads:
            steps = list(self._code.steps(call, value))
            if any(self._trains(step.function, step.models) for step in steps):
                return None
            is_told = call.strict and self._something_trains
            if not is_told and not any(evaluates(step.function.module) for step in steps):
                continue
            for step in steps:
                if all(runs_always(*place) for place in step.way[:-1]):
                    loading.setdefault(step.way[-1][1], call)
        place = (value.spot.function, value.spot.node)
        return loads[0].spot.where if self._is_loaded(place, value, set(loading), set()) else None

    def _loads_into(self, value: Instance) -> Iterator[LoadCall]:
        """What loads all of an object from a file, for no training that goes on."""
        for call in self._flow.load_calls:
            if call.into_tensors or call.of_driver:
                continue
            if not call.strict and _leaves_out(call):
                continue
            if self._flow.is_crowded(call.receiver) or value not in self._flow.values(
                call.receiver
            ):
                continue
            if read_load(self._flow, call) is not None and not is_resumed(self._flow, call):
                yield call

    def _is_loaded(
        self, place: Place, value: Instance, loading: set[ast.AST], seen: set[ast.AST]
    ) -> bool:
        """Whether a load follows wherever the object is there: where it is made, or given back."""
        function, node = place
        if node in seen:
            return True
        seen.add(node)
        if any(_follows(function, node, load) for load in loading):
            return True
        sites = self._call_sites.of(function)
        return (
            bool(sites)
            and value in self._flow.values(self._flow.return_node(function))
            and all(self._is_loaded(site, value, loading, seen) for site in sites)
        )

    def _trains(self, function: Function, models: frozenset[Value]) -> bool:
        return may_train(function) or bool(self._trainings.by_others(function, models))


def _leaves_out(call: LoadCall) -> bool:
    """Whether the code sorts entries of the file out, and so may leave parts without weights."""
    place = (call.spot.function, call.spot.node)
    return bool(skipped_keys(*place) or kept_words(*place))


def _follows(function: Function, first: ast.AST, second: ast.AST) -> bool:
    """Whether whatever comes to the first place comes to the second one next."""
    around = blocks_around(function.node, second)
    if not around:
        return False
    block, index = around[-1]
    for other, place in blocks_around(function.node, first):
        if other is block and place <= index:
            left = (node for statement in block[place:index] for node in walk(statement))
            return not any(isinstance(node, ast.Return) for node in left)
    return False
