"""Models that a call gives together with their parameters: ``net, groups = build(args)``."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

_SCRIPT = """
import torch
import torchvision
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = nn.Conv2d(512, 4, 1)

class Judge(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)

def groups_of(net):
    slow, fast = [], []
    for name, p in net.named_parameters():
        (fast if "head" in name else slow).append(p)
    return [slow, fast]

def build(args):
    net = Net()
    if args.all:
        return net, net.parameters()
    return net, groups_of(net)

def three(args):
    net = Net()
    return net, {second}, groups_of(net)

def main(args, loader):
    {made}
    optimizer = torch.optim.SGD({given}, 0.1)
    for x in loader:
        net(x).sum().backward()
        optimizer.step()
"""


def _found(made: str, given: str, second: str = "Judge()") -> list[str]:
    text = _SCRIPT.format(made=made, given=given, second=second)
    read = SourceFile.from_bytes("train.py", text.encode())
    plan = plan_repository(Repository(Path("/repository"), (read,)), Settings())
    return [script.model for script in plan.train_scripts if script.state == "unfrozen"]


@pytest.mark.parametrize(
    ("made", "given"),
    [
        ("net, params = build(args)", "params"),
        ("net, params = build(args)", "params[1]"),
        ("net, params = build(args)", "[{'params': params[0]}, {'params': params[1]}]"),
    ],
)
def test_optimizer_over_what_came_with_the_model(made: str, given: str) -> None:
    assert _found(made, given) == ["net"]


@pytest.mark.parametrize(
    ("made", "given", "second"),
    [
        # They may be the other one's;
        ("net, other, params = three(args)", "params", "Net()"),
        # of another call, of another model;
        ("net, _ = build(args)\n    params = list(Judge().parameters())", "params", "Judge()"),
        ("net, judge, params = three(args)", "params", "Judge()"),
        ("net, judge, params = three(args)", "judge.parameters()", "Judge()"),
    ],
)
def test_what_may_be_the_parameters_of_another_model(made: str, given: str, second: str) -> None:
    assert _found(made, given, second) == []
