"""Train scripts and train loops: where the backbone must be frozen, and kept so."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.generated import freezing
from bn2gn_codemod.plan import (
    FreezeEdit,
    FreezingDefinitions,
    HiddenNorms,
    LoopGuardEdit,
    ModelGuardEdit,
    NewFile,
    Place,
    SyncTestEdit,
    TrainCall,
    TrainScript,
)
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.certain_modules import CertainModules
from bn2gn_codemod.survey.flow.option_defaults import OptionDefaults
from bn2gn_codemod.survey.flow.shared_import import NotPlaced
from bn2gn_codemod.survey.flow.top_names import TopNames
from bn2gn_codemod.survey.flow.unused_branches import UnusedBranches
from bn2gn_codemod.survey.freezing.code import FreezingCode
from bn2gn_codemod.survey.freezing.effects import Effect
from bn2gn_codemod.survey.known.module_classes import ModuleClasses
from bn2gn_codemod.survey.norms.fresh_models import fresh_slots
from bn2gn_codemod.survey.norms.load_order import LoadOrder
from bn2gn_codemod.survey.norms.sites import Decided
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.backbone_paths import BackbonePaths
from bn2gn_codemod.survey.statements.made_anew import is_made_anew, reads
from bn2gn_codemod.survey.statements.scopes import assignments, targets_of
from bn2gn_codemod.survey.training.broken_off_loads import BrokenOffLoads
from bn2gn_codemod.survey.training.freezing_certainty import FreezingCertainty
from bn2gn_codemod.survey.training.freezing_names import FreezingNames
from bn2gn_codemod.survey.training.freezing_placement import FreezingPlacement
from bn2gn_codemod.survey.training.library_networks import LibraryNetworks
from bn2gn_codemod.survey.training.library_runs import LibraryRuns
from bn2gn_codemod.survey.training.loops import LoopGuard, TrainLoops
from bn2gn_codemod.survey.training.model_places import Insertion, ModelPlaces
from bn2gn_codemod.survey.training.models import Names, TrainedModels
from bn2gn_codemod.survey.training.optimizers import Optimizer, Optimizers
from bn2gn_codemod.survey.training.optional_weights import OptionalWeights
from bn2gn_codemod.survey.training.overwritten_backbones import OverwrittenBackbones
from bn2gn_codemod.survey.training.scripts import TrainScripts
from bn2gn_codemod.survey.training.training_steps import TrainingSteps
from bn2gn_codemod.survey.training.trial_runs import TrialRuns
from bn2gn_codemod.survey.training.unfollowed_models import UnfollowedModels
from bn2gn_codemod.survey.training.unstarted_alternatives import UnstartedAlternatives
from bn2gn_codemod.survey.values import Class, Instance
from bn2gn_codemod.survey.weights.copied.copied_statistics import CopiedStatistics


class TrainingPlan(NamedTuple):
    """What there is, and the edits that follow."""

    scripts: tuple[TrainScript, ...] = ()
    calls: tuple[TrainCall, ...] = ()
    hidden_norms: tuple[HiddenNorms, ...] = ()
    freezes: tuple[FreezeEdit, ...] = ()
    loop_guards: tuple[LoopGuardEdit, ...] = ()
    model_guards: tuple[ModelGuardEdit, ...] = ()
    sync_tests: tuple[SyncTestEdit, ...] = ()
    definitions: FreezingDefinitions | None = None
    new_file: NewFile | None = None


def survey_training(
    flow: Flow,
    roles: RoleMap,
    decided: Decided,
    order: LoadOrder,
    overwritten: OverwrittenBackbones,
    repository: Repository,
    settings: Settings,
) -> TrainingPlan:
    """Find train scripts and loops, and plan freeze calls and guards."""
    if settings.freeze == "none":
        return TrainingPlan()
    return _Training(flow, roles, decided, order, overwritten, repository, settings).plan()


class _Training:
    def __init__(
        self,
        flow: Flow,
        roles: RoleMap,
        decided: Decided,
        order: LoadOrder,
        overwritten: OverwrittenBackbones,
        repository: Repository,
        settings: Settings,
    ) -> None:
        self._flow = flow
        self._settings = settings
        self._has_backbone = roles.has_pretrained
        self._loaded = tuple(roles.loads.of_class)
        classes = ModuleClasses()
        paths = BackbonePaths(
            flow, roles, decided.converted, UnusedBranches(flow), fresh_slots(flow, roles)
        )
        self._models = TrainedModels(flow, paths, classes, repository)
        self._weights = OptionalWeights(flow, paths, order, OptionDefaults(flow, repository))
        # By the class of a model, for each optimizer its file, and why it is to have no freeze.
        self._optional: dict[Class, list[tuple[str, str]]] = {}
        # The same for freezes that are planned, or not for whatever reason: where that is said.
        self._unfrozen: dict[Class, list[tuple[str, str]]] = {}
        whole = settings.freeze == "backbone"
        self._names = FreezingNames(
            self._models,
            FreezingCertainty(roles, decided, whole),
            CopiedStatistics(flow, roles.loads),
            overwritten,
            UnstartedAlternatives(flow, roles),
            BrokenOffLoads(flow, roles),
        )
        self._code = FreezingCode(flow)
        self._certain = CertainModules(flow, classes)
        self._optimizers = Optimizers(flow, self._models, self._certain)
        self._places = ModelPlaces(flow, self._models, self._optimizers)
        self._scripts = TrainScripts(flow, self._models, self._code, self._places, whole)
        self._placement = FreezingPlacement(flow, repository, settings)
        self._top_names = TopNames(flow)
        self._sync_tests: dict[Place, SyncTestEdit] = {}

    def plan(self) -> TrainingPlan:
        entries = self._optimizers.find()
        hidden = [found for entry in entries for found in self._hidden(entry)]
        scripts = [self._scripts.script(entry) for entry in entries]
        insertions = self._insertions(entries, scripts)
        self._add_overridden(entries, scripts, insertions)
        self._find_optional(entries, insertions)
        trial_runs = TrialRuns(self._flow, self._optimizers)
        loops = TrainLoops(
            self._models,
            self._scripts,
            self._code,
            self._certain,
            self._settings,
            _trained(entries),
            self._optimizers.driven() | self._lightning(entries),
            self._places.inside_unknown(entries),
            trial_runs,
            TrainingSteps(self._flow, self._optimizers),
        )
        found = [insertion for insertion in insertions if insertion is not None]
        loops.look(self._optimizers, found)
        self._collect_classes(entries, insertions, loops)
        freezes, scripts = self._freezes(entries, scripts, insertions)
        self._find_unfrozen(entries, scripts)
        loop_guards, calls = self._loop_guards(loops.loop_guards, loops.calls)
        model_guards, calls = self._model_guards(loops, calls)
        calls += self._awake(entries, scripts, calls)
        libraries = LibraryNetworks(
            self._flow, self._optimizers, self._models, self._code, trial_runs
        )
        known = {call.place for call in calls}
        calls += [call for call in libraries.calls() if call.place not in known]
        return TrainingPlan(
            scripts=(
                *self._with_siblings(scripts, entries),
                *self._unfollowed(entries),
                *libraries.scripts(),
            ),
            calls=tuple(sorted(calls, key=lambda call: call.place)),
            hidden_norms=tuple(hidden),
            freezes=tuple(freezes),
            loop_guards=tuple(loop_guards),
            model_guards=tuple(model_guards),
            sync_tests=tuple(self._sync_tests.values()),
            definitions=self._placement.definitions(),
            new_file=self._placement.new_file(),
        )

    def _unfollowed(self, entries: list[Optimizer]) -> Iterator[TrainScript]:
        """Where pretrained backbones may be trained that nobody sees."""
        if self._has_backbone:
            for found in UnfollowedModels(self._flow, self._optimizers, entries).find():
                place = found.scope.place(found.statement)
                yield TrainScript(place, found.model, (), "unfollowed")
            runs = LibraryRuns(self._flow, self._models, self._scripts)
            yield from runs.find(self._optimizers.scopes, self._loaded)

    def _lightning(self, entries: list[Optimizer]) -> set[Class]:
        """Models that are LightningModules, or lie in one that builds the optimizer."""
        found: set[Class] = set()
        for entry in entries:
            for cls in [*entry.models, entry.scope.function.class_]:
                bases = [b for a in (cls.ancestors() if cls else ()) for b in a.external_bases]
                if any(base.endswith("LightningModule") for base in bases):
                    found.update(entry.models)
        return found

    # ----------------------------------------------------- optional weights

    def _find_optional(self, entries: list[Optimizer], insertions: list[Insertion | None]) -> None:
        """Note the models that have weights only with an option, by where they are trained."""
        for entry, insertion in zip(entries, insertions, strict=True):
            reason = self._option_asked(entry, insertion) if insertion is not None else ""
            for cls in entry.models:
                self._optional.setdefault(cls, []).append((entry.scope.path, reason))

    def _find_unfrozen(self, entries: list[Optimizer], scripts: list[TrainScript]) -> None:
        """Note the models by the optimizers before which they are not frozen."""
        for entry, script in zip(entries, scripts, strict=True):
            place, is_frozen = script.optimizer, script.state == "frozen" or script.fix
            where = "" if is_frozen else f"{place.path}:{place.line}"
            for cls in entry.models:
                self._unfrozen.setdefault(cls, []).append((place.path, where))

    def _need_freeze(self, models: Iterable[Class], path: str) -> None:
        """Raise ``NotPlaced`` where none of the optimizers of models has a freeze before it.

        In eval mode alone, weight and bias would be trained on. Of several optimizers, those in
        the file of the guard count, where there are any.
        """
        models = list(models)
        found = [
            one
            for cls, places in self._unfrozen.items()
            if any(self._models.holds(*pair) for model in models for pair in _both(model, cls))
            for one in places
        ]
        found = [one for one in found if one[0] == path] or found
        if found and all(where for _, where in found):
            raise NotPlaced(f"the freeze that it belongs to is not written ({found[0][1]})")

    def _option_asked(self, entry: Optimizer, insertion: Insertion) -> str:
        return self._weights.objection(entry.models, insertion.scope.function)

    def _unguarded(self, guard: LoopGuard) -> str:
        """Why a loop is not to keep models in eval mode; ``""``: nothing speaks against it.

        One of them is trained in the same file with weights that hang on an option, or all are,
        wherever that is.
        """
        found = [one for cls in guard.models for one in self._optional.get(cls, ())]
        here = [reason for path, reason in found if path == guard.scope.path and reason]
        if here:
            return here[0]
        mine = (
            cls
            for cls in self._optional
            if any(self._models.holds(one, cls) for one in guard.models)
        )
        reasons = [reason for cls in mine for _, reason in self._optional[cls]]
        return reasons[0] if reasons and all(reasons) else ""

    def _unguarded_class(self, owner: Class) -> str:
        """Why ``train()`` of a class is not to be overridden: that is for whoever trains it."""
        reasons = (
            reason
            for cls, found in self._optional.items()
            if self._models.holds(cls, owner)
            for _, reason in found
        )
        return next(filter(None, reasons), "")

    # -------------------------------------------------------- freeze calls

    def _insertions(
        self, entries: list[Optimizer], scripts: list[TrainScript]
    ) -> list[Insertion | None]:
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

    def _insertion(self, entry: Optimizer) -> Insertion | None:
        found = self._scripts.insertion(entry)
        if found is None or not entry.doubt:
            return found
        # ``net`` of ``Actor(net)``, which is what the optimizer is given
        is_other = found.model != entry.model
        certain = is_other and self._certain.names_module(found.scope.function, found.model)
        return found if certain else None

    def _add_overridden(
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

    def _freezes(
        self,
        entries: list[Optimizer],
        scripts: list[TrainScript],
        insertions: list[Insertion | None],
    ) -> tuple[list[FreezeEdit], list[TrainScript]]:
        # Two models may be made by one statement; several optimizers may share one of them.
        edits: dict[tuple[Place, str], FreezeEdit] = {}
        judged: list[TrainScript] = []
        for entry, script, insertion in zip(entries, scripts, insertions, strict=True):
            if script.state == "frozen":
                judged.append(script)
            elif insertion is None:
                reason = entry.doubt or self._places.obstacle(entry)
                judged.append(script._replace(reason=reason))
            elif option := self._option_asked(entry, insertion):
                judged.append(script._replace(reason=option))
            else:
                try:
                    edit = self._freeze_edit(entry, insertion)
                except NotPlaced as error:
                    judged.append(script._replace(reason=str(error)))
                    continue
                edits.setdefault((edit.after, edit.model), edit)
                fix = f"{freezing.FREEZE}({edit.model}, ...) after line {edit.after.line}"
                names = Names(edit.backbone, edit.wrappers)
                passed_by = self._names.passed_by(entry.models, names)
                caveat = self._weights.caveat(entry.models, insertion.scope.function)
                judged.append(script._replace(fix=fix, passed_by=passed_by, caveat=caveat))
        return list(edits.values()), judged

    def _freeze_edit(self, entry: Optimizer, insertion: Insertion) -> FreezeEdit:
        path = insertion.scope.path
        names = self._names.of_file(path)
        source = self._placement.source(path, freezing.FREEZE, names)
        return FreezeEdit(
            path=path,
            after=insertion.scope.place(insertion.after),
            model=insertion.model,
            model_name=self._places.model_name(entry, insertion),
            backbone=names.backbone,
            wrappers=names.wrappers,
            freeze="backbone" if self._settings.freeze == "backbone" else "bn",
            define=source.define,
            import_from=source.import_from,
        )

    # -------------------------------------------------------------- guards

    def _loop_guards(
        self, guards: list[LoopGuard], calls: list[TrainCall]
    ) -> tuple[list[LoopGuardEdit], list[TrainCall]]:
        edits: list[LoopGuardEdit] = []
        refused: dict[Place, str] = {}
        for guard in guards:
            path, place = guard.scope.path, guard.scope.place(guard.after)
            option = self._unguarded(guard)
            if option:
                refused[place] = option
                continue
            try:
                names = self._names.of_file(path)
                self._need_freeze(guard.models, path)
                source = self._placement.source(path, freezing.EVAL, names)
            except NotPlaced as error:
                refused[place] = str(error)
                continue
            edits.append(
                LoopGuardEdit(
                    path=path,
                    after=place,
                    model=guard.model,
                    backbone=names.backbone,
                    wrappers=names.wrappers,
                    define=source.define,
                    import_from=source.import_from,
                )
            )
        return edits, _with_reasons(calls, refused)

    def _awake(
        self, entries: list[Optimizer], scripts: list[TrainScript], calls: list[TrainCall]
    ) -> list[TrainCall]:
        """Calls of ``train()`` that only the layers of a frozen backbone are for."""
        known = {call.place for call in calls}
        found = {
            call.place: call
            for entry, script in zip(entries, scripts, strict=True)
            if script.state == "frozen" or script.fix
            for call in self._scripts.awake(entry)
            if call.place not in known
        }
        return list(found.values())

    def _model_guards(
        self, loops: TrainLoops, calls: list[TrainCall]
    ) -> tuple[list[ModelGuardEdit], list[TrainCall]]:
        edits: list[ModelGuardEdit] = []
        refused: dict[Place, str] = {}
        for guard in loops.model_guards:
            owner = guard.owner
            option = self._unguarded_class(owner)
            if option:
                refused[guard.place] = option
                continue
            try:
                if guard.attributes:
                    objection = self._names.objection([owner], [], Names(guard.attributes))
                    if objection:
                        raise NotPlaced(objection)
                    self._need_freeze([owner], owner.path)
                    edits.append(ModelGuardEdit(guard.place, owner.name, guard.attributes))
                    continue
                names = self._names.of_file(owner.path)
                self._need_freeze([owner], owner.path)
                source = self._placement.source(owner.path, freezing.EVAL, names)
            except NotPlaced as error:
                refused[guard.place] = str(error)
                continue
            edits.append(
                ModelGuardEdit(
                    guard.place,
                    owner.name,
                    names.backbone,
                    by_name=True,
                    define=source.define,
                    import_from=source.import_from,
                )
            )
        for place, owners in loops.relies_on.items():
            refused.update((place, refused[owner]) for owner in owners if owner in refused)
        return edits, _with_reasons(calls, refused)

    # --------------------------------------------------------------- names

    def _collect_classes(
        self, entries: list[Optimizer], insertions: list[Insertion | None], loops: TrainLoops
    ) -> None:
        """Which models each file's pattern is for; all of them where one module is shared."""
        for entry, insertion in zip(entries, insertions, strict=True):
            if insertion is not None:
                self._names.want(insertion.scope.path, entry.models, entry.others)
        for loop in loops.loop_guards:
            self._names.want(loop.scope.path, loop.models, loop.others)
        for model in loops.model_guards:
            if not model.attributes:
                self._names.want(model.owner.path, [model.owner], [])
        if self._settings.shared_module is not None:
            self._names.share()

    # ------------------------------------------------------------ siblings

    def _with_siblings(
        self, scripts: list[TrainScript], entries: list[Optimizer]
    ) -> Iterator[TrainScript]:
        """Each script, with another one that freezes the same model differently."""
        pairs = list(zip(scripts, entries, strict=True))
        for script, entry in pairs:
            others = [
                (other, other_entry)
                for other, other_entry in pairs
                if other.state == "frozen"
                and other.optimizer.path != script.optimizer.path
                and set(other_entry.models) & set(entry.models)
            ]
            if not others:
                yield script
            elif script.state != "frozen":
                yield script._replace(sibling=others[0][0].optimizer.path)
            else:
                yield self._compared(script, entry, others)

    def _compared(
        self, script: TrainScript, entry: Optimizer, others: list[tuple[TrainScript, Optimizer]]
    ) -> TrainScript:
        """The script, with the first one that freezes something else and rather what is wanted."""
        for other, other_entry in others:
            for cls in entry.models:
                if cls not in other_entry.models:
                    continue
                own = self._scripts.extent(entry, cls)
                theirs = self._scripts.extent(other_entry, cls)
                # A class that freezes itself shows in neither.
                if not own or not theirs or own == theirs or self._is_wanted(own, cls):
                    continue
                if not self._is_wanted(theirs, cls) and other.optimizer > script.optimizer:
                    continue
                difference = f"{_what(theirs)}, this {_what(own)}"
                return script._replace(sibling=other.optimizer.path, difference=difference)
        return script

    def _is_wanted(self, frozen: dict[str, str], cls: Class) -> bool:
        """Whether it is what the setting ``freeze`` asks for, and nothing else."""
        kind = "everything" if self._settings.freeze == "backbone" else "BatchNorm"
        return frozen == dict.fromkeys(self._models.paths_below(cls), kind)

    # ---------------------------------------------------- SyncBatchNorm

    def _hidden(self, entry: Optimizer) -> list[HiddenNorms]:
        found: list[HiddenNorms] = []
        for effect, conversion in self._scripts.hidden(entry):
            test = effect.test_for_2d
            assert test is not None
            source = self._flow.by_path[effect.module_path].source
            column = source.column(test.lineno, test.col_offset)
            place = Place(effect.module_path, test.lineno, column)
            if place in self._sync_tests:
                continue
            nn_name = self._nn_name(effect, test)
            where = entry.scope.place(conversion)
            if nn_name is None:
                reason = "torch.nn has no name in this file: test for both classes"
                found.append(HiddenNorms(place, where, reason=reason))
                continue
            self._sync_tests[place] = SyncTestEdit(place, nn_name)
            found.append(HiddenNorms(place, where, fix=f"test for {nn_name}.SyncBatchNorm too"))
        return found

    def _nn_name(self, effect: Effect, test: ast.expr) -> str | None:
        """The source of ``torch.nn`` where the test stands."""
        assert isinstance(test, ast.Call)
        classes = test.args[1]
        if isinstance(classes, ast.Attribute) and classes.attr == "BatchNorm2d":
            return ast.unparse(classes.value)
        return self._top_names.torch_nn(effect.module_path)


def _both(first: Class, second: Class) -> list[tuple[Class, Class]]:
    """Two classes, each as what may hold the other one."""
    return [(first, second), (second, first)]


def _trained(entries: list[Optimizer]) -> dict[Class, set[Class | None]]:
    """By class of a model, the classes of the methods that build its optimizers."""
    found: dict[Class, set[Class | None]] = {}
    for entry in entries:
        for cls in entry.models:
            found.setdefault(cls, set()).add(entry.scope.function.class_)
    return found


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


def _with_reasons(calls: list[TrainCall], refused: dict[Place, str]) -> list[TrainCall]:
    return [
        call._replace(fix="", reason=refused[call.place]) if call.place in refused else call
        for call in calls
    ]


def _what(frozen: dict[str, str]) -> str:
    """In words: ``BatchNorm in backbone and everything in head``."""
    by_kind: dict[str, list[str]] = {}
    for path, kind in frozen.items():
        by_kind.setdefault(kind, []).append(path)
    return " and ".join(f"{kind} in {', '.join(paths)}" for kind, paths in by_kind.items())
