"""A freeze is called on modules alone: never on what a model gave its parameters in."""

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
from torch import nn
from torch.utils import model_zoo


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(4)
        self.load_state_dict(model_zoo.load_url("https://example.org/resnet18.pth"))


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet()
        self.head = nn.Conv2d(512, 4, 1)

    def one(self, part, lr):
        return [{"params": list(part.parameters()), "lr": lr}]

    def added(self, lr):
        found = []
        found += self.one(self.backbone, lr)
        return found

    def displayed(self, lr):
        return {"slow": self.backbone, "fast": self.head}

    def paired(self, lr):
        return self.backbone, self.head

    def yielded(self, lr):
        yield self.backbone
        yield self.head

    def through_a_helper(self, lr):
        return sort_out(self.backbone)

    def listed(self, lr):
        return list(self.backbone.children()) if lr else None

    def half(self, lr):
        return self.backbone


def sort_out(module):
    kept = [p for p in module.parameters() if p.requires_grad]
    return kept


def with_extras(found):
    return found


CHOICES = [with_extras, sort_out]


class Solver:
    def __init__(self, model):
        self.slow = model.added(0.1)
        self.net = model


class Groups:
    def of(self, lr):
        model = Detector()
        return [model.backbone]


GROUPS = Groups()
"""
SCRIPT = """
from types import SimpleNamespace

import torch
from timm.optim import create_optimizer
from model import CHOICES, GROUPS, Detector, Solver, with_extras


def main(loader):
    model = Detector()
    {lines}
    for x in loader:
        model(x)
"""


def plan_of(lines: str) -> Plan:
    files = {"model.py": MODEL, "train.py": SCRIPT.format(lines="\n    ".join(lines.split("; ")))}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    return plan_repository(Repository(Path("/repository"), read), Settings())


def frozen(plan: Plan) -> list[str]:
    """What the freeze calls of a plan are called on."""
    return sorted({freeze.model for file in plan.files for freeze in file.freezes})


@pytest.mark.parametrize(
    "method", ["added", "displayed", "paired", "yielded", "through_a_helper", "listed"]
)
def test_what_a_method_collects(method: str) -> None:
    """It is the model itself that is frozen, whatever the variable is called."""
    plan = plan_of(f"slow = model.{method}(0.1); optimizer = torch.optim.SGD(slow, lr=0.1)")
    assert frozen(plan) == ["model"]
    plan = plan_of(
        f"slow = model.{method}(0.1); "
        "both = slow + [{'params': model.head.parameters()}]; "
        "optimizer = torch.optim.SGD(both, lr=0.1)"
    )
    assert frozen(plan) == ["model"]


@pytest.mark.parametrize(
    "lines",
    [
        "slow = with_extras(model.added(0.1)); optimizer = torch.optim.SGD(slow, lr=0.1)",
        "slow = model.added(0.1); fast = slow; optimizer = torch.optim.SGD(fast, lr=0.1)",
        "solver = Solver(model); optimizer = torch.optim.SGD(solver.slow, lr=0.1)",
        "slow = list(model.parameters()); optimizer = torch.optim.SGD(slow, lr=0.1)",
        "slow = (model.backbone, model.head); optimizer = torch.optim.SGD(slow, lr=0.1)",
        "new = []; for p in model.named_parameters():;     new.append(p[1]); "
        "optimizer = torch.optim.SGD(new, lr=0.1)",
        "new, old = [], []; for p in model.named_parameters():;     if 'head' in p[0]:;"
        "         new.append(p[1]);     else:;         old.append(p[1]); "
        "optimizer = torch.optim.SGD([{'params': new}, {'params': old, 'lr': 1}], lr=0.1)",
        "new = []; for p in model.parameters():;     new += [p]; "
        "optimizer = torch.optim.SGD(new, lr=0.1)",
        "nets = SimpleNamespace(a=model); optimizer = torch.optim.SGD(nets.a.parameters(), lr=0.1)",
    ],
)
def test_collections_under_other_names(lines: str) -> None:
    assert frozen(plan_of(lines)) == ["model"]


def test_a_module_in_a_list_that_a_loop_goes_over() -> None:
    lines = "for net in [model]:;     optimizer = torch.optim.SGD(net.parameters(), lr=0.1)"
    [found] = [finding for finding in findings(plan_of(lines)) if finding.code == "BN201"]
    assert "optimizer of model" in found.message


def test_what_cannot_be_told_apart_is_reported() -> None:
    plan = plan_of("slow = GROUPS.of(0.1); optimizer = torch.optim.SGD(slow, lr=0.1)")
    assert frozen(plan) == []
    [found] = [finding for finding in findings(plan) if finding.code == "BN201"]
    assert "slow may be something else than a module" in found.message
    assert not found.fixable


@pytest.mark.parametrize(
    "lines",
    [
        "net = with_extras(model); optimizer = torch.optim.SGD(net.parameters(), lr=0.1)",
        "net = model.cuda(); optimizer = torch.optim.SGD(net.parameters(), lr=0.1)",
        # What builds an optimizer may be handed the module itself.
        "net = model.cuda(); optimizer = create_optimizer(0, net)",
        "net = with_extras(model); optimizer = create_optimizer(0, net)",
    ],
)
def test_modules_under_other_names(lines: str) -> None:
    assert frozen(plan_of(lines)) == ["net"]
