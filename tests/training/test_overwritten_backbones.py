"""Pretrained BatchNorm that an init loop overwrites is not frozen: it is not what was loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

MODEL = """
import torch
import torchvision
from torch import nn


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = nn.Sequential(nn.Conv2d(512, 64, 1), nn.BatchNorm2d(64))
        {after}


class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet50(pretrained=True)
        self.head = nn.Sequential(nn.Conv2d(512, 64, 1), nn.BatchNorm2d(64))
        {other}

def reset(model):
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.constant_(m.weight, 1)
            nn.init.constant_(m.bias, 0)


def init_weights(m):
    if isinstance(m, nn.BatchNorm2d):
        nn.init.normal_(m.weight, 1.0, 0.02)
        nn.init.constant_(m.bias, 0)
"""
BY_NAME = """for name, m in self.named_modules():
            if {!r} not in name:
                init_weights(m)"""
SCRIPT = """
import torch
import model
from model import init_weights


def main(loader):
    net = model.Detector()
    {made}
    optimizer = torch.optim.Adam(net.parameters())
    for epoch in range(3):
        net.train()
        for x in loader:
            net(x)


if __name__ == "__main__":
    main([])
"""


def plan_of(after: str = "pass", other: str = "pass", made: str = "pass") -> Plan:
    files = {
        "model.py": MODEL.format(after=after, other=other),
        "train.py": SCRIPT.format(made=made),
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    return plan_repository(Repository(Path("/repository"), read), Settings())


@pytest.mark.parametrize(
    ("after", "made"),
    [
        ("reset(self)", "pass"),
        ("self.apply(init_weights)", "pass"),
        ("pass", "model.reset(net)"),
        ("pass", "net.apply(model.init_weights)"),
        # something else is left out
        (BY_NAME.format("head"), "pass"),
        (BY_NAME.format("backbone.layer4"), "pass"),
        (BY_NAME.format("backbone").replace("not in", "in"), "pass"),
    ],
)
def test_no_freeze_and_no_guard_is_written(after: str, made: str) -> None:
    plan = plan_of(after, made=made)
    assert not any(file.freezes or file.loop_guards for file in plan.files)
    found = {finding.code: finding for finding in findings(plan)}
    assert "BN107" in found
    for code in ("BN201", "BN202"):
        assert not found[code].fixable
        assert "initialises the BatchNorm of torchvision.models.resnet18" in found[code].message
        assert f"{found['BN107'].place.path}:{found['BN107'].place.line}" in found[code].message


@pytest.mark.parametrize(
    ("after", "other", "made"),
    [
        ("pass", "pass", "pass"),
        ("reset(self.head)", "pass", "pass"),
        ("self.head.apply(init_weights)", "pass", "pass"),
        ("pass", "pass", "model.reset(net.head)"),
        # it is left out by its name
        (BY_NAME.format("backbone"), "pass", "pass"),
        (BY_NAME.format("bone"), "pass", "pass"),
        ("pass", "pass", BY_NAME.replace("self", "net").format("backbone")),
        # another model, and its own backbone
        ("pass", "reset(self)", "pass"),
        ("pass", "self.apply(init_weights)", "pass"),
    ],
)
def test_what_is_not_overwritten_is_frozen(after: str, other: str, made: str) -> None:
    plan = plan_of(after, other, made)
    assert any(file.freezes for file in plan.files)
    assert any(file.loop_guards for file in plan.files)
