"""Train scripts and train loops: where the backbone must be frozen, and kept so."""

from __future__ import annotations

from collections.abc import Iterator
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
from bn2gn_codemod.survey.flow.unused_branches import UnusedBranches
from bn2gn_codemod.survey.freezing.code import FreezingCode
from bn2gn_codemod.survey.known.module_classes import ModuleClasses
from bn2gn_codemod.survey.norms.fresh_models import fresh_slots
from bn2gn_codemod.survey.norms.load_order import LoadOrder
from bn2gn_codemod.survey.norms.missing_files import slots_of_missing_files
from bn2gn_codemod.survey.norms.sites import Decided
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.backbone_paths import BackbonePaths
from bn2gn_codemod.survey.statements.scopes import assignments
from bn2gn_codemod.survey.training.broken_off_loads import BrokenOffLoads
from bn2gn_codemod.survey.training.compared_scripts import ComparedScripts
from bn2gn_codemod.survey.training.freezing_certainty import FreezingCertainty
from bn2gn_codemod.survey.training.freezing_names import FreezingNames
from bn2gn_codemod.survey.training.freezing_placement import FreezingPlacement
from bn2gn_codemod.survey.training.frozen_alternatives import FrozenAlternatives
from bn2gn_codemod.survey.training.hidden_norms import HiddenByConversion
from bn2gn_codemod.survey.training.idle_optimizers import is_idle
from bn2gn_codemod.survey.training.library_networks import LibraryNetworks
from bn2gn_codemod.survey.training.library_runs import LibraryRuns
from bn2gn_codemod.survey.training.loops import LoopGuard, TrainLoops
from bn2gn_codemod.survey.training.model_places import Insertion, ModelPlaces
from bn2gn_codemod.survey.training.models import Names, TrainedModels
from bn2gn_codemod.survey.training.optimizers import Optimizer, Optimizers
from bn2gn_codemod.survey.training.optional_models import OptionalModels
from bn2gn_codemod.survey.training.optional_weights import OptionalWeights
from bn2gn_codemod.survey.training.overwritten_backbones import OverwrittenBackbones
from bn2gn_codemod.survey.training.parts_made_later import PartsMadeLater
from bn2gn_codemod.survey.training.scripts import TrainScripts
from bn2gn_codemod.survey.training.self_freezing import SelfFreezing
from bn2gn_codemod.survey.training.shared_freezes import SharedFreezes
from bn2gn_codemod.survey.training.training_steps import TrainingSteps
from bn2gn_codemod.survey.training.trial_runs import TrialRuns
from bn2gn_codemod.survey.training.unfollowed_models import UnfollowedModels
from bn2gn_codemod.survey.training.unfrozen_models import UnfrozenModels
from bn2gn_codemod.survey.training.unstarted_alternatives import UnstartedAlternatives
from bn2gn_codemod.survey.values import Class
from bn2gn_codemod.survey.weights.copied.copied_statistics import CopiedStatistics


class TrainingPlan(NamedTuple):
    """What there is, and the edits that follow."""

    scripts: tuple[TrainScript, ...] = ()
    library_runs: tuple[TrainScript, ...] = ()
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
        missing = slots_of_missing_files(flow, roles)
        fresh = fresh_slots(flow, roles) | missing
        paths = BackbonePaths(flow, roles, decided.converted, UnusedBranches(flow), fresh)
        self._models = TrainedModels(flow, paths, classes, repository)
        self._weights = OptionalWeights(flow, paths, order, OptionDefaults(flow, repository))
        self._alternatives = FrozenAlternatives(flow, roles, paths)
        self._made_later = PartsMadeLater(flow, paths)
        self._optional = OptionalModels(self._models, self._weights)
        self._unfrozen = UnfrozenModels(self._models)
        self._whole = settings.freeze == "backbone"
        self._names = FreezingNames(
            self._models,
            FreezingCertainty(roles, decided, self._whole, missing),
            CopiedStatistics(flow, roles.loads),
            overwritten,
            UnstartedAlternatives(flow, roles),
            BrokenOffLoads(flow, roles, paths),
        )
        self._code = FreezingCode(flow)
        self._certain = CertainModules(flow, classes)
        self._optimizers = Optimizers(flow, self._models, self._certain)
        self._places = ModelPlaces(flow, self._models, self._optimizers)
        self._self_freezing = SelfFreezing(self._models, self._code)
        self._scripts = TrainScripts(
            flow,
            self._models,
            self._code,
            self._self_freezing,
            self._optimizers,
            self._places,
            self._whole,
        )
        self._runs = LibraryRuns(flow, self._models, self._self_freezing)
        self._placement = FreezingPlacement(flow, repository, settings)
        self._hidden = HiddenByConversion(flow, self._scripts)

    def plan(self) -> TrainingPlan:
        entries = [one for one in self._optimizers.find() if not is_idle(self._flow, one)]
        hidden = [found for entry in entries for found in self._hidden.of(entry)]
        scripts = [self._scripts.script(entry) for entry in entries]
        shared = SharedFreezes(self._flow, self._certain, self._scripts, self._places)
        insertions = shared.of(entries, scripts)
        shared.add_overridden(entries, scripts, insertions)
        self._optional.note(entries, insertions)
        trial_runs = TrialRuns(self._flow, self._optimizers)
        loops = TrainLoops(
            self._models,
            self._self_freezing,
            self._code,
            self._certain,
            self._settings,
            _trained(entries),
            self._optimizers.driven() | self._lightning(entries),
            self._places.wrappers.inside_unknown(entries),
            trial_runs,
            TrainingSteps(self._flow, self._optimizers),
        )
        found = [insertion for insertion in insertions if insertion is not None]
        loops.look(self._optimizers, found)
        self._collect_classes(entries, insertions, loops)
        freezes, scripts = self._freezes(entries, scripts, insertions)
        self._unfrozen.note(entries, scripts)
        loop_guards, calls = self._loop_guards(loops.loop_guards, loops.calls)
        model_guards, calls = self._model_guards(loops, calls)
        calls += self._awake(entries, scripts, calls)
        libraries = LibraryNetworks(
            self._flow, self._optimizers, self._models, self._code, trial_runs
        )
        known = {call.place for call in calls}
        calls += [call for call in libraries.calls() if call.place not in known]
        return TrainingPlan(
            library_runs=tuple(self._library_runs(entries, with_known=True)),
            scripts=(
                *ComparedScripts(self._models, self._scripts, self._whole).compare(
                    scripts, entries
                ),
                *self._unfollowed(entries),
                *libraries.scripts(),
            ),
            calls=tuple(sorted(calls, key=lambda call: call.place)),
            hidden_norms=tuple(hidden),
            freezes=tuple(freezes),
            loop_guards=tuple(loop_guards),
            model_guards=tuple(model_guards),
            sync_tests=tuple(self._hidden.edits.values()),
            definitions=self._placement.definitions(),
            new_file=self._placement.new_file(),
        )

    def _unfollowed(self, entries: list[Optimizer]) -> Iterator[TrainScript]:
        """Where pretrained backbones may be trained that nobody sees."""
        if self._has_backbone:
            for found in UnfollowedModels(self._flow, self._optimizers, entries).find():
                place = found.scope.place(found.statement)
                yield TrainScript(place, found.model, (), "unfollowed")
            if self._runs.may_train(self._loaded):
                yield from self._library_runs(entries)

    def _library_runs(
        self, entries: list[Optimizer], with_known: bool = False
    ) -> Iterator[TrainScript]:
        followed = {entry.scope.function for entry in entries}
        return self._runs.find(self._optimizers.scopes, followed, with_known)

    def _lightning(self, entries: list[Optimizer]) -> set[Class]:
        """Models that are LightningModules, or lie in one that builds the optimizer."""
        found: set[Class] = set()
        for entry in entries:
            for cls in [*entry.models, entry.scope.function.class_]:
                bases = [b for a in (cls.ancestors() if cls else ()) for b in a.external_bases]
                if any(base.endswith("LightningModule") for base in bases):
                    found.update(entry.models)
        return found

    # -------------------------------------------------------- freeze calls

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
            elif option := self._optional.asked(entry, insertion):
                judged.append(script._replace(reason=option))
            elif later := self._made_later.objection(
                entry.models, insertion.scope.function, insertion.after
            ):
                judged.append(script._replace(reason=later))
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
                caveat = caveat or self._alternatives.caveat(entry.models)
                judged.append(script._replace(fix=fix, passed_by=passed_by, caveat=caveat))
        return list(edits.values()), judged

    def _freeze_edit(self, entry: Optimizer, insertion: Insertion) -> FreezeEdit:
        path = insertion.scope.path
        made = [one for _, one in assignments(insertion.after, insertion.model) if one is not None]
        foreign = self._models.foreign.objection(made, entry.models)
        if foreign:
            raise NotPlaced(foreign)
        names = self._names.of_file(path)
        source = self._placement.source(path, freezing.FREEZE, names)
        return FreezeEdit(
            path=path,
            after=insertion.scope.place(insertion.after),
            model=insertion.model,
            model_name=self._places.model_name(entry, insertion),
            backbone=names.backbone,
            wrappers=names.wrappers,
            freeze="backbone" if self._whole else "bn",
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
            option = self._optional.against_loop(guard)
            if option:
                refused[guard.call] = option
                continue
            try:
                names = self._names.of_file(path)
                self._unfrozen.require(guard.models, path)
                source = self._placement.source(path, freezing.EVAL, names)
            except NotPlaced as error:
                refused[guard.call] = str(error)
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
            option = self._optional.against_class(owner)
            if option:
                refused[guard.place] = option
                continue
            try:
                if guard.attributes:
                    objection = self._names.objection([owner], [], Names(guard.attributes))
                    if objection:
                        raise NotPlaced(objection)
                    self._unfrozen.require([owner], owner.path)
                    edits.append(ModelGuardEdit(guard.place, owner.name, guard.attributes))
                    continue
                names = self._names.of_file(owner.path)
                self._unfrozen.require([owner], owner.path)
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


def _trained(entries: list[Optimizer]) -> dict[Class, set[Class | None]]:
    """By class of a model, the classes of the methods that build its optimizers."""
    found: dict[Class, set[Class | None]] = {}
    for entry in entries:
        for cls in entry.models:
            found.setdefault(cls, set()).add(entry.scope.function.class_)
    return found


def _with_reasons(calls: list[TrainCall], refused: dict[Place, str]) -> list[TrainCall]:
    return [
        call._replace(fix="", reason=refused[call.place]) if call.place in refused else call
        for call in calls
    ]
