"""``self.__net`` of a class ``Build`` is ``_Build__net`` to torch, and to patterns of names."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

MODEL = """
import torch
import torchvision
from torch import nn

class {owner}(nn.Module):
    def __init__(self):
        super().__init__()
        self.{backbone} = torchvision.models.resnet18(weights="DEFAULT")
        self.head = nn.Conv2d(512, 4, 1)
        {more}

class {around}({base}):
    def __init__(self):
        super().__init__()
        self.{model} = {owner}()

def main(loader):
    net = {around}()
    {freeze}
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for epoch in range(3):
        net.train()
        for x in loader:
            net(x)
"""
NAMES = {
    "owner": "Detector", "backbone": "backbone", "around": "Build", "base": "nn.Module",
    "model": "__net", "freeze": "pass", "more": "",
}  # fmt: skip


def plan_of(**names: str) -> Plan:
    text = MODEL.format(**{**NAMES, **names})
    read = SourceFile.from_bytes("train.py", text.encode())
    return plan_repository(Repository(Path("/repository"), (read,)), Settings())


def frozen(plan: Plan) -> list[str]:
    """What the generated patterns match, below the model."""
    return [
        ".".join((*freeze.wrappers, *freeze.backbone))
        for file in plan.files
        for freeze in file.freezes
    ]


@pytest.mark.parametrize(
    ("names", "path"),
    [
        ({}, "_Build__net.backbone"),
        ({"around": "_Build"}, "_Build__net.backbone"),
        ({"around": "Build_"}, "_Build___net.backbone"),
        ({"backbone": "__backbone"}, "_Build__net._Detector__backbone"),
        ({"backbone": "__backbone", "model": "net"}, "net._Detector__backbone"),
        # these are what they are written as
        ({"around": "__"}, "__net.backbone"),
        ({"model": "_net"}, "_net.backbone"),
        ({"model": "__net__"}, "__net__.backbone"),
        ({"model": "net__x"}, "net__x.backbone"),
    ],
)
def test_the_name_that_torch_knows(names: dict[str, str], path: str) -> None:
    assert frozen(plan_of(**names)) == [path]


EXTENDED = """
class Sub(Build):
    pass

def main(loader):
    net = Sub()
"""


def test_an_attribute_of_the_class_that_is_extended() -> None:
    text = MODEL.format(**NAMES)
    text = text.replace("\ndef main(loader):\n    net = Build()\n", EXTENDED)
    read = SourceFile.from_bytes("train.py", text.encode())
    plan = plan_repository(Repository(Path("/repository"), (read,)), Settings())
    assert frozen(plan) == ["_Build__net.backbone"]


@pytest.mark.parametrize(
    ("more", "is_frozen"),
    [
        ("self.__backbone.eval().requires_grad_(False)", True),
        ("self._Detector__backbone.eval().requires_grad_(False)", True),
        ("self.head.eval().requires_grad_(False)", False),
    ],
)
def test_code_that_freezes_it(more: str, is_frozen: bool) -> None:
    train = "\n    def train(self, mode=True):\n        super().train(mode)\n        "
    kept = more.partition(".requires")[0]
    plan = plan_of(backbone="__backbone", more=f"{more}\n{train}{kept}", model="net")
    assert [script.state for script in plan.train_scripts] == [
        "frozen" if is_frozen else "unfrozen"
    ]


def test_a_freeze_that_is_there() -> None:
    freeze = "net._Build__net.backbone.eval().requires_grad_(False)"
    assert [script.state for script in plan_of(freeze=freeze).train_scripts] == ["frozen"]
    other = "net.head.eval().requires_grad_(False)"
    assert [script.state for script in plan_of(freeze=other).train_scripts] != ["frozen"]


def test_modules_by_key() -> None:
    text = MODEL.format(**NAMES).replace("self.__net = Detector()", "self.__net = {made}")
    made = "nn.ModuleDict({str(i): Detector() for i in range(2)})"
    read = SourceFile.from_bytes("train.py", text.replace("{made}", made).encode())
    plan = plan_repository(Repository(Path("/repository"), (read,)), Settings())
    assert frozen(plan) == []
    assert "the keys of self.__net" in plan.train_scripts[0].reason
