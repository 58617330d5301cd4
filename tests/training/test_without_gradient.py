"""Backbones that run only under ``no_grad``, in eval mode: nothing is left to freeze."""

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

def features(net, x):
    return net.layer1(net.conv1(x))

class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet50(pretrained=True)
        self.backbone.eval()
        self.head = nn.Conv2d(64, 1, 1)
        self.take = features

    def forward(self, x):
{forward}

    def train_mode(self):
        self.train()
        {kept}
{more}
"""
SCRIPT = """
import argparse
import torch
import model

def epoch(net, loader, optimizer, training):
    net.module.train_mode() if training else net.module.eval()
    for x in loader:
        loss = net(x).sum()
        if training:
            loss.backward()
            optimizer.step()

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    args = parser.parse_args()
    print(args.backbone)
    net = torch.nn.DataParallel(model.Segmenter())
    optimizer = torch.optim.Adam(net.parameters())
    for _ in range(3):
        epoch(net, load(), optimizer, True)
        epoch(net, load(), optimizer, False)
"""
RUN = "with torch.no_grad():\n    x = self.take(self.backbone, x)\nreturn self.head(x)"
CALLED = "with torch.no_grad():\n    x = self.backbone(x)\nreturn self.head(x)"
KEPT = "self.backbone.eval()"


def _messages(forward: str = RUN, kept: str = KEPT, more: str = "", script: str = "") -> list[str]:
    body = "\n".join(f"        {line}" for line in forward.splitlines())
    files = {
        "model.py": MODEL.format(forward=body, kept=kept, more=more),
        "train.py": SCRIPT + script,
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    return [one.message for one in findings(plan) if one.code == "BN201"]


@pytest.mark.parametrize("forward", [RUN, CALLED])
def test_nothing_is_left_to_freeze(forward: str) -> None:
    assert _messages(forward) == []


@pytest.mark.parametrize(
    ("forward", "kept", "more", "script"),
    [
        # Its statistics move, or its weight and bias learn.
        (RUN, "pass", "", ""),
        ("return self.head(self.backbone(x))", KEPT, "", ""),
        ("if self.training:\n    x = self.backbone.conv1(x)\n" + RUN, KEPT, "", ""),
        ("with torch.no_grad():\n    net = self.backbone\nreturn self.head(net(x))", KEPT, "", ""),
        (RUN, KEPT, "    def again(self, x):\n        return self.backbone(x)\n", ""),
        (RUN, KEPT, "    def parts(self):\n        return list(self.children())\n", ""),
        (
            RUN,
            KEPT,
            "    def __call__(self, x):\n        with torch.enable_grad():\n"
            "            return super().__call__(x)\n",
            "",
        ),
        (RUN, KEPT, "", "    net.module.backbone(next(load())).sum().backward()\n"),
        (RUN, KEPT, "", "    find().backbone(next(load())).sum().backward()\n"),
    ],
)
def test_something_is_left(forward: str, kept: str, more: str, script: str) -> None:
    assert len(_messages(forward, kept, more, script)) == 1
