"""The first optimizer steps of the user's own training command."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bn2gn_codemod import probing, snapshot
from bn2gn_codemod.plan import Plan, Verdict
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.snapshot import LiveRun, Module
from bn2gn_codemod.verify.comparison import Check, verdicts
from bn2gn_codemod.wording import counted, listed

# Parts of a dotted name that say backbone where no line of the repository made the layer.
_BACKBONE = frozenset({"backbone", "base_layer"})


@dataclasses.dataclass(frozen=True)
class Watched:
    """What the processes of a training command sent; ``failure`` when none did, in one line."""

    runs: tuple[LiveRun, ...]
    failure: str = ""


def watch(command: Sequence[str], root: Path, steps: int, timeout: float) -> Watched:
    """Run ``command`` with the probe on ``PYTHONPATH`` until it took ``steps`` optimizer steps.

    It runs in the current directory, as it would by hand; what it prints goes
    to stderr. ``root`` is the repository, ``timeout`` is in seconds. Raises
    ``Problem`` for a command that cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="bn2gn-") as folder:
        result = Path(folder) / "events.jsonl"
        request = {"root": str(root), "result": str(result), "steps": steps}
        path = os.pathsep.join(filter(None, (str(probing.FOLDER), os.environ.get("PYTHONPATH"))))
        env = {
            **os.environ,
            "PYTHONPATH": path,
            "PYTHONDONTWRITEBYTECODE": "1",
            "BN2GN_WATCH": json.dumps(request),
        }
        sys.stderr.flush()
        try:
            ended = probing.run(command, Path(), env, timeout, sys.stderr)
        except OSError as error:
            raise Problem(f"--run {command[0]}: cannot be started: {error.strerror}") from None
        events = probing.read_events(result)
    runs = tuple(
        snapshot.from_json(LiveRun, event["run"]) for event in events if event["event"] == "run"
    )
    return Watched(runs, "" if runs else _failure(events, ended, steps))


def checks(run: LiveRun, plan: Plan) -> tuple[Check, ...]:
    """What the run says about the backbone; ``plan`` is that of the repository."""
    backbone = backbone_layers(run, plan)
    if not backbone:
        detail = "the model that was trained has no BatchNorm known to be backbone"
        return (Check("backbone", False, detail),)
    return (_modes(run, backbone), _frozen(run, backbone), _optimizers(run))


def backbone_layers(run: LiveRun, plan: Plan) -> dict[str, Module]:
    """The BatchNorm layers that the plan keeps, and those that a library put in a backbone."""
    found = verdicts(run.model, plan)
    return {
        layer.name: layer
        for layer in run.model.batch_norms
        if found.get(layer.name) is Verdict.KEEP
        or (layer.name not in found and _BACKBONE & set(layer.name.split(".")))
    }


def _modes(run: LiveRun, backbone: dict[str, Module]) -> Check:
    ran = [norm for norm in run.norms if norm.name in backbone]
    in_train = [norm.name for norm in ran if norm.train]
    if in_train:
        number = counted(len(in_train), "backbone BatchNorm")
        return Check("backbone mode", False, f"{number} ran in train mode: {listed(in_train)}")
    quiet = sum(not norm.eval for norm in ran)
    note = f", {quiet} did not run" if quiet else ""
    number = counted(len(backbone), "backbone BatchNorm")
    return Check("backbone mode", True, f"{number}, none ran in train mode{note}")


def _frozen(run: LiveRun, backbone: dict[str, Module]) -> Check:
    problem = "; ".join(_thawed(run, backbone))
    if problem:
        return Check("frozen tensors", False, problem)
    frozen = sum(not parameter.requires_grad for parameter in run.model.parameters)
    steps = counted(run.steps, "optimizer step")
    return Check(
        "frozen tensors",
        True,
        f"{counted(frozen, 'frozen parameter')} and the running statistics unchanged after {steps}",
    )


def _thawed(run: LiveRun, backbone: dict[str, Module]) -> Iterator[str]:
    if run.frozen_changed:
        yield f"frozen, yet changed: {listed(run.frozen_changed)}"
    moved = [name for name in run.statistics_moved if name in backbone]
    if moved:
        yield f"running statistics moved: {listed(moved)}"
    trained = [
        parameter.name
        for parameter in run.model.parameters
        if parameter.requires_grad and parameter.name.rpartition(".")[0] in backbone
    ]
    if trained:
        yield f"backbone BatchNorm parameters that still train: {listed(trained)}"


def _optimizers(run: LiveRun) -> Check:
    frozen = {p.name for p in run.model.parameters if not p.requires_grad}
    shown, problems = [], []
    for optimizer in run.optimizers:
        for group in optimizer.groups:
            size = len(group.parameters) + group.unnamed
            rates = f"lr {group.lr:g}, weight decay {group.weight_decay:g}"
            shown.append(f"{optimizer.class_}: {counted(size, 'parameter')} at {rates}")
            if group.weight_decay and frozen & set(group.parameters):
                number = len(frozen & set(group.parameters))
                problems.append(
                    f"BN306 {counted(number, 'frozen parameter')} in a group with weight decay"
                )
    in_optimizer = frozenset().union(*(optimizer.parameters for optimizer in run.optimizers))
    missing = [name for name in run.with_gradient if name not in in_optimizer]
    if missing:
        problems.append(f"BN306 trained, but in no optimizer that stepped: {listed(missing)}")
    gradients = f"{counted(len(run.with_gradient), 'parameter')} with a gradient"
    return Check("optimizer", not problems, "; ".join((*problems, gradients, *shown)))


def _failure(events: Sequence[dict[str, Any]], ended: str, steps: int) -> str:
    for event in events:
        if event["event"] == "error":
            return f"the training could not be watched: {event['message']}"
    how = f"the command {ended or 'ended'}"
    if not any(event["event"] == "torch" for event in events):
        return f"{how} and no Python process of it imported torch with PYTHONPATH in effect"
    return f"{how} before optimizer step {steps}"
