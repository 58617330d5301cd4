"""BatchNorm whose weight and bias were copied by hand, and its statistics were not.

They are 0 and 1 then: in eval mode such a layer normalises nothing.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan, Verdict
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

SCRIPT = """
import copy

import torch
import torchvision
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1_1 = nn.Conv2d(3, 64, 3)
        self.bn1_1 = nn.BatchNorm2d(64)
        self.conv1_2 = nn.Conv2d(64, 64, 3)
        self.bn1_2 = nn.BatchNorm2d(64)

    def copy_params(self, vgg):
        features = [self.conv1_1, self.bn1_1, self.conv1_2, self.bn1_2]
        for old, new in zip(vgg.features, features):
            if isinstance(old, nn.Conv2d) and isinstance(new, nn.Conv2d):
                new.weight.data = old.weight.data
                new.bias.data = old.bias.data
            {norms}


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Net()
        self.backbone.copy_params(torchvision.models.vgg16_bn(pretrained=True))
        self.head = nn.Conv2d(64, 4, 1)


def main(loader):
    model = {made}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for x in loader:
        model.train()
        model(x)
"""
WHOLE = "Net()\n    model.copy_params(torchvision.models.vgg16_bn(pretrained=True))"
ASSIGNED = """if isinstance(old, nn.BatchNorm2d):
                new.weight.data = old.weight.data
                new.bias.data = old.bias.data
"""
COPIED = """if isinstance(new, nn.BatchNorm2d):
                assert new.weight.size() == old.weight.size()
                new.weight.data.copy_(old.weight.data)
                new.bias.data.copy_(old.bias.data)
"""
DEEP_COPIED = """if isinstance(old, nn.BatchNorm2d):
                new.weight.data = copy.deepcopy(old.weight.data)
                new.bias.data = copy.deepcopy(old.bias.data)
                done = int(new.weight.shape[0])
"""


def plan_of(norms: str, made: str) -> Plan:
    text = SCRIPT.format(norms=norms, made=made)
    read = (SourceFile.from_bytes("train.py", text.encode()),)
    return plan_repository(Repository(Path("/repository"), read), Settings())


@pytest.mark.parametrize("made", ["Detector()", WHOLE])
@pytest.mark.parametrize("norms", [ASSIGNED, COPIED, DEEP_COPIED])
def test_statistics_that_are_not_copied(norms: str, made: str) -> None:
    plan = plan_of(norms, made)
    assert {site.verdict for site in plan.sites} == {Verdict.KEEP}
    assert plan.files == ()
    said = [found.message for found in findings(plan) if found.code in ("BN201", "BN202")]
    assert len(said) >= 2
    for message in said:
        assert message.endswith(
            "not fixed: Net.copy_params (train.py:17) copies weight and bias of its BatchNorm "
            "and no running statistics, so in eval mode it would normalise nothing"
        )


@pytest.mark.parametrize("made", ["Detector()", WHOLE])
@pytest.mark.parametrize(
    "norms",
    [
        f"{ASSIGNED}                new.running_mean = old.running_mean\n",
        f"{ASSIGNED}                new._buffers['running_var'] = old._buffers['running_var']\n",
        f"{ASSIGNED}                new.load_state_dict(old.state_dict())\n",
        # of which nobody knows what it does
        f"{ASSIGNED}                copy_rest(old, new)\n",
        "if isinstance(old, nn.BatchNorm2d): new.load_state_dict(old.state_dict())",
    ],
)
def test_statistics_that_may_be_copied(norms: str, made: str) -> None:
    plan = plan_of(norms, made)
    assert [len(file.freezes) for file in plan.files] == [1]


def test_weights_that_are_loaded_as_a_whole_as_well() -> None:
    made = (
        f"{WHOLE}\n    model.load_state_dict(torch.hub.load_state_dict_from_url('https://a.b/c'))"
    )
    plan = plan_of(ASSIGNED, made)
    assert [len(file.freezes) for file in plan.files] == [1]


OWN = """
import torch
from torch import nn


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.BatchNorm2d(64)
        self.layer2 = nn.BatchNorm2d(64)
        self.layer3 = nn.BatchNorm2d(64)

    def load_pretrained(self, base):
        for new, old in zip(self.modules(), base.inner.modules()):
            if isinstance(new, nn.BatchNorm2d):
                new.weight.data = old.weight.data.clone()
                new.bias.data = old.bias.data.clone()
                {more}


class Around(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = ResNet()


def main(loader):
    base = Around()
    base.load_state_dict(torch.load("whole.pth"))
    model = ResNet()
    model.load_pretrained(base)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for x in loader:
        model.train()
        model(x)
"""


@pytest.mark.parametrize(
    ("more", "is_fixed"),
    [("pass", False), ("new.running_mean.data = old.running_mean.data.clone()", True)],
)
def test_copied_out_of_another_model_of_the_repository(more: str, is_fixed: bool) -> None:
    read = (SourceFile.from_bytes("train.py", OWN.format(more=more).encode()),)
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    said = [found.message for found in findings(plan) if found.code == "BN201"]
    assert ["not fixed: ResNet.load_pretrained (train.py" in one for one in said] == [not is_fixed]
