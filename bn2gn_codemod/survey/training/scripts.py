"""Train scripts: whether the backbone is frozen by the time the optimizer is built."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from bn2gn_codemod.generated.freezing import FREEZE, recognise_freeze
from bn2gn_codemod.plan import Place, TrainCall, TrainScript
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.freezing.code import FreezingCode
from bn2gn_codemod.survey.freezing.effects import (
    WRAPPERS,
    Coverage,
    Effect,
    Part,
    coverage,
    extent,
    thaws,
    wakes,
    without_options,
)
from bn2gn_codemod.survey.statements.made_anew import makes_anew
from bn2gn_codemod.survey.statements.scopes import (
    assignments,
    binds,
    calls,
)
from bn2gn_codemod.survey.syntax.nodes import call_name, flat
from bn2gn_codemod.survey.training.evaluating_loops import lasts_in_training
from bn2gn_codemod.survey.training.later_thaws import LaterThaws
from bn2gn_codemod.survey.training.model_places import Insertion, ModelPlaces
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.training.optimizers import Optimizer, Optimizers
from bn2gn_codemod.survey.training.self_freezing import SelfFreezing
from bn2gn_codemod.survey.values import Class, FunctionValue

State = Literal["frozen", "late", "optional", "partly", "in train", "nothing", "unfrozen"]


class _Around(NamedTuple):
    """What is done to a model before its optimizer is built, after, and where it is made."""

    before: list[Effect]
    after: list[Effect]
    where_made: list[Effect]


class TrainScripts:
    """What is known of each optimizer and the models that it trains."""

    def __init__(
        self,
        flow: Flow,
        models: TrainedModels,
        code: FreezingCode,
        own: SelfFreezing,
        optimizers: Optimizers,
        places: ModelPlaces,
        whole: bool,
    ) -> None:
        """``whole``: all parameters of the backbone are to be frozen, not only BatchNorm's."""
        self._flow = flow
        self._models = models
        self._code = code
        self._own = own
        self._optimizers = optimizers
        self._places = places
        self._whole = whole
        self._later_thaws = LaterThaws(flow, models, code)
        self._followed: dict[Optimizer, _Around] = {}
        self._aliases_of: dict[Optimizer, frozenset[str]] = {}

    def script(self, entry: Optimizer) -> TrainScript:
        """The state of the backbone when the optimizer is built."""
        state = self.state(entry)
        is_only_named = self._models.are_only_named(entry.models)
        return TrainScript(
            optimizer=entry.scope.place(entry.statement),
            model=entry.model,
            backbone=self._models.names(entry.models).backbone,
            state=state,
            option=self._option(entry) if state == "optional" else "",
            thaw=self._thaw(entry),
            is_only_named=is_only_named,
            is_from_scratch=is_only_named and self._models.starts_nothing,
            is_unstarted=is_only_named and self._models.start_from_nothing(entry.models),
            is_beside=entry.is_beside,
            classes=tuple(sorted(cls.module.place(cls.node) for cls in entry.models)),
        )

    # --------------------------------------------------------------- state

    def state(self, entry: Optimizer) -> State:
        """Judged for every class that the model may be; the worst counts."""
        if self._is_frozen_by_ours(entry):
            return "frozen"
        states = {self._state(entry, cls) for cls in entry.models}
        order: tuple[State, ...] = (
            "unfrozen",
            "nothing",
            "in train",
            "partly",
            "optional",
            "late",
            "frozen",
        )
        return next(state for state in order if state in states)

    def _is_frozen_by_ours(self, entry: Optimizer) -> bool:
        """Whether the generated call stands there already, on all that it would be written for.

        A script too tangled to follow must not get a second one.
        """
        names = self._models.names(entry.models)
        top = self._places.top_of(entry)
        aliases, own = self._aliases(entry), self._of_this_model(entry)
        for statement, call in [*entry.scope.calls, *(top.calls if top is not None else ())]:
            if call_name(call) == FREEZE and call.args and ast.unparse(call.args[0]) in aliases:
                if own and statement in entry.scope.before(own[-1]):
                    continue  # it froze another model of that name
                for value in self._flow.value_of(call.func):
                    if isinstance(value, FunctionValue) and statement is not entry.statement:
                        ours = recognise_freeze(value.function.module.tree)
                        if ours is not None and ours.covers(names.backbone, names.wrappers):
                            return True
        return False

    def _state(self, entry: Optimizer, cls: Class) -> State:
        if self._own.freezes_itself(cls):
            return "frozen"
        earlier, later = self._before(entry), self._after(entry)
        before = self._coverage(earlier, entry, cls)
        if before.freezes:
            return "frozen"
        where_made = self._effects_where_made(entry)
        made = self._coverage(where_made, entry, cls)
        if made.freezes:
            return "frozen"
        if self._coverage(earlier + _without_evaluation(later), entry, cls).freezes:
            return "late"
        if any(
            self._coverage(without_options(effects), entry, cls).freezes
            for effects in (earlier, where_made)
        ):
            return "optional"
        if before.touches or made.touches or self._own.stops_gradient_inside(cls):
            return "partly"
        if self._coverage(self._kept_in_loop(later), entry, cls).evaluates:
            return "partly"  # in each epoch, as the train loop does it
        if self._own.freezes_in_train(cls):
            return "in train"
        return "nothing" if before.misses or made.misses else "unfrozen"

    def _kept_in_loop(self, later: list[Effect]) -> list[Effect]:
        """The effects on parts of a model that no ``train()`` of it undoes before its steps."""
        wholes = [i for i, one in enumerate(later) if one.kind == "train" and _is_of_whole(one)]
        return [
            effect
            for effect in later[wholes[-1] + 1 if wholes else 0 :]
            if not _is_of_whole(effect) and lasts_in_training(self._flow, effect)
        ]

    def _before(self, entry: Optimizer) -> list[Effect]:
        return self._around(entry).before

    def _after(self, entry: Optimizer) -> list[Effect]:
        return self._around(entry).after

    def _effects_where_made(self, entry: Optimizer) -> list[Effect]:
        return self._around(entry).where_made

    def _around(self, entry: Optimizer) -> _Around:
        """Followed once, and judged for each class that the model may be."""
        if entry not in self._followed:
            order, index = entry.scope.order, entry.scope.order.index(entry.statement)
            # Not the block around it as a whole: most of that comes after.
            earlier = self._of_this_model(entry)[::-1]
            self._followed[entry] = _Around(
                self._effects(entry, earlier),
                self._effects(entry, order[index:]),
                self._follow_where_made(entry),
            )
        return self._followed[entry]

    def _of_this_model(self, entry: Optimizer) -> list[ast.stmt]:
        """What surely comes before the optimizer, back to where its model is made; nearest first.

        What was done to another one of that name before is not done to this one.
        """
        found: list[ast.stmt] = []
        for statement in entry.scope.before(entry.statement):
            found.append(statement)
            if makes_anew(statement, entry.model, self._aliases(entry)) and any(
                value is not None and self._models.of(value)
                for _, value in assignments(statement, entry.model)
            ):
                break
        return found

    def _option(self, entry: Optimizer) -> str:
        """The option that freezes the backbone, and where it is asked."""
        for effect in self._before(entry) + self._effects_where_made(entry):
            option = effect.option
            if effect.kind in ("eval", "no gradient") and option is not None:
                assert option.node is not None
                where = f"{option.module_path}:{option.node.lineno}"
                return f"{ast.unparse(option.node)} ({where})"
        return ""

    def _thaw(self, entry: Optimizer) -> Place | None:
        """Where some of the backbone gets its gradients back after the optimizer is built."""
        here = (thaws(self._after(entry), self._models.model(cls)) for cls in entry.models)
        found = next((effect for effect in here if effect is not None), None)
        found = found or self._later_thaws.first(entry)
        return self._place(found) if found is not None else None

    def _place(self, effect: Effect) -> Place | None:
        if effect.node is None:
            return None
        source = self._flow.by_path[effect.module_path].source
        column = source.column(effect.node.lineno, effect.node.col_offset)
        return Place(effect.module_path, effect.node.lineno, column)

    def awake(self, entry: Optimizer) -> Iterator[TrainCall]:
        """Calls of ``train()`` on layers of the backbone, after the optimizer is built.

        No guard reaches them: neither the model's own ``train()`` is called there nor its loop's.
        """
        for cls in entry.models:
            for effect in wakes(self._after(entry), self._models.model(cls)):
                place = self._place(effect)
                if place is not None:
                    reason = "it is called on layers of the backbone: leave BatchNorm out there"
                    yield TrainCall(place, entry.model, guarded=False, reason=reason)

    def extent(self, entry: Optimizer, cls: Class) -> dict[str, str]:
        """What is without gradient when the optimizer is built, by part of the model."""
        effects = self._effects_where_made(entry) + self._before(entry)
        return extent(effects, self._models.model(cls, self._places.wrappers.is_wrapped(entry)))

    def hidden(self, entry: Optimizer) -> Iterator[tuple[Effect, ast.Call]]:
        """Effects that a SyncBatchNorm conversion before them hides, and the conversion."""
        order = entry.scope.order
        for index, statement in enumerate(order):
            conversion = next(
                (c for c in calls(statement) if call_name(c) == "convert_sync_batchnorm"), None
            )
            if conversion is not None:
                effects = self._effects(entry, order[index + 1 :])
                for effect in dict.fromkeys(
                    effect
                    for cls in entry.models
                    for effect in self._coverage(effects, entry, cls).hidden
                ):
                    yield effect, conversion
                return

    def _coverage(self, effects: Iterable[Effect], entry: Optimizer, cls: Class) -> Coverage:
        # .train() is a matter of the loop and its guard.
        lasting = [effect for effect in effects if effect.kind != "train"]
        model = self._models.model(cls, self._places.wrappers.is_wrapped(entry))
        return coverage(lasting, model._replace(whole=self._whole))

    def _effects(self, entry: Optimizer, statements: list[ast.stmt]) -> list[Effect]:
        roots = {source: Part(()) for source in self._aliases(entry)}
        own = set(statements)
        top = [s for s in statements if own.isdisjoint(entry.scope.around(s))]
        return self._code.effects(top, entry.scope.function, roots, entry.models)

    def _aliases(self, entry: Optimizer) -> frozenset[str]:
        """The model's own name, and those that it had before it was wrapped."""
        if entry not in self._aliases_of:
            self._aliases_of[entry] = frozenset(self._find_aliases(entry))
        return self._aliases_of[entry]

    def _find_aliases(self, entry: Optimizer) -> set[str]:
        wrappers = self._places.wrappers
        found = {entry.model}
        for statement in reversed(entry.scope.order):
            for source in list(found):
                for _, value in assignments(statement, source):
                    if isinstance(value, ast.Name) and self._models.of(value):
                        found.add(value.id)
                    elif isinstance(value, ast.Call):
                        inner = wrappers.inside(value) or wrappers.moved(value)
                        found |= {inner} if inner is not None else set()
        return found

    def _follow_where_made(self, entry: Optimizer) -> list[Effect]:
        """What the functions that make or hold the model do to it."""
        found: list[Effect] = []
        for statement in entry.scope.order:
            for call_statement, value in assignments(statement, entry.model):
                del call_statement
                if isinstance(value, ast.Call):
                    found.extend(self._effects_of_factory(value, entry))
        top = self._places.top_of(entry)
        if top is not None:
            roots = {entry.model: Part(())}
            body = self._places.until_called(entry, top)
            found.extend(self._code.effects(body, top.function, roots, entry.models))
        cls = entry.scope.function.class_
        if cls is not None and entry.model.split(".")[0] == "self":
            for scope in self._optimizers.methods(cls):
                makes_it = any(binds(statement, entry.model) for statement in scope.body)
                if scope.function.name.endswith(".__init__") and entry.model == "self":
                    makes_it = True
                if scope is not entry.scope and makes_it:
                    roots = {entry.model: Part(())}
                    found.extend(
                        self._code.effects(scope.body, scope.function, roots, entry.models)
                    )
        return found

    def _effects_of_factory(self, call: ast.Call, entry: Optimizer) -> list[Effect]:
        """What a function that returns the model did to it."""
        found: list[Effect] = []
        for value in self._flow.value_of(call.func):
            if not isinstance(value, FunctionValue):
                continue
            node = value.function.node
            if isinstance(node, (ast.Module, ast.Lambda)):
                continue
            returned = {
                statement.value.id
                for statement in flat(node.body)
                if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Name)
            }
            if len(returned) == 1:
                roots = {name: Part(()) for name in returned}
                found += self._code.effects(node.body, value.function, roots, entry.models)
        return found

    # ----------------------------------------------------------- insertion

    def insertion(self, entry: Optimizer) -> Insertion | None:
        """After the last statement that makes or wraps the model, before the optimizer.

        And after those that give it its gradients back, or another backbone.
        """
        found = self._places.after_making(entry)
        if found is not None and not self._places.is_module(found):
            return None
        if found is None or found.scope.function is not entry.scope.function:
            return found
        is_known = found.model == "self"  # that place is where all of the backbone is
        models = () if is_known else entry.models
        paths = (path for cls in models for path in self._models.paths_below(cls))
        heads = {f"{found.model}.{path.split('.')[0]}" for path in paths}
        for statement in entry.scope.before(entry.use):
            if statement is found.after:
                break
            is_thaw = any(e.kind == "gradient" for e in self._effects(entry, [statement]))
            if is_thaw or _puts_into(statement, heads):
                return found._replace(after=statement)
        return found


def _without_evaluation(effects: list[Effect]) -> list[Effect]:
    """Effects, without the eval mode of a whole model that is put into train mode as well.

    A loop that trains and validates says so each time round, and freezes nothing by it.
    """
    is_trained = any(effect.kind == "train" and _is_of_whole(effect) for effect in effects)
    return [one for one in effects if not (is_trained and one.kind == "eval" and _is_of_whole(one))]


def _is_of_whole(effect: Effect) -> bool:
    """Whether it is for all of a model at once, in a wrapper or not, and not layer by layer."""
    is_whole = effect.part.what == "module" and set(effect.part.path) <= set(WRAPPERS)
    return is_whole and not (effect.is_for_norms or effect.is_for_others)


def _puts_into(statement: ast.stmt, parts: set[str]) -> bool:
    """``model.backbone = other``, ``model.backbone.layer4 = old.layer4``, also below ``if``.

    A layer that is made there, as a classifier is, brings no pretrained norms.
    """
    stored = (
        (ast.unparse(target), inner.value)
        for inner in flat([statement])
        if isinstance(inner, ast.Assign)
        for target in inner.targets
        if isinstance(target, ast.Attribute)
    )
    return any(
        target == part or (target.startswith(f"{part}.") and not isinstance(value, ast.Call))
        for target, value in stored
        for part in parts
    )
