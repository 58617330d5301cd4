"""Where each model is frozen: once, where several optimizers share it."""

from __future__ import annotations

import ast

from bn2gn_codemod.plan import TrainScript
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.certain_modules import CertainModules
from bn2gn_codemod.survey.statements.made_anew import is_made_anew, reads
from bn2gn_codemod.survey.statements.scopes import assignments, targets_of
from bn2gn_codemod.survey.training.model_places import Insertion, ModelPlaces
from bn2gn_codemod.survey.training.optimizers import Optimizer
from bn2gn_codemod.survey.training.scripts import TrainScripts
from bn2gn_codemod.survey.values import Instance


class SharedFreezes:
    """Finds the statements after which models are frozen, one for all the optimizers of a model."""

    def __init__(
        self, flow: Flow, certain: CertainModules, scripts: TrainScripts, places: ModelPlaces
    ) -> None:
        self._flow = flow
        self._certain = certain
        self._scripts = scripts
        self._places = places

    def of(self, entries: list[Optimizer], scripts: list[TrainScript]) -> list[Insertion | None]:
        """Where each unfrozen model is to be frozen; once where several optimizers share it."""
        found = [
            None if script.state == "frozen" else self._insertion(entry)
            for entry, script in zip(entries, scripts, strict=True)
        ]
        planned = [insertion for insertion in found if insertion is not None]
        return [
            min(
                (
                    other
                    for other in planned
                    if other is insertion
                    or (
                        _is_of_same_model(other, insertion)
                        and not self._is_made_beside(other, insertion)
                    )
                ),
                key=lambda other: other.after.lineno,
            )
            if insertion is not None
            else None
            for insertion in found
        ]

    def add_overridden(
        self,
        entries: list[Optimizer],
        scripts: list[TrainScript],
        insertions: list[Insertion | None],
    ) -> None:
        """Add the places where subclasses make the model of an optimizer instead."""
        for entry, script, insertion in list(zip(entries, scripts, insertions, strict=True)):
            for place in self._places.overridden(insertion) if insertion is not None else ():
                if place not in insertions:
                    entries.append(entry)
                    scripts.append(script._replace(optimizer=place.scope.place(place.after)))
                    insertions.append(place)

    def _insertion(self, entry: Optimizer) -> Insertion | None:
        found = self._scripts.insertion(entry)
        if found is None or not entry.doubt:
            return found
        # ``net`` of ``Actor(net)``, which is what the optimizer is given
        is_other = found.model != entry.model
        certain = is_other and self._certain.names_module(found.scope.function, found.model)
        return found if certain else None

    def _is_made_beside(self, first: Insertion, second: Insertion) -> bool:
        """Whether a call that is handed a model gives another one: ``d["b"], _ = make(d["a"])``.

        Only of what is unpacked into a dict is known what each key gets.
        """
        stored = targets_of(second.after, second.model)
        given = {
            held
            for target in stored
            if isinstance(target, ast.Subscript)
            for held in self._flow.value_of(target)
            if isinstance(held, Instance)
        }
        known = {
            held
            for _, value in assignments(first.after, first.model)
            if value is not None
            for held in self._flow.value_of(value)
        }
        return bool(given) and bool(known) and given.isdisjoint(known)


def _is_of_same_model(first: Insertion, second: Insertion) -> bool:
    """Whether what ``second`` would freeze is frozen by ``first`` on every way there."""
    if first.scope.function is not second.scope.function:
        return False
    if first.after is second.after:
        return first.model == second.model
    if not second.scope.surely_before(first.after, second.after):
        return False
    if is_made_anew(first.scope, first.after, second.after, first.model):
        return False
    return all(
        reads(value, {first.model})
        for made, _ in assignments(second.after, second.model)
        # also of ``net, optimizer = prepare(model, optimizer)``
        if isinstance(made, (ast.Assign, ast.AnnAssign, ast.AugAssign))
        for value in [made.value]
        if value is not None
    )
