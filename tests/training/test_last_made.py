"""Two branches that call their models by the same name, each with an optimizer of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

MODELS = """
import torch
import torchvision
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")

class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

def sgd(net):
    return torch.optim.SGD(net.parameters(), 0.1)

def main(a, b):
"""
OPTIMIZER = "torch.optim.SGD(net.parameters(), 0.1)"


def lines_of(body: str) -> list[int]:
    """The lines of the optimizers that are reported."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    read = SourceFile.from_bytes("train.py", (MODELS + lines).encode())
    plan = plan_repository(Repository(Path("/repository"), (read,)), Settings())
    return [script.optimizer.line - MODELS.count("\n") for script in plan.train_scripts]


BRANCHES = f"""
if a:
    net = Net()
    return net, {OPTIMIZER}
if b:
    net = Plain()
    {{more}}
    return net, {OPTIMIZER}
"""


@pytest.mark.parametrize(
    "more",
    [
        "pass",
        "net = net.cuda()",
        "net = nn.DataParallel(net)",
        "if a: print(net)",
        "for x in a: print(x)",
    ],
)
def test_each_branch_has_its_own(more: str) -> None:
    assert lines_of(BRANCHES.format(more=more)) == [4]


@pytest.mark.parametrize(
    "more",
    [
        "if a: net = Net()",
        "with Net() as net: pass",
        "net, x = Net(), 1",
        "net = Net()",
        "net = a(Net())",
    ],
)
def test_a_branch_that_may_have_the_other_one(more: str) -> None:
    assert len(lines_of(BRANCHES.format(more=more))) == 2


@pytest.mark.parametrize(
    "body",
    [
        f"net = Plain()\nfor x in a:\n    o = {OPTIMIZER}\n    net = Net()",
        f"net = Plain()\nif b:\n    net = Net()\no = {OPTIMIZER}",
        f"net = Plain()\nif b: net = Net()\nif a:\n    net = net.cuda()\n    o = {OPTIMIZER}",
        f"net = Net()\no = {OPTIMIZER}",
        f"net = Net()\nwhile a:\n    o = {OPTIMIZER}",
        "net = Net()\no = sgd(net)\nnet = Plain()",
    ],
)
def test_models_with_a_backbone(body: str) -> None:
    assert len(lines_of(body)) == 1


@pytest.mark.parametrize(
    "body",
    [
        f"net = Net()\nnet = Plain()\no = {OPTIMIZER}",
        f"for x in a:\n    net = Plain()\n    o = {OPTIMIZER}\n    net = Net()",
    ],
)
def test_models_without_one(body: str) -> None:
    assert lines_of(body) == []


WRAPPED = """
class WithLoss(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x).sum()

def start():
    net = Net()
    net = {made}
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""


@pytest.mark.parametrize(
    ("made", "wrappers"),
    [
        ("WithLoss(net)", ("net",)),
        ("WithLoss(net).cuda()", ("net",)),
        ("nn.DataParallel(WithLoss(net))", ("net",)),
        ("nn.DataParallel(net.cuda())", ()),
        ("net.to(0)", ()),
    ],
)
def test_a_model_around_the_one_that_was_made_first(made: str, wrappers: tuple[str, ...]) -> None:
    """The names of its modules begin with the attribute that holds it."""
    text = MODELS.replace("def main(a, b):\n", WRAPPED.format(made=made))
    read = SourceFile.from_bytes("train.py", text.encode())
    plan = plan_repository(Repository(Path("/repository"), (read,)), Settings())
    [freeze] = [freeze for file in plan.files for freeze in file.freezes]
    assert set(wrappers) <= set(freeze.wrappers)
    assert freeze.backbone == ("backbone",)
