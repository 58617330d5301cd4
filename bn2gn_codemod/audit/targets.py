"""Gathering evidence: from a config file, a model, or a live training command."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bn2gn_codemod.audit.evidence import Evidence, Freezing
from bn2gn_codemod.plan import ConfigEdit, FileEdits, Skipped
from bn2gn_codemod.probing import Interpreter, NoTorch, probe
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.snapshot import Snapshot
from bn2gn_codemod.sources import Repository, SourceFile, discover
from bn2gn_codemod.survey.configs.freezing import plan_freezes
from bn2gn_codemod.survey.configs.inheritance import Config, Configs
from bn2gn_codemod.survey.configs.planning import read_configs
from bn2gn_codemod.survey.configs.reading import has_only_settings, is_config
from bn2gn_codemod.survey.configs.values import Items, Scalar, Table, Value
from bn2gn_codemod.verify.models import ModelRequest, named

_UNREGISTERED = re.compile(r"(?:\w+\.)?(\w+) is not registered")
STEPS = 2  # the first one shows the modes, the second what the first has changed


@dataclasses.dataclass(frozen=True)
class ConfigTarget:
    """A config file; ``workdir`` is where training runs."""

    path: Path
    workdir: Path

    @classmethod
    def at(cls, path: Path, workdir: Path | None) -> ConfigTarget:
        """Raises ``Problem`` for a file that is not there.

        Without ``workdir`` it is the folder that holds the ``configs`` folder
        of the file, else the current one.
        """
        if path.is_dir():
            raise Problem(f"{path}: is a directory; name one config file in it")
        if not path.is_file():
            raise Problem(f"{path}: no such config file{_nearest(path)}")
        if path.suffix != ".py":
            raise Problem(f"{path}: not a Python config; audit reads MMEngine's .py configs")
        path = Path(os.path.abspath(path))
        if workdir is not None and not workdir.is_dir():
            raise Problem(f"--workdir {workdir}: no such directory")
        configs = next((folder for folder in path.parents if folder.name == "configs"), None)
        chosen = workdir or (configs.parent if configs else Path())
        return cls(path, chosen.absolute())


def gather(
    config: Path | None,
    model: Mapping[str, Any],
    training: Mapping[str, Any],
    workdir: Path | None,
    interpreter: Interpreter,
) -> Evidence:
    """The evidence about the one target that was named, as the command line gives it.

    Raises ``Problem`` when it is none or several, or cannot be used.
    """
    models = named(model)
    if sum([config is not None, bool(models), bool(training["command"])]) != 1:
        raise Problem("name one target: a config, --model MODULE:FACTORY, or --run -- COMMAND")
    if config is not None:
        return of_config(ConfigTarget.at(config, workdir), interpreter)
    root = (workdir or Path()).absolute()
    if training["command"]:
        steps = max(training["steps"], STEPS)
        return of_command(training["command"], root, interpreter.timeout, steps)
    return of_model(models[0], root, interpreter)


def of_config(target: ConfigTarget, interpreter: Interpreter) -> Evidence:
    """Read the config statically, then build and briefly train it in the interpreter."""
    name = os.path.relpath(target.path, target.workdir).replace(os.sep, "/")
    repository = discover(target.workdir)
    reader = Configs(repository.file_or_outside)
    config, unread = _read(repository, reader, name, target.path)
    evidence = Evidence(
        target=name,
        root=target.workdir,
        config=config,
        values=_constants(config.resolved) if config else {},
        freezings=_freezings(repository, reader, config) if config else (),
        failure=unread,
    )
    request = {"path": str(target.path), "folder": str(Path().absolute()), "steps": STEPS}
    try:
        # A stand-in for what a config imports would be a model that is not the user's.
        own = dataclasses.replace(interpreter, stubs=False)
        outcome = probe({"config": request}, target.workdir, own)
    except NoTorch as error:  # the static part still holds
        return dataclasses.replace(evidence, failure=unread or str(error))
    snapshot = outcome.snapshot
    resolved = snapshot.config
    failure = resolved.error if resolved and resolved.error else outcome.failure
    if not failure and snapshot.training_error:
        failure = f"it could not be trained on made-up images: {snapshot.training_error}"
    failure = failure and f"{name}: {failure}{_registration(repository, config, failure)}"
    values = resolved.values if resolved else {}
    return dataclasses.replace(
        evidence,
        snapshot=snapshot,
        values=values or evidence.values,
        # What MMEngine could read need not be read statically (a base in an
        # installed package of another interpreter).
        failure=failure if values else unread or failure,
    )


def of_model(request: ModelRequest, root: Path, interpreter: Interpreter) -> Evidence:
    """Build the model and run it forward."""
    spec = {
        "factory": request.factory,
        "args": list(request.args),
        "kwargs": dict(request.kwargs),
        "inputs": [list(shape) for shape in request.inputs],
    }
    outcome = probe({"models": [spec]}, root, interpreter)
    models = outcome.snapshot.models
    failure = models[0].error if models else ""
    return Evidence(
        target=request.factory,
        root=root,
        snapshot=outcome.snapshot,
        failure=outcome.failure or (failure and f"{request.factory} cannot be built: {failure}"),
    )


def of_command(command: Sequence[str], root: Path, timeout: float, steps: int = STEPS) -> Evidence:
    """Watch the first optimizer steps of a training command."""
    from bn2gn_codemod.verify import live

    watched = live.watch(command, root, steps, timeout)
    return Evidence(
        target=" ".join(command),
        root=root,
        snapshot=Snapshot(runs=watched.runs),
        failure=watched.failure,
    )


# ---------------------------------------------------------------- static


def _nearest(path: Path) -> str:
    """The file of nearly this name that is there, as a question."""
    names = [file.name for file in path.parent.glob("*.py")]
    if path.parent.is_dir():
        near = difflib.get_close_matches(path.name, names, 1)
        return f"; did you mean {path.parent / near[0]}?" if near else ""
    return f": there is no folder {path.parent}"


def _registration(repository: Repository, config: Config | None, failure: str) -> str:
    """For a type that is not registered: the file whose class of that name has to be imported."""
    unknown = _UNREGISTERED.search(failure)
    if unknown is None:
        return ""
    head = re.compile(rb"^class[ \t]+%s\b" % re.escape(unknown[1].encode()), re.MULTILINE)
    for source in repository.files:
        if head.search(source.data) and source.path.endswith(".py"):
            module = source.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            if config is not None and config.is_pure_python:  # MMEngine imports nothing for it
                fix = f"import it from {module} and write type={unknown[1]}"
            else:
                fix = f"add custom_imports = dict(imports=[{module!r}])"
            return f"; {source.path} holds it: {fix}"
    return "; import what registers it with custom_imports, or set its default_scope"


def _read(
    repository: Repository, reader: Configs, name: str, path: Path
) -> tuple[Config | None, str]:
    """The config read without running it, and in one line what of it could not be read.

    Raises ``Problem`` for a file that is no config.
    """
    try:
        config = reader.read(name)
    except SyntaxError as error:
        where = f"{error.filename}:{error.lineno}" if error.lineno else error.filename
        return None, f"{where}: cannot be parsed: {error.msg}"
    if config is None:
        skipped = [each for each in repository.skipped if each.path == name]
        return None, _first(skipped) or f"{path}: cannot be read"
    if not (is_config(config.source) or has_only_settings(config.source)):
        raise Problem(
            f"{path}: not an MMEngine config; name what builds a model with --model MODULE:FACTORY"
        )
    return config, _first(config.problems)


def _first(problems: Sequence[Skipped]) -> str:
    return f"{problems[0].path}: {problems[0].message}" if problems else ""


def _freezings(repository: Repository, reader: Configs, config: Config) -> tuple[Freezing, ...]:
    """The pretended freezes that hold in the config, as ``migrate`` would see them."""
    configs, _ = read_configs(repository, reader)
    planned = plan_freezes(repository, list(dict.fromkeys((*configs, config))))
    edits = [edit for edit in planned.edits if edit.place.path in config.family()]
    diff = "".join(
        _diff(source, [edit for edit in edits if edit.place.path == source.path])
        for source in map(repository.file, dict.fromkeys(edit.place.path for edit in edits))
        if source is not None
    )
    if any(edit.import_from for edit in edits):
        diff += "".join(f"(and the new file {file.path})\n" for file in planned.new_files)
    return tuple(
        Freezing(freeze, diff if freeze.fixable else "")
        for freeze in planned.freezes
        if config.path in freeze.configs
    )


def _diff(source: SourceFile, own: Sequence[ConfigEdit]) -> str:
    from bn2gn_codemod.rewrite import RewriteRefused, rewrite_file

    edits = FileEdits(source.path, configs=tuple(dict.fromkeys(own)))
    try:
        text = rewrite_file(source, edits)
    except RewriteRefused:
        return ""
    before, after = source.text.splitlines(keepends=True), text.splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, source.path, source.path, n=2))


def _constants(value: Value) -> Any:
    """What is constant in a value that was read statically; the rest is left out."""
    if isinstance(value, Table):
        known = {key: _constants(entry.value) for key, entry in value.entries.items()}
        return {key: item for key, item in known.items() if item is not _UNKNOWN}
    if isinstance(value, Items):
        items = [_constants(entry.value) for entry in value.entries]
        return [item for item in items if item is not _UNKNOWN]
    return value.value if isinstance(value, Scalar) else _UNKNOWN


_UNKNOWN = object()
