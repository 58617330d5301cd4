"""A small detector before and after its migration, and what its checkpoints hold."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bn2gn_codemod import checkpoint, probing
from bn2gn_codemod.checkpoint import Source
from bn2gn_codemod.probing import Ended, Interpreter
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.verify import Before
from bn2gn_codemod.verify.models import ModelRequest

SAMPLE = Path(__file__).parents[2] / "fixtures" / "satmot"
BEFORE = """\
from torch import nn


class Detector(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
        self.neck = nn.Sequential(nn.Conv2d(8, 6, 1), nn.BatchNorm2d(6))
        self.head = nn.Conv2d(6, classes, 1)
"""
AFTER = BEFORE.replace("nn.BatchNorm2d(6)", "nn.GroupNorm(2, 6)")
STATISTICS = {f"neck.1.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")}


def detector(norm: nn.Module) -> nn.Module:
    """The model of the repository, with ``norm`` as its one converted layer."""
    model = nn.Module()
    model.backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    model.neck = nn.Sequential(nn.Conv2d(8, 6, 1), norm)
    model.head = nn.Conv2d(6, 4, 1)
    return model


@pytest.fixture
def old_model() -> nn.Module:
    """With values that tell every element from the others."""
    torch.manual_seed(1)
    model = detector(nn.BatchNorm2d(6))
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.normal_()
    return model


@pytest.fixture
def new_model() -> nn.Module:
    return detector(nn.GroupNorm(2, 6))


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """The migrated repository, whose model is built once for all tests."""
    folder = tmp_path_factory.mktemp("detector")
    for name, text in (("before", BEFORE), ("after", AFTER)):
        (folder / name).mkdir()
        (folder / name / "net.py").write_text(text)
    return Source(
        folder / "after",
        Settings(backbone=("backbone",)),
        [ModelRequest("net:Detector", (4,))],
        Before(folder=folder / "before"),
        Interpreter(sys.executable),
    )


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files are read and written right here: starting torch anew takes a second each time."""
    monkeypatch.syspath_prepend(str(probing.FOLDER))
    job = importlib.import_module("bn2gn_probe.convert_checkpoint")

    def launch(request: Mapping[str, Any], root: Path, python: str) -> Ended:
        result = tmp_path / "events.jsonl"
        job.run({**request, "root": str(root), "result": str(result)})
        events = tuple(probing.read_events(result))
        result.unlink()
        return Ended(events, "", "")

    monkeypatch.setattr(checkpoint, "launch", launch)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Saves something with torch and gives the file."""

    def save(content: Any, name: str = "old.pth", **options: Any) -> Path:
        torch.save(content, tmp_path / name, **options)
        return tmp_path / name

    return save
