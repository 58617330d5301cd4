"""Functions that give a model alone, or with its criterion: each variable is what it gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

SCRIPT = """
import torch
import torchvision
from torch import nn

class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.head = nn.Conv2d(512, 4, 1)

class Criterion(nn.Module):
    def __init__(self, matcher):
        super().__init__()
        self.matcher = matcher

class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Detector()
    def __iter__(self):
        return iter([Criterion(1), self.body])

def pair():
    return [Criterion(2), Detector()]

def build(args):
    model = Detector()
{alone}
    return model, Criterion(3)

def build_all(args):
    return build(args)

def train_one_epoch(model, criterion, loader, optimizer):
    model.train()
    criterion.train()
    for x in loader:
        criterion(model(x)).backward()
        optimizer.step()

def main(args, loader):
    model, criterion = {made}
    criterion.to(args.device)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for epoch in range(3):
        train_one_epoch(model, criterion, loader, optimizer)
{more}
"""


def guarded(alone: str, made: str = "build_all(args)", more: str = "") -> list[str]:
    """The receivers of ``train()`` that are taken for a model with a backbone."""
    text = SCRIPT.format(alone=alone, made=made, more=more)
    read = SourceFile.from_bytes("train.py", text.encode())
    plan = plan_repository(Repository(Path("/repository"), (read,)), Settings())
    return [call.model for call in plan.train_calls]


@pytest.mark.parametrize(
    ("alone", "made"),
    [
        ("    if args.test:\n        return model", "build_all(args)"),
        ("    if args.test:\n        return model", "build(args)"),
        ("    model = model.cuda()\n    if args.test:\n        return model", "build(args)"),
        ("    if args.test:\n        return", "build(args)"),
    ],
)
def test_what_is_given_alone_is_not_unpacked(alone: str, made: str) -> None:
    assert guarded(alone, made) == ["model"]


@pytest.mark.parametrize(
    "alone",
    [
        # a list, which can be unpacked
        "    if args.test:\n        return pair()",
        "    if args.test:\n        model = pair()\n        return model",
        "    nets = pair()\n    if args.test:\n        return nets",
        # as a module of that class can
        "    if args.test:\n        model = Bag()\n        return model",
        "    bag = Bag()\n    if args.test:\n        return bag",
        # a pair the other way round
        "    if args.test:\n        return Criterion(4), model",
        "    if args.test:\n        return [Criterion(4), model]",
    ],
)
def test_what_may_be_unpacked(alone: str) -> None:
    assert guarded(alone) == ["model", "criterion"]


@pytest.mark.parametrize(
    "more",
    [
        "    train_one_epoch(criterion, model, loader, optimizer)",
        "    criterion = model\n    train_one_epoch(model, criterion, loader, optimizer)",
        "    train_one_epoch(*[model, model], loader, optimizer)",
        "    start(train_one_epoch, [model, model, loader, optimizer])",
    ],
)
def test_other_calls_may_hand_over_the_model(more: str) -> None:
    alone = "    if args.test:\n        return model"
    assert guarded(alone, more=more) == ["model", "criterion"]
