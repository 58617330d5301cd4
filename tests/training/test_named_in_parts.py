"""A backbone by its name alone in a part of a model that has its weights elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

_SCRIPT = """
import torch
import torchvision
from torch import nn

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))

class Points(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone_net = Block()
        self.cls_layer = {head}
        {points}

class Disparity(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))

class Model(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        {model}

def main(cfg):
    model = Model(cfg)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x in cfg.data:
        model.train()
        model(x).sum().backward()
"""
_LOADED = "self.backbone = torchvision.models.resnet18(pretrained=True)"
# What the model loads of its parts, if the config has files for them.
_PARTS = """self.disparity = Disparity()
        if cfg.disparity:
            self.disparity.load_state_dict(torch.load(cfg.disparity)['model'])
        self.points = Points()
        if cfg.points:
            self.points.load_state_dict(torch.load(cfg.points)['model'])"""


def _plan(model: str, settings: Settings | None = None, **parts: str) -> Plan:
    names = {"head": "Block()", "points": "pass"}
    text = _SCRIPT.format(**{**names, **parts, "model": model})
    read = SourceFile.from_bytes("train.py", text.encode())
    return plan_repository(Repository(Path("/repository"), (read,)), settings or Settings())


def _is_changed(plan: Plan) -> bool:
    return any(file.freezes or file.loop_guards or file.model_guards for file in plan.files)


@pytest.mark.parametrize("head", ["Block()", "nn.Conv2d(8, 4, 1)"])
@pytest.mark.parametrize("model", [_PARTS, f"{_LOADED}\n        self.points = Points()"])
def test_a_name_is_too_little(model: str, head: str) -> None:
    plan = _plan(model, head=head)
    assert not _is_changed(plan)
    found = [one.message for one in findings(plan) if one.code in ("BN201", "BN202")]
    assert found
    for message in found:
        assert "Points.backbone_net as well, which is a backbone by its name alone" in message
        assert 'backbone = ["Points.backbone_net"]' in message


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        # Weights come into it.
        (_PARTS, {"points": "self.backbone_net.load_state_dict(torch.load('points.pth'))"}),
        (
            f"{_LOADED}\n        self.points = Points()",
            {"points": "self.backbone_net.load_state_dict(torch.load('points.pth'))"},
        ),
        # There is nothing else that is loaded, or it is all of the model.
        ("self.backbone = Block()\n        self.head = nn.Conv2d(8, 4, 1)", {}),
        ("self.points = Points()", {}),
        # What has weights is in it.
        (
            "self.points = Points()",
            {"points": "self.backbone_net = torchvision.models.resnet18(pretrained=True)"},
        ),
    ],
)
def test_what_is_frozen_all_the_same(model: str, parts: dict[str, str]) -> None:
    assert _is_changed(_plan(model, None, **parts))


def test_a_setting_says_that_it_is_pretrained() -> None:
    assert _is_changed(_plan(_PARTS, Settings(backbone=("Points.backbone_net",))))
