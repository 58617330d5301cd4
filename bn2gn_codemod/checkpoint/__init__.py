"""Old checkpoints for the migrated model: without the statistics of converted layers.

The model is built before and after as in ``verify``; tensors are read and
written in the interpreter that has torch. What is to change is decided here,
from names and shapes alone.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bn2gn_codemod import sources, verify
from bn2gn_codemod.checkpoint import contents, files
from bn2gn_codemod.checkpoint.contents import Contents
from bn2gn_codemod.checkpoint.decision import Decision, Wishes, decide
from bn2gn_codemod.checkpoint.target import Target, targets
from bn2gn_codemod.probing import Interpreter, launch
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.progress import shown_when_slow
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.verify import Before
from bn2gn_codemod.verify.models import ModelRequest

_JOB = "convert_checkpoint"


@dataclasses.dataclass(frozen=True)
class Source:
    """The repository that the checkpoint belongs to, and how to build its model."""

    root: Path
    settings: Settings
    models: Sequence[ModelRequest]
    before: Before
    interpreter: Interpreter

    @functools.cached_property
    def targets(self) -> tuple[Target, ...]:
        """The migrated models, built once. Raises ``Problem`` when there are none."""
        built = verify.build(self.root, self.settings, self.models, self.before, self.interpreter)
        found = tuple(targets(built, self.settings))
        if found:
            return found
        models, failure = built.now.snapshot.models, built.now.failure
        if failure:
            raise Problem(f"{self.root}: {failure}")
        if not models:
            raise Problem(
                f"{self.root}: no model could be built without help; name one with "
                "--model package.module:factory --args '[...]'"
            )
        for model in models:
            if model.error:
                raise Problem(f"{model.factory}({model.passed}) cannot be built: {model.error}")
        raise Problem(
            f"{self.root}: no layer of {models[0].factory} is converted; "
            "name the state before the migration with --before"
        )


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A checkpoint that was converted, or would be (``written`` is false).

    ``is_guessed``: nobody named the model, its arguments were filled in.
    """

    old: Path
    new: Path
    format: str
    decision: Decision
    written: bool
    is_guessed: bool = False


def convert(
    old: Path,
    new: Path,
    source: Source,
    wishes: Wishes,
    *,
    trust: bool = False,
    force: bool = False,
    dry_run: bool = False,
) -> Conversion:
    """Write ``old`` to ``new`` as the migrated model loads it with ``strict=True``.

    ``new`` appears whole or not at all. ``trust`` runs what a pickle names.
    Raises ``Problem`` when something stands in the way.
    """
    files.require_readable(old)
    if not dry_run:
        files.require_writable(old, new, force)
    request = {"job": _JOB, "file": str(old.resolve()), "trust": trust}
    python = source.interpreter.python
    with shown_when_slow(f"reading {old.name}"):
        found = _contents(old, _run(old, request, source.root, python))
    with shown_when_slow("building the model"):
        candidates = source.targets
    decision = decide(str(old), found, candidates, wishes)
    if not dry_run:
        edits = decision.edits.as_json()
        _write(old, new, {**request, "edits": edits}, source.root, python, force)
    return Conversion(old, new, found.format, decision, not dry_run, not source.models)


def _write(
    old: Path, new: Path, request: Mapping[str, Any], root: Path, python: str, force: bool
) -> None:
    target = Path(os.path.realpath(new))
    like = target.stat() if target.exists() else None
    size = old.stat().st_size
    try:
        with (
            sources.new_version(target, like, force) as path,
            shown_when_slow(f"writing {new.name}", lambda: path.stat().st_size / size),
        ):
            _run(new, {**request, "output": str(path)}, root, python)
    except FileExistsError:
        raise Problem(f"{new}: appeared meanwhile; --force replaces it") from None
    except OSError as error:
        raise Problem(f"{new}: cannot be written: {error.strerror or error}") from None


def _run(
    file: Path, request: Mapping[str, Any], root: Path, python: str
) -> Sequence[Mapping[str, Any]]:
    """What the job sent; a ``Problem`` about ``file`` when it could not do it."""
    # No limits: what torch maps into memory counts as memory, and disks are slow.
    ended = launch(request, root, python)
    for event in ended.events:
        if event["event"] == "unusable":
            raise Problem(f"{file}: {event['reason']}")
    if not ended.events or ended.events[-1]["event"] != "end":
        last = (ended.printed.splitlines() or [""])[-1]
        raise Problem(f"{file}: the interpreter {ended.how or 'ended early'}: {last}")
    return ended.events


def _contents(old: Path, events: Sequence[Mapping[str, Any]]) -> Contents:
    for event in events:
        if event["event"] == "contents":
            return contents.from_event(event)
    raise Problem(f"{old}: cannot be read as a checkpoint")
