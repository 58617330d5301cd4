"""The migrated repository is trained for real: frozen layers do not move, new ones do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from bn2gn_codemod import sources
from bn2gn_codemod.rewrite import apply
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey import plan_repository
from tests import warm
from tests.conftest import MakeRepository
from tests.training import drills

State = dict[str, torch.Tensor]


def migrate(root: Path, settings: Settings) -> None:
    """Migrate, and see that the next run finds nothing and would change nothing."""
    repository = sources.discover(root)
    applied = apply(repository, plan_repository(repository, settings))
    assert applied.refused == ()
    again = plan_repository(sources.discover(root), settings)
    assert [str(finding) for finding in findings(again)] == []
    assert again.files == ()
    assert again.new_files == ()


@pytest.fixture(scope="module")
def python() -> Iterator[warm.Python]:
    """What trains, with the frameworks of the drills."""
    with warm.Python("torch._dynamo", "accelerate", "lightning", "mmengine.runner") as python:
        yield python


def train(python: warm.Python, root: Path) -> str:
    """Run ``train.py`` as a user does; the end of what it says when it fails, or ``""``."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    if "start_processes" in (root / "train.py").read_text("utf-8"):
        # gloo in a fork of a fork may wait for ever: these start as they do for users.
        command = [sys.executable, "train.py"]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    else:
        done = python.run("train.py", cwd=root, env=environment)
    return done.stderr[-2000:] if done.returncode else ""


def run(python: warm.Python, root: Path) -> tuple[State, State]:
    """The state of the model before and after training, by the model's own names."""
    assert train(python, root) == ""
    before, after = (
        torch.load(root / f"{name}.pt", weights_only=True)["state"] for name in ("before", "after")
    )
    return bare(before), bare(after)


def bare(state: State) -> State:
    return {
        name.removeprefix("module.").removeprefix("_orig_mod."): value
        for name, value in state.items()
    }


def changed(before: State, after: State) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


def is_norm(name: str) -> bool:
    return name.startswith(("backbone.bn1.", "backbone.layer1.1."))


def pretrained(root: Path) -> None:
    """Weights for the backbone that no initialisation gives by chance."""
    torch.manual_seed(3)
    shapes = {"conv1.weight": (4, 3, 3, 3), "layer1.0.weight": (4, 4, 3, 3), "layer1.0.bias": (4,)}
    state = {name: torch.randn(shape) for name, shape in shapes.items()}
    for norm in ("bn1", "layer1.1"):
        for name in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{name}"] = torch.rand(4) + 0.5
        state[f"{norm}.num_batches_tracked"] = torch.tensor(5)
    torch.save(state, root / "pretrained.pth")


def repository_of(make: MakeRepository, train: str) -> Path:
    root = make({"model.py": drills.MODEL, "data.py": drills.DATA, "train.py": train})
    pretrained(root)
    return root


@pytest.mark.parametrize("driver", drills.DRIVERS)
def test_frozen_layers_stay_and_new_layers_train(
    python: warm.Python, repository: MakeRepository, driver: str
) -> None:
    root = repository_of(repository, drills.DRIVERS[driver])
    before, after = run(python, root)
    moved = changed(before, after)
    assert moved == set(before), "untouched, training moves everything"
    migrate(root, Settings())
    before, after = run(python, root)
    moved = changed(before, after)
    assert {name for name in moved if is_norm(name)} == set()
    assert moved == {name for name in before if not is_norm(name)}
    assert any(name.startswith("head.") for name in moved)


@pytest.mark.parametrize("driver", ["plain loop", "trainer class"])
@pytest.mark.parametrize(
    "settings",
    [
        Settings(freeze="backbone"),
        Settings(freeze="backbone", guard="model"),
        Settings(freeze="backbone", shared_module="freezing.py"),
    ],
)
def test_whole_backbone(
    python: warm.Python, repository: MakeRepository, driver: str, settings: Settings
) -> None:
    root = repository_of(repository, drills.DRIVERS[driver])
    migrate(root, settings)
    before, after = run(python, root)
    assert changed(before, after) == {name for name in before if name.startswith("head.")}


@pytest.mark.parametrize("driver", ["DataParallel", "train and eval each epoch"])
@pytest.mark.parametrize("guard", ["loop", "model"])
def test_either_guard(
    python: warm.Python, repository: MakeRepository, driver: str, guard: str
) -> None:
    root = repository_of(repository, drills.DRIVERS[driver])
    migrate(root, Settings(guard=guard))  # type: ignore[arg-type]
    before, after = run(python, root)
    assert not any(is_norm(name) for name in changed(before, after))


def test_freezing_nothing_lets_the_backbone_move(
    python: warm.Python, repository: MakeRepository
) -> None:
    root = repository_of(repository, drills.PLAIN)
    migrate(root, Settings(freeze="none"))
    before, after = run(python, root)
    assert changed(before, after) == set(before)
