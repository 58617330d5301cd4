"""Optimizers over tensors that code computes: what comes out of a model is none of its parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

SCRIPT = """
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from elsewhere import anything


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = nn.Conv2d(512, 4, 1)

    def forward(self, x):
        return self.head(self.backbone(x))

    def mean(self):
        return self.parameters()


class Classifier:
    def start(self, features, mask):
        prototype = (features * mask).sum(dim=1)
        prototype /= mask.sum() + 1e-10
        self.prototype = prototype
        self.bias = self.prototype.mean(dim=0)
        self.found, self.other = features, mask

    def adapt(self):
        optimizer = torch.optim.SGD([self.{attribute}, self.bias], lr=0.1)
        return optimizer


def main(x, mask, picked):
    net = Net()
    {lines}
"""


def said(lines: str, attribute: str = "prototype") -> list[str]:
    text = SCRIPT.format(lines="\n    ".join(lines.splitlines()), attribute=attribute)
    read = (SourceFile.from_bytes("train.py", text.encode()),)
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    return [found.code for found in findings(plan)]


@pytest.mark.parametrize(
    "lines",
    [
        "proto = net(x).mean(dim=1)\nproto.requires_grad_()\ntorch.optim.SGD([proto], lr=0.1)",
        "with torch.no_grad():\n    proto = net(x)\nproto = proto.detach().clone()\n"
        "torch.optim.SGD([proto], lr=0.1)",
        "torch.optim.SGD([net(x).detach().requires_grad_()], lr=0.1)",
        "code = F.normalize(net(x)).to(x.device)\ntorch.optim.Adam(params=[code])",
        "code = torch.matmul(net(x), x)\ntorch.optim.Adam([{'params': code}])",
        "found = net(x).sum()\nfound /= 3\ntorch.optim.SGD([found], lr=0.1)",
        "one = Classifier()\none.start(net(x), mask)\none.adapt()",
    ],
)
def test_a_tensor_that_is_computed_is_no_model(lines: str) -> None:
    assert said(lines) == []


@pytest.mark.parametrize(
    "lines",
    [
        "torch.optim.SGD(net.parameters(), lr=0.1)",
        "groups = [net.parameters()]\ntorch.optim.SGD(groups, lr=0.1)",
        # The model as well.
        "proto = net(x).mean(dim=1)\ntorch.optim.SGD([proto, *net.parameters()], lr=0.1)",
        "proto = net(x).mean(dim=1)\nproto = net.parameters()\ntorch.optim.SGD(proto, lr=0.1)",
        "proto = net(x).mean(dim=1)\nif x:\n    proto = net.backbone.parameters()\n"
        "torch.optim.SGD(proto, lr=0.1)",
        "proto = net(x).mean(dim=1)\nfor proto in net.parameters():\n"
        "    torch.optim.SGD([proto], lr=0.1)",
        "proto = net(x).mean(dim=1)\nproto, rest = anything(net)\ntorch.optim.SGD(proto, lr=0.1)",
        # Copies of the parameters, which are trained in their place.
        "copies = [p.clone().float().detach() for p in net.parameters()]\n"
        "torch.optim.SGD(copies, lr=0.1)",
        "net = net.cuda()\ntorch.optim.SGD(net.parameters(), lr=0.1)",
        # A method of the repository, whatever it is called.
        "torch.optim.SGD(net.mean(), lr=0.1)",
        # A model that is given by a function that is not known.
        "net = anything(net)\ntorch.optim.SGD(net.parameters(), lr=0.1)",
    ],
)
def test_parameters_of_a_model(lines: str) -> None:
    assert "BN201" in said(lines)


def test_what_several_are_bound_to_at_once() -> None:
    lines = "one = Classifier()\none.start(net, mask)\none.adapt()"
    assert "BN201" in said(lines, "found")
    assert said(lines, "prototype") == []
