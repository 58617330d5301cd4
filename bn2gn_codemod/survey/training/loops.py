"""Train loops: what keeps the backbone frozen after each ``.train()``."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from bn2gn_codemod.generated.freezing import FREEZE
from bn2gn_codemod.plan import Place, TrainCall
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey.flow.certain_modules import (
    BY_HAND,
    CertainModules,
    not_certain,
    takes_mode,
)
from bn2gn_codemod.survey.freezing.code import FreezingCode
from bn2gn_codemod.survey.freezing.effects import Effect, Part, coverage
from bn2gn_codemod.survey.statements.made_anew import is_made_anew, makes_anew
from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.syntax.nodes import call_name, flat
from bn2gn_codemod.survey.training.model_places import Insertion
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.training.module_loops import of_all_modules
from bn2gn_codemod.survey.training.optimizers import Optimizers
from bn2gn_codemod.survey.training.own_loops import LOOPS, is_train_loop, runs_in_loop
from bn2gn_codemod.survey.training.self_freezing import SelfFreezing
from bn2gn_codemod.survey.training.train_calls import (
    is_mode_method,
    is_switched_on,
    is_train,
    receiver_of,
    train_receiver,
)
from bn2gn_codemod.survey.training.training_steps import TrainingSteps
from bn2gn_codemod.survey.training.trial_runs import TrialRuns
from bn2gn_codemod.survey.training.unpacked_results import UnpackedResults
from bn2gn_codemod.survey.values import Class

_NO_OPTIMIZER = f"no optimizer was followed that it is trained by: {BY_HAND}"


class LoopGuard(NamedTuple):
    """A guard for a ``.train()`` statement, to write ``after`` it or after what undoes more.

    ``model`` is a source expression.
    """

    scope: Scope
    call: Place  # of the ``.train()`` that is reported
    after: ast.stmt
    model: str
    models: tuple[Class, ...]
    others: tuple[Class, ...]  # without a backbone, that the model may be instead


class ModelGuard(NamedTuple):
    """A ``train()`` to write on a class. ``attributes``: all of its backbone, by plain attribute;
    empty where parts may be absent and have to be looked for by name."""

    owner: Class
    place: Place
    attributes: tuple[str, ...]


class TrainLoops:
    """Guards for all ``.train()`` calls on models that are trained."""

    def __init__(
        self,
        models: TrainedModels,
        own: SelfFreezing,
        code: FreezingCode,
        certain: CertainModules,
        settings: Settings,
        trained: Mapping[Class, set[Class | None]],
        driven: set[Class],
        nameless: set[Class],
        trial_runs: TrialRuns,
        steps: TrainingSteps,
    ) -> None:
        """``trained``: by model, the classes that have the methods in which its optimizers are
        built; ``None`` for a function."""
        self._models = models
        self._own = own
        self._code = code
        self._certain = certain
        self._guard = settings.guard
        self._trained = trained
        self._driven = driven | nameless
        self._trial_runs = trial_runs
        self._steps = steps
        self._nameless = nameless  # no pattern of names finds their backbone in the receiver
        self.calls: list[TrainCall] = []
        self.loop_guards: list[LoopGuard] = []
        self.model_guards: list[ModelGuard] = []
        # By the place of a call, those of the classes whose train() is to be overridden for it.
        self.relies_on: dict[Place, list[Place]] = {}

    def look(self, optimizers: Optimizers, insertions: list[Insertion]) -> None:
        """Note every ``.train()`` and plan its guard."""
        results = UnpackedResults(optimizers.origins)
        looped: set[Class] = set()
        unplaced: set[Class] = set()
        kept: dict[Class, list[Class]] = {}
        found: list[tuple[Scope, ast.stmt, ast.expr, tuple[Class, ...]]] = []
        for scope in optimizers.scopes:
            if scope.function.name.rsplit(".", 1)[-1] == "train" and is_mode_method(scope):
                continue  # a train() that hands the mode on
            if scope.function.class_ is not None:
                in_eval = kept.setdefault(scope.function.class_, [])
                in_eval.extend(self._kept_in_eval(optimizers, scope))
            for inner, call in scope.calls:
                called = receiver_of(call) if is_switched_on(scope, inner, call) else None
                statement, called = of_all_modules(scope, inner, called)
                models = self._models_of(called)
                if called is not None and not models:
                    self._note_unfollowed(scope, statement, called)
                if called is not None:
                    models = results.without_others(scope, called, models)
                if called is None or not models:
                    continue
                if _is_repeated_by(scope, statement, called, insertions):
                    continue  # a freeze follows anyway, once for once
                if self._trial_runs.has(scope, statement, called):
                    continue
                receiver = called if statement is not inner else train_receiver(statement)
                if receiver is not None and receiver is called:
                    found.append((scope, statement, receiver, models))
                    if runs_in_loop(optimizers, scope, statement):
                        looped.update(models)
                else:
                    unplaced.update(models)
        out_of_reach = {
            cls
            for cls in self._trained
            if not self._is_in(cls, looped) or self._is_in(cls, unplaced)
            if not self._is_kept(cls, kept) or cls in self._driven or self._is_in(cls, unplaced)
        }
        self._driven |= out_of_reach
        for scope, statement, receiver, models in found:
            self._note(scope, statement, receiver, models)
        for cls in sorted(out_of_reach, key=_source_order):
            self._guard_model(cls)

    def _kept_in_eval(self, optimizers: Optimizers, scope: Scope) -> Iterator[Class]:
        """Models that the repository's own training puts into eval mode, and trains in it.

        ``def train(self): self.net.eval()`` of a trainer, which is no module.
        """
        if "train" not in scope.function.name.rsplit(".", 1)[-1]:
            return
        if any(
            isinstance(c.func, ast.Attribute) and c.func.attr == "train" for _, c in scope.calls
        ):
            return
        for statement, call in scope.calls:
            if any(isinstance(one, LOOPS) for one in [*scope.before(statement), statement]):
                return  # what comes after is no training any more
            match call:
                case ast.Call(func=ast.Attribute(value=called, attr="eval"), args=[]) if (
                    runs_in_loop(optimizers, scope, statement)
                ):
                    yield from self._models_of(called)

    def _is_kept(self, cls: Class, kept: Mapping[Class, list[Class]]) -> bool:
        """Whether all trainers that build an optimizer for a model train it in eval mode."""
        return all(
            trainer is not None and self._is_in(cls, kept.get(trainer, ()))
            for trainer in self._trained[cls]
        )

    def _is_in(self, cls: Class, others: Iterable[Class]) -> bool:
        """Whether a model of the class is, or lies in, one of the others."""
        return any(self._models.holds(other, cls) for other in others)

    def _models_of(self, receiver: ast.expr | None) -> tuple[Class, ...]:
        """The receiver's classes that are trained models, or hold one."""
        if receiver is None:
            return ()
        return tuple(
            cls
            for cls in self._models.of(receiver)
            if any(self._models.holds(cls, trained) for trained in self._trained)
        )

    def _note_unfollowed(self, scope: Scope, statement: ast.stmt, called: ast.expr) -> None:
        """A model that is put into train mode where training goes on, by whatever optimizer."""
        models = self._models.of(called)
        if models and self._trial_runs.is_training(scope.function):
            source = ast.unparse(called)
            if not self._is_guarded(scope, statement, {source}, models):
                self.calls.append(
                    TrainCall(scope.place(statement), source, False, "", _NO_OPTIMIZER)
                )

    def _note(
        self,
        scope: Scope,
        statement: ast.stmt,
        receiver: ast.expr,
        models: tuple[Class, ...],
    ) -> None:
        place, source = scope.place(statement), ast.unparse(receiver)
        name = ast.unparse(statement.targets[0]) if isinstance(statement, ast.Assign) else source
        if self._is_guarded(scope, statement, {source, name}, models):
            self.calls.append(TrainCall(place, source, guarded=True))
            return
        reason = ""
        by_model = self._guard == "model" or any(self._is_in(c, models) for c in self._nameless)
        driven = any(self._is_in(cls, models) for cls in self._driven)
        is_module = self._certain.is_module(receiver, frozenset({"train"}))
        if by_model or (self._guard == "auto" and (driven or not is_module)):
            # Whoever asks the model for train(), its own one is called in the end.
            reasons = [self._guard_model(cls) for cls in sorted(models, key=_source_order)]
            reason = "; ".join(dict.fromkeys(filter(None, reasons)))
            if not reason or by_model:
                fix = "" if reason else "train() of the model is overridden"
                owners = [owner for cls in models for owner in self._models.owners(cls)]
                self.relies_on[place] = [owner.module.place(owner.node) for owner in owners]
                self.calls.append(TrainCall(place, source, False, fix, reason))
                return
        if not is_module:
            self.calls.append(TrainCall(place, source, False, "", not_certain(source)))
            return
        others = self._models.others(receiver)
        after = self._last_thaw(scope, statement, {source, name}, models)
        where = "it" if after is statement else f"line {after.end_lineno}"
        self.loop_guards.append(LoopGuard(scope, place, after, name, models, others))
        self.calls.append(
            TrainCall(place, source, False, f"eval_backbone_bn({name}) after {where}")
        )

    def _is_guarded(
        self, scope: Scope, statement: ast.stmt, sources: set[str], models: tuple[Class, ...]
    ) -> bool:
        """Whether the backbone is in eval mode again before the next batch."""
        if all(self._own.keeps_eval(cls) for cls in models):
            return True
        following, training = self._until_training(scope, statement, sources)
        effects = self._effects(scope, following, sources, models)
        inside = self._effects(scope, training, sources, models)
        effects += [effect for effect in inside if self._steps.may_follow(effect)]
        if all(coverage(effects, self._models.model(cls)).evaluates for cls in models):
            return True
        earlier = self._effects(scope, list(scope.before(statement))[::-1], sources, models)
        rebuilt = [effect for effect in earlier if effect.is_for_good]
        return all(coverage(rebuilt, self._models.model(cls)).freezes for cls in models)

    def _last_thaw(
        self, scope: Scope, statement: ast.stmt, sources: set[str], models: tuple[Class, ...]
    ) -> ast.stmt:
        """The last statement before the batches that puts the model into train mode.

        Another ``.train()`` gets a guard of its own.
        """
        following, _ = self._until_training(scope, statement, sources)
        for later in reversed(following):
            if isinstance(later, (ast.Expr, ast.Assign)) and is_train(later.value):
                continue
            effects = self._effects(scope, [later], sources, models)
            if any(effect.kind == "train" for effect in effects):
                return later
        return statement

    def _until_training(
        self, scope: Scope, statement: ast.stmt, sources: set[str]
    ) -> tuple[list[ast.stmt], list[ast.stmt]]:
        """What follows before the first batch, and the call in which that comes, if it is one."""
        following: list[ast.stmt] = []
        for later in scope.after(statement):
            if any(is_train_loop(inner) for inner in flat([later])):
                break
            if self._steps.may_be_in(later, sources):
                return following, [later]
            following.append(later)
        return following, []

    def _effects(
        self,
        scope: Scope,
        statements: list[ast.stmt],
        sources: set[str],
        models: tuple[Class, ...],
    ) -> list[Effect]:
        roots = {source: Part(()) for source in sources}
        return self._code.effects(statements, scope.function, roots, models)

    def _guard_model(self, cls: Class) -> str:
        """Plan ``train()`` overrides for a model; why not, if that cannot be."""
        if tangle := self._models.tangle([cls]):
            return tangle  # said once, where it is trained
        for owner in self._models.owners(cls):
            if self._own.keeps_eval(owner):
                continue
            place = owner.module.place(owner.node)
            if any(guard.place == place for guard in self.model_guards):
                continue
            if not self._certain.is_module_class(owner):
                return not_certain(owner.name)
            if "train" in owner.methods:
                reason = f"{owner.name} overrides train() already: put its backbone into eval there"
                if all((call.place, call.reason) != (place, reason) for call in self.calls):
                    self.calls.append(TrainCall(place, owner.name, False, "", reason))
                return reason
            inherited = self._certain.inherited_train(owner)
            if inherited is not None and not takes_mode(inherited):
                return f"{inherited.name}() takes no mode: put the backbone into eval there"
            paths = self._models.paths_below(owner)
            attributes = paths if self._certain.are_always_there(owner, paths) else ()
            self.model_guards.append(ModelGuard(owner, place, attributes))
            fix = f"{owner.name}.train() is overridden"
            self.calls.append(TrainCall(place, owner.name, False, fix))
        return ""


def _source_order(cls: Class) -> tuple[str, int]:
    return cls.path, cls.node.lineno


def _is_repeated_by(
    scope: Scope, statement: ast.stmt, called: ast.expr, insertions: list[Insertion]
) -> bool:
    """Whether a generated freeze call follows, one to be written or one that stands there."""
    if any(isinstance(around, LOOPS) for around in scope.around(statement)):
        return False
    target = statement.targets[0] if isinstance(statement, ast.Assign) else called
    model = ast.unparse(target)
    freezes = [i.after for i in insertions if i.scope.function is scope.function]
    freezes += [later for later, call in scope.calls if call_name(call) == FREEZE]
    return any(
        after is statement
        or (scope.surely_before(statement, after) and not _is_other(scope, statement, after, model))
        for after in freezes
    )


def _is_other(scope: Scope, first: ast.stmt, second: ast.stmt, model: str) -> bool:
    """Whether what ``second`` freezes is made after ``first``, or by it."""
    return makes_anew(second, model) or is_made_anew(scope, first, second, model)
