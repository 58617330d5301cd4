"""Optimizers over models that were not followed, in repositories with pretrained backbones."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

NETS = """
import torch
import torchvision
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained={pretrained})
        self.head = nn.Conv2d(512, 4, 1)

def build(conf):
    return Net()

class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)
"""
SCRIPT = """
import importlib
import importlib.util
import torch
from torch import nn
import nets

def load(path):
    spec = importlib.util.spec_from_file_location('net', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

def by_name(name, *given):
    module, function = name[:name.rfind('.')], name[name.rfind('.') + 1:]
    return getattr(importlib.import_module(module), function)(*given)

class FocalLoss(nn.Module):
    def forward(self, x):
        return x

def get_optimizer(args, net):
    groups = net.parameters()
    return torch.optim.SGD(groups, 0.1)

def main(args, loader):
"""


def said(body: str, nets: str = NETS) -> list[str]:
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    files = {"nets.py": nets.format(pretrained=True), "train.py": SCRIPT + indented}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert not any(file.freezes for file in plan.files)
    found = findings(plan)
    return [f"{one.code} {one.message}" for one in found if "was not followed" in one.message]


@pytest.mark.parametrize(
    "body",
    [
        "net = load(args.path).build(args)\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = by_name(args.arch)\nopt = torch.optim.Adam(net.parameters(), 0.1)",
        "net = nn.DataParallel(by_name(args.arch))\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = by_name(args.arch)\nopt = get_optimizer(args, net)",
        "net = by_name(args.arch, FocalLoss())\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = by_name(args.arch)\nps = [p for p in net.parameters()]\nopt = torch.optim.SGD(ps)",
    ],
)
def test_one_line_for_a_model_that_was_not_followed(body: str) -> None:
    [line] = said(body)
    assert line.startswith("BN201 optimizer of net: what model this is was not followed; if it")


def test_one_line_for_each_file() -> None:
    optimizers = [f"torch.optim.{name}(net.parameters())" for name in ("SGD", "Adam", "AdamW")]
    assert len(said("\n".join(["net = by_name(args.arch)", *optimizers]))) == 1


@pytest.mark.parametrize(
    "body",
    [
        # of no backbone
        "net_d = nets.Discriminator()\nopt = torch.optim.SGD(net_d.parameters(), 0.1)",
        "net = nn.Sequential(nn.Conv2d(3, 3, 1))\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = nn.Linear(3, 3)\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = nn.Linear(3, 3).cuda()\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = nn.DataParallel(nn.Linear(3, 3))\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = by_name(args.arch, nets.Discriminator())\nopt = get_optimizer(args, net)",
        # of no model, by its name
        "disc = load(args.path).build(args)\nopt = torch.optim.SGD(disc.parameters(), 0.1)",
        "loss_net = load(args.path).build()\nopt = torch.optim.SGD(loss_net.parameters(), 0.1)",
        "criterion = load(args.path).build()\nopt = torch.optim.SGD(criterion.parameters(), 0.1)",
        # of who knows what
        "opt = torch.optim.SGD(args.net.parameters(), 0.1)",
        "net = by_name(args.arch)\nopt = args.make(net.parameters(), 0.1)",
        "net = by_name(args.arch)\nreturn net",
        "net = by_name(args.arch)\nopt = torch.optim.SGD([*net.parameters(), *args.parameters()])",
    ],
)
def test_other_optimizers(body: str) -> None:
    assert said(body) == []


def test_a_repository_without_pretrained_weights() -> None:
    nets = NETS.replace("torchvision.models.resnet18(pretrained={pretrained})", "nn.BatchNorm2d(8)")
    body = "net = by_name(args.arch)\nopt = torch.optim.SGD(net.parameters(), 0.1)"
    assert said(body, nets) == []


def test_a_script_that_is_reached_by_no_import() -> None:
    """What imports by computed names may import any file with norm layers."""
    body = "net = by_name(args.arch)\nopt = torch.optim.SGD(net.parameters(), 0.1)"
    script = SCRIPT.replace("import nets\n", "")
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    files = {"nets.py": NETS.format(pretrained=True), "train.py": script + indented}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert [script.state for script in plan.train_scripts] == ["unfollowed"]
