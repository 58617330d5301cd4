"""Eval mode that comes after training steps is no guard of them, wherever these are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

EPOCHS = """
import torch
import torchvision
from torch import nn
import drivers

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.head = nn.Conv2d(512, 4, 1)

def quiet(net):
    net.backbone.eval()

class Fitting:
    def __init__(self):
        self.net = Net()
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1)

    def one_batch(self, x, learn=True):
        loss = self.net(x).sum()
        if learn:
            loss.backward()
            self.optimizer.step()

    def one_epoch(self, loader, learn=True):
        {first}
        for x in loader:
            self.one_batch(x, learn)

    def check(self, loader):
        self.net.eval()
        with torch.no_grad():
            for x in loader:
                self.net(x)

    def epoch_and_check(self, loader):
        self.one_epoch(loader)
        self.check(loader)

    def fit(self, loader, other, epochs):
        for epoch in range(epochs):
            self.net.train()
            {then}
"""


def guarded(then: str, first: str = "pass") -> list[bool]:
    text = EPOCHS.format(then=then.replace("; ", "\n            "), first=first)
    read = SourceFile.from_bytes("fitting.py", text.encode())
    plan = plan_repository(Repository(Path("/repository"), (read,)), Settings())
    return [call.guarded for call in plan.train_calls if call.model == "self.net"]


@pytest.mark.parametrize(
    "then",
    [
        "self.one_epoch(loader); self.net.eval(); self.one_epoch(other, learn=False)",
        "seen = self.one_epoch(loader); self.net.eval()",
        "if loader: self.one_epoch(loader)\n            self.net.eval()",
        "self.one_batch(loader[0]); quiet(self.net)",
        "self.epoch_and_check(loader)",
        # in code that was not followed
        "drivers.run_epoch(self.net, loader); self.net.eval()",
        "self.step_of_some_mixin(loader); self.net.eval()",
    ],
)
def test_eval_mode_after_the_steps(then: str) -> None:
    assert guarded(then) == [False]


@pytest.mark.parametrize(
    ("then", "first"),
    [
        ("quiet(self.net); self.one_epoch(loader); self.net.eval()", "pass"),
        ("print(self.net); self.net.backbone.eval(); self.one_epoch(loader)", "pass"),
        ("self.one_epoch(loader); self.net.eval()", "quiet(self.net)"),
        ("self.one_epoch(loader)", "self.net.backbone.eval()"),
    ],
)
def test_eval_mode_before_the_steps(then: str, first: str) -> None:
    assert guarded(then, first) == [True]
