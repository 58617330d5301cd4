"""Verification: builds the models of a repository, before and after, and compares them."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bn2gn_codemod import rules, survey
from bn2gn_codemod.migration import Change
from bn2gn_codemod.plan import Plan
from bn2gn_codemod.probing import Interpreter, Outcome, probe
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.snapshot import LiveRun, ModelSnapshot
from bn2gn_codemod.sources import Repository, discover
from bn2gn_codemod.verify import checks, freezers, live, trees
from bn2gn_codemod.verify.checks import imports, remaining
from bn2gn_codemod.verify.comparison import Check, Comparison, verdicts
from bn2gn_codemod.verify.import_graph import ImportGraph
from bn2gn_codemod.verify.models import ModelRequest

_NORM = re.compile(rb"BatchNorm|GroupNorm|group_norm")


@dataclasses.dataclass(frozen=True)
class Verified:
    """One model and what the checks say about it."""

    comparison: Comparison
    checks: tuple[Check, ...]


@dataclasses.dataclass(frozen=True)
class Verification:
    """The result of a whole run. ``checks`` are those about no single model.

    ``compared`` says with what the repository was compared (``""``: nothing),
    ``output`` is the end of what a probe printed that did not come to its end.
    ``plan`` is that of the repository as it is, ``before`` that of the state
    before (``None``: nothing to compare with), ``changes`` lie between the two.
    """

    root: Path
    compared: str
    models: tuple[Verified, ...]
    checks: tuple[Check, ...]
    stubs: tuple[str, ...]
    skipped_weights: tuple[str, ...]
    plan: Plan
    before: Plan | None = None
    changes: tuple[Change, ...] = ()
    output: str = ""

    @property
    def passed(self) -> bool:
        """Whether something was verified and no check failed."""
        every = (*self.checks, *(check for model in self.models for check in model.checks))
        return bool(self.models) and all(check.passed for check in every)


@dataclasses.dataclass(frozen=True)
class VerifiedProcess:
    """One process of a training command, and what the checks say about it."""

    run: LiveRun
    checks: tuple[Check, ...]


@dataclasses.dataclass(frozen=True)
class VerifiedRun:
    """A training command that was watched; ``failure`` when it showed nothing."""

    root: Path
    plan: Plan
    processes: tuple[VerifiedProcess, ...]
    failure: str = ""

    @property
    def passed(self) -> bool:
        every = [check for process in self.processes for check in process.checks]
        return bool(every) and all(check.passed for check in every)


@dataclasses.dataclass(frozen=True)
class Before:
    """The state to compare with: a git reference or a folder; both ``None``: nothing."""

    ref: str | None = None
    folder: Path | None = None

    def __str__(self) -> str:
        return self.ref or str(self.folder or "")


@dataclasses.dataclass(frozen=True)
class Tree:
    """A laid-out state of the repository and what was read from it without running it."""

    root: Path
    repository: Repository
    graph: ImportGraph
    plan: Plan

    @classmethod
    def read(cls, root: Path, settings: Settings) -> Tree:
        repository = discover(root, settings.exclude)
        return cls(root, repository, ImportGraph(repository), _plan(repository, settings))


@dataclasses.dataclass(frozen=True)
class Built:
    """The models of a repository as they are, and as they were where that is known."""

    after: Tree
    before: Tree | None
    now: Outcome
    then: Outcome | None

    @property
    def comparisons(self) -> Iterator[Comparison]:
        """Each model in both states, with what the plan decided about its norm layers."""
        for model, earlier in _pairs(self.now, self.then):
            source, plan = (model, self.after.plan)
            if earlier is not None and self.before is not None:
                source, plan = (earlier, self.before.plan)
            yield Comparison(model, earlier, verdicts(source, plan))


def before_of(root: Path, named: str | None) -> Before:
    """What ``--before`` names: a folder, else a git reference; HEAD when it differs."""
    if named is not None:
        folder = Path(named)
        return Before(folder=folder) if folder.is_dir() else Before(ref=named)
    return Before(ref="HEAD") if trees.has_changes(root) else Before()


def verify(
    root: Path,
    settings: Settings,
    models: Sequence[ModelRequest],
    before: Before,
    interpreter: Interpreter,
) -> Verification:
    """Verify the repository at ``root``; without ``models``, those that can be found.

    The code runs in temporary copies. Raises ``Problem`` when there is nothing
    to run it with or on.
    """
    with _laid_out(root, before) as (after_root, before_root):
        return verify_trees(
            root, after_root, before_root, settings, models, interpreter, str(before)
        )


def build(
    root: Path,
    settings: Settings,
    models: Sequence[ModelRequest],
    before: Before,
    interpreter: Interpreter,
) -> Built:
    """Build the models of the repository at ``root`` before and after, without running them.

    Raises ``Problem`` as ``verify`` does.
    """
    with _laid_out(root, before) as (after_root, before_root):
        return _build(after_root, before_root, settings, models, interpreter, {"forward": False})


def verify_migration(
    repository: Repository,
    plan: Plan,
    settings: Settings,
    models: Sequence[ModelRequest],
    interpreter: Interpreter,
) -> Verification:
    """Carry a plan out in a temporary copy and verify that; the repository is not written to.

    Raises ``Problem`` as ``verify`` does.
    """
    from bn2gn_codemod import rewrite

    root = repository.root
    with tempfile.TemporaryDirectory(prefix="bn2gn-verify-") as scratch:
        folder = Path(scratch).resolve()
        trees.lay_out(root, folder / "before")
        trees.lay_out(root, folder / "after")
        copy = dataclasses.replace(repository, root=folder / "after", leftovers=())
        applied = rewrite.apply(copy, plan)
        verification = verify_trees(
            root,
            folder / "after",
            folder / "before",
            settings,
            models,
            interpreter,
            compared="the state before",
            within=frozenset(applied.changed),
        )
    refused = tuple(
        Check("rewrite", False, f"{entry.path}: {entry.message}") for entry in applied.refused
    )
    return dataclasses.replace(verification, checks=(*verification.checks, *refused))


def verify_trees(
    root: Path,
    after_root: Path,
    before_root: Path | None,
    settings: Settings,
    models: Sequence[ModelRequest],
    interpreter: Interpreter,
    compared: str = "",
    within: frozenset[str] | None = None,
) -> Verification:
    """As ``verify``, for states of the repository at ``root`` that are laid out already.

    ``within`` are the files that were to be migrated (``None``: all).
    """
    built = _build(after_root, before_root, settings, models, interpreter, {"train": True})
    if not models and not built.now.snapshot.models and not built.now.failure:
        raise Problem(
            f"{root}: no model could be built without help; name one with "
            "--model package.module:factory --args '[...]'"
        )
    return _compare(root, compared, built, within)


def verify_run(
    root: Path, settings: Settings, command: Sequence[str], steps: int, timeout: float
) -> VerifiedRun:
    """Watch the first optimizer steps of a training command of the repository at ``root``."""
    watched = live.watch(command, root, steps, timeout)
    plan = _plan(discover(root, settings.exclude), settings)
    processes = tuple(VerifiedProcess(run, live.checks(run, plan)) for run in watched.runs)
    return VerifiedRun(root, plan, processes, watched.failure)


def _plan(repository: Repository, settings: Settings) -> Plan:
    plan = survey.plan_repository(repository, settings)
    return dataclasses.replace(plan, findings=rules.findings(plan))


@contextlib.contextmanager
def _laid_out(root: Path, before: Before) -> Iterator[tuple[Path, Path | None]]:
    """Copies of the repository as it is and as it was (``None``: nothing to compare with)."""
    with tempfile.TemporaryDirectory(prefix="bn2gn-verify-") as scratch:
        folder = Path(scratch).resolve()
        trees.lay_out(root, folder / "after")
        if before.ref is not None:
            trees.lay_out_before(root, before.ref, folder / "before")
        elif before.folder is not None:
            trees.lay_out(before.folder, folder / "before")
        is_compared = (folder / "before").exists()
        yield folder / "after", folder / "before" if is_compared else None


def _build(
    after_root: Path,
    before_root: Path | None,
    settings: Settings,
    models: Sequence[ModelRequest],
    interpreter: Interpreter,
    exercise: Mapping[str, bool],
) -> Built:
    """Build the models in both states; ``exercise`` says what the later ones are put through."""
    after = Tree.read(after_root, settings)
    before = None if before_root is None else Tree.read(before_root, settings)
    touched = _rewritten(after, before)
    now = probe({**exercise, **_request(after, models, touched)}, after.root, interpreter)
    then = None
    if before is not None:
        same = [_same_model(model) for model in now.snapshot.models] or list(models)
        request = {**exercise, **_request(before, same, touched), "train": False}
        then = probe(request, before.root, interpreter)
    return Built(after, before, now, then)


def _request(tree: Tree, models: Sequence[ModelRequest], touched: Iterable[str]) -> dict[str, Any]:
    graph = tree.graph
    found = freezers.find(graph)
    named = [graph.root_of(model.module) for model in models]
    roots = dict.fromkeys((*(root for root in named if root is not None), *graph.roots))
    present = [path for path in touched if path in graph.trees]
    makers = [
        path
        for path in present
        if (file := tree.repository.file(path)) is not None and _NORM.search(file.data)
    ]
    return {
        "paths": list(roots),
        "modules": [{"path": path, "name": graph.name(path)} for path in present],
        "offering": [
            {"path": path, "name": graph.name(path)}
            for path in (*makers, *graph.users_of(makers))
            if not models
        ],
        "models": [_as_json(model) for model in models],
        "freezes": list(found.freezes),
        "guards": list(found.guards),
        "wrappers": list(found.wrappers),
    }


def _as_json(model: ModelRequest) -> dict[str, Any]:
    return {
        "factory": model.factory,
        "args": list(model.args),
        "kwargs": dict(model.kwargs),
        "inputs": [list(shape) for shape in model.inputs],
        "checkpoint": model.checkpoint,
    }


def _same_model(model: ModelSnapshot) -> ModelRequest:
    """What builds in the earlier state what was built in the later one."""
    inputs = model.forwards[0].inputs if model.forwards else ()
    return ModelRequest(model.factory, model.args, model.kwargs, inputs)


def _rewritten(after: Tree, before: Tree | None) -> list[str]:
    """The files to import: what differs from before, else whatever makes norm layers."""
    if before is None:
        return sorted({site.place.path for site in after.plan.sites})
    was = {file.path: file.data for file in before.repository.files}
    return [file.path for file in after.repository.files if was.get(file.path) != file.data]


def _changes(after: Tree, before: Tree | None) -> Iterator[Change]:
    """The Python files that differ; one that is gone has nothing left in it."""
    if before is None:
        return
    now = {file.path: file.data for file in after.repository.files}
    was = {file.path: file.data for file in before.repository.files}
    for path in sorted({*now, *was}):
        if now.get(path) != was.get(path):
            yield Change(path, was.get(path), now.get(path, b""))


def _compare(
    root: Path,
    compared: str,
    built: Built,
    within: frozenset[str] | None,
) -> Verification:
    now, then = built.now, built.then
    verified = [
        Verified(comparison, checks.of_model(comparison)) for comparison in built.comparisons
    ]
    whole = [
        imports.check(now, then),
        remaining.check(built.after.plan, within),
    ]
    models = now.snapshot.models
    return Verification(
        root,
        compared,
        tuple(verified),
        tuple(check for check in whole if check is not None),
        tuple(f"{stub.module} ({stub.kind})" for stub in now.snapshot.stubs),
        tuple(dict.fromkeys(url for model in models for url in model.skipped_weights)),
        built.after.plan,
        None if built.before is None else built.before.plan,
        tuple(_changes(built.after, built.before)),
        now.output if now.failure else then.output if then is not None and then.failure else "",
    )


def _pairs(
    now: Outcome, then: Outcome | None
) -> Iterator[tuple[ModelSnapshot, ModelSnapshot | None]]:
    earlier: Mapping[str, ModelSnapshot] = {}
    if then is not None:
        earlier = {_key(model): model for model in then.snapshot.models}
    for model in now.snapshot.models:
        found = earlier.get(_key(model))
        if found is None and then is not None:
            error = then.failure or "was not built"
            found = dataclasses.replace(model, error=error, modules=(), state=(), forwards=())
        yield model, found


def _key(model: ModelSnapshot) -> str:
    return f"{model.factory}({model.passed})"
