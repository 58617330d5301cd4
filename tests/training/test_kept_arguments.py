"""An optimizer is given ``actor.net``, and the script made the actor with a network of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import TrainScript
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

NETS = """
import torchvision
from torch import nn

class First(nn.Module):
    def __init__(self):
        super().__init__()
        self.feat = torchvision.models.resnet18(weights="DEFAULT")
        self.head = nn.Linear(1000, 1)

class Second(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet34(weights="DEFAULT")
        self.head = nn.Linear(1000, 1)
"""
ACTORS = """
class Base:
    def __init__(self, net, loss=None):
        self.net = net
        self.loss = loss

    def train(self, mode=True):
        self.net.train(mode)

class Actor(Base):
    def __call__(self, data):
        return self.net(data).mean()

class Own(Base):
    def __init__(self, net, loss, weight=1):
        super().__init__(net, loss)
        self.weight = weight

class Changing(Base):
    def swap(self, net):
        self.net = net

class Choosing(Base):
    def __init__(self, net, other):
        super().__init__(other if net is None else net)
"""
TRAIN = """
import torch
from actors import Actor, Changing, Choosing, Own
from nets import First, Second

def run(loader):
    net = {net}()
    {made}
    {then}
    optimizer = torch.optim.Adam([
        {{"params": actor.net.head.parameters()}},
        {{"params": actor.net.{part}.parameters(), "lr": 1e-5}},
    ])
    for epoch in range(3):
        actor.net.train()
        for data in loader:
            actor(data).backward()
            optimizer.step()
"""


def scripts(made: str, then: str = "pass") -> list[TrainScript]:
    files = {
        "nets.py": NETS,
        "actors.py": ACTORS,
        "first.py": TRAIN.format(net="First", part="feat", made=made, then=then),
        "second.py": TRAIN.format(net="Second", part="trunk", made=made, then=then),
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    return [script for script in plan.train_scripts if script.optimizer.path in files]


@pytest.mark.parametrize(
    "made",
    [
        "actor = Actor(net=net)",
        "actor = Actor(net, None)",
        "actor = Own(net, loss=None, weight=2)",
        "print(net)\n    actor = Own(loss=1, net=net)",
    ],
)
def test_the_network_that_the_script_made(made: str) -> None:
    first, second = scripts(made)
    assert (first.model, first.backbone) == ("net", ("feat",))
    assert (second.model, second.backbone) == ("net", ("trunk",))
    assert "freeze_backbone_bn(net, ...)" in first.fix
    assert "freeze_backbone_bn(net, ...)" in second.fix


@pytest.mark.parametrize(
    ("made", "then"),
    [
        ("actor = Changing(net)", "actor.swap(Second())"),
        ("actor = Choosing(net, Second())", "pass"),
        ("actor = Actor(net)", "net = Second()"),
        ("actor = Actor(net)", "actor.net = Second()"),
        ("actor = Actor(net)", "if loader: actor = Actor(Second())"),
        ("actor = Actor(torch.compile(net))", "pass"),
        ("actor = (Actor if loader else Own)(net, None)", "pass"),
        ("actor = Actor(*[net])", "pass"),
    ],
)
def test_it_may_be_another_one(made: str, then: str) -> None:
    assert [script.model for script in scripts(made, then)] == ["actor.net", "actor.net"]


@pytest.mark.parametrize(
    ("then", "line"),
    [
        ("pass", 7),
        ("net.head = Second().head", 7),
        ("net.feat = First().feat", 9),
        ("if loader:\n        net.feat = First().feat", 9),
        ("net.feat.fc = torch.nn.Linear(512, 1000)", 7),
    ],
)
def test_the_freeze_comes_after_a_backbone_that_is_put_in(then: str, line: int) -> None:
    first, _ = scripts("actor = Actor(net)", then)
    assert first.fix.endswith(f"after line {line}")
