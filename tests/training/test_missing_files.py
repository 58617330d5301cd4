"""Parts that are loaded where their file is there, and left as they were made where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import TrainScript
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

MODEL = """
import os
import torch
import torchvision
from torch import nn

class {name}(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8))
        {load}

class Model(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        {beside}
        self.smooth = {name}(cfg)
        self.neck = nn.Sequential(nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4))
"""
SCRIPT = """
import torch
import model

def main(cfg):
    net = model.Model(cfg)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
GUARDED = "if os.path.isfile(cfg.file):\n            self.load_state_dict(torch.load(cfg.file))"
BESIDE = "self.backbone = torchvision.models.resnet50(pretrained=True)"


def _script(load: str = GUARDED, name: str = "Smooth", beside: str = BESIDE) -> TrainScript:
    text = MODEL.format(load=load, name=name, beside=beside)
    files = {"model.py": text, "train.py": SCRIPT}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    [found] = plan_repository(Repository(Path("/repository"), read), Settings()).train_scripts
    return found


@pytest.mark.parametrize(
    "load",
    [GUARDED, GUARDED.replace("if ", "if cfg.file and "), GUARDED.replace("isfile", "exists")],
)
def test_a_file_that_may_be_missing(load: str) -> None:
    found = _script(load)
    assert found.fix
    assert found.backbone == ("backbone",)
    assert found.passed_by == ("Model.smooth",)


@pytest.mark.parametrize(
    ("load", "name", "beside"),
    [
        # It is loaded, or the code fails.
        ("self.load_state_dict(torch.load(cfg.file))", "Smooth", BESIDE),
        (f"{GUARDED}\n        else:\n            raise ValueError(cfg.file)", "Smooth", BESIDE),
        # Whoever trains has downloaded it.
        (GUARDED, "ResNet18", BESIDE),
        # Nothing else is there to be frozen.
        (GUARDED, "Smooth", "self.stem = nn.Conv2d(3, 8, 3)"),
    ],
)
def test_a_file_that_is_there(load: str, name: str, beside: str) -> None:
    found = _script(load, name, beside)
    assert found.fix
    assert "smooth" in found.backbone
    assert found.passed_by == ()
