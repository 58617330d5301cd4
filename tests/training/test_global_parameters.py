"""Parameters that a script collects at its top, for an optimizer that a function makes."""

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

net, judge = Net(), Judge()
{collect}
net.cuda()

def train({given}):
    {before}
    optimizer = torch.optim.SGD(params, 0.1)
    for x in loader:
        net(x).sum().backward()
        optimizer.step()

train({handed})
"""
_LOOP = """params = []
for key, value in {source}:
    if value.requires_grad:
        if "head" in key:
            params += [{{"params": [value], "lr": 0.1}}]
        else:
            params += [{{"params": [value], "lr": 0.01}}]"""
_OF_NET = _LOOP.format(source="dict(net.named_parameters()).items()")


def _frozen(collect: str, given: str = "", before: str = "pass", handed: str = "") -> list[str]:
    text = _SCRIPT.format(collect=collect, given=given, before=before, handed=handed)
    read = SourceFile.from_bytes("train.py", text.encode())
    plan = plan_repository(Repository(Path("/repository"), (read,)), Settings())
    return [name for file in plan.files for freeze in file.freezes for name in freeze.backbone]


@pytest.mark.parametrize(
    "collect",
    [
        _OF_NET,
        _LOOP.format(source="net.named_parameters()"),
        _LOOP.format(source="list(net.named_parameters())"),
        "params = [{'params': net.parameters()}]",
        "params = []\nfor p in list(net.parameters()):\n    params.append(p)",
        "params = list(dict(net.named_parameters()).values())",
    ],
)
def test_parameters_of_a_model(collect: str) -> None:
    assert set(_frozen(collect)) == {"backbone"}


@pytest.mark.parametrize(
    ("collect", "function"),
    [
        # They are another model's,
        (_LOOP.format(source="dict(judge.named_parameters()).items()"), {}),
        # or the function has a variable of its own by that name.
        (_OF_NET, {"before": "params = list(judge.parameters())"}),
        (_OF_NET, {"given": "params", "handed": "judge.parameters()"}),
        (_OF_NET, {"before": "params = []"}),
    ],
)
def test_parameters_of_something_else(collect: str, function: dict[str, str]) -> None:
    assert _frozen(collect, **function) == []
