"""Norm classes of a backbone that may be frozen ones: a freeze says when it is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

MODEL = """
import torch
import torchvision
from torch import nn
from torch.utils import model_zoo

class StillNorm(nn.Module):
    def __init__(self, n):
        super().__init__()
        for name in ("weight", "bias", "running_mean", "running_var"):
            self.register_buffer(name, torch.ones(n))

class MovingNorm(nn.BatchNorm2d):
    pass

class ResNet(nn.Module):
    def __init__(self, norm_layer=None):
        super().__init__()
        norm_layer = norm_layer or nn.BatchNorm2d
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = norm_layer(8)
        self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 3), norm_layer(8))

def resnet18(norm_layer=None):
    model = ResNet(norm_layer)
    model.load_state_dict(model_zoo.load_url("https://example.org/resnet18.pth"))
    return model

class Detector(nn.Module):
    def __init__(self, still=False):
        super().__init__()
        norm = {norm}
        self.backbone = {made}(norm_layer=norm)
        self.neck = nn.Sequential(nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4))
"""
SCRIPT = """
import torch
import model

def main(args):
    net = model.Detector(args.still)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
LIBRARY = "torchvision.models.resnet18"


def _message(norm: str, made: str) -> str:
    files = {"model.py": MODEL.format(norm=norm, made=made), "train.py": SCRIPT}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    found = [one.message for one in findings(plan) if one.code == "BN201" and one.fixable]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("made", ["resnet18", f"{LIBRARY}"])
@pytest.mark.parametrize(
    ("norm", "holds"),
    [
        ("StillNorm if still else nn.BatchNorm2d", "StillNorm where still is True"),
        ("nn.BatchNorm2d if not still else StillNorm", "StillNorm where not still is False"),
        (
            "torchvision.ops.FrozenBatchNorm2d if still else nn.BatchNorm2d",
            "torchvision.ops.FrozenBatchNorm2d where still is True",
        ),
    ],
)
def test_an_option_for_frozen_layers(norm: str, holds: str, made: str) -> None:
    assert f"its norm class is {holds} (model.py:" in _message(norm, made)


@pytest.mark.parametrize("made", ["resnet18", f"{LIBRARY}"])
@pytest.mark.parametrize(
    "norm", ["MovingNorm if still else nn.BatchNorm2d", "nn.BatchNorm2d", "nn.SyncBatchNorm"]
)
def test_no_frozen_layers(norm: str, made: str) -> None:
    assert "its norm class" not in _message(norm, made)
