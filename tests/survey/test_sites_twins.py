"""Networks that nothing uses, beside another file with the same network that a script loads."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

RESNET = """\
class Bottleneck(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(c)  #! {verdict}
    def forward(self, x):
        return x + self.bn1(x)
class {name}(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1 = nn.Conv2d(3, c, 7)
        self.bn1 = nn.BatchNorm2d(c)  #! {verdict}
        self.layer1 = nn.Sequential(Bottleneck(c))
        self.layer2 = nn.Sequential(Bottleneck(c))
        self.layer3 = nn.Sequential(Bottleneck(c))
        self.layer4 = nn.Sequential(Bottleneck(c))
        self.{head} = nn.Sequential(nn.BatchNorm2d(c))  #! {new}
def network():
    return {name}(8)
"""
USED = RESNET.format(name="ResNet", verdict="keep", head="head", new="unknown")
SCRIPT = """\
import torch
from networks.pspnet import network
model = network()
saved = torch.load("resnet101.pth")
params = model.state_dict().copy()
for key in saved:
    if not key.split(".")[0] == "classes":
        params[key] = saved[key]
model.load_state_dict(params)
"""


def _repository(unused: str, script: str = SCRIPT, used: str = USED) -> str:
    networks = f"-- networks/pspnet.py --\n{used}-- networks/deeplab.py --\n{unused}"
    return f"{networks}-- train.py --\n{script}"


def test_network_that_nothing_uses_is_what_its_twin_is() -> None:
    unused = RESNET.format(name="ResNet", verdict="keep", head="aspp", new="unknown")
    reason = plan_of(_repository(unused)).sites[0].reasons[0]
    assert reason.startswith("Bottleneck is not used; that of networks/pspnet.py:6 is written like")
    check(_repository(unused))


def test_same_statement_for_an_open_part_says_nothing() -> None:
    check(_repository(RESNET.format(name="ResNet", verdict="keep", head="head", new="unknown")))


UNUSED = RESNET.format(name="ResNet", verdict="unknown", head="aspp", new="unknown")


@pytest.mark.parametrize(
    "use",
    [
        "from networks import deeplab\nother = deeplab.network()\n",
        "from networks.deeplab import ResNet as Other\nother = Other(8)\n",
        "from networks import deeplab\ndef build():\n    return deeplab.network()\nbuild()\n",
    ],
)
def test_network_that_is_used_is_no_twin(use: str) -> None:
    check(_repository(UNUSED, SCRIPT + use))


def test_class_by_another_name_is_no_twin() -> None:
    unused = RESNET.format(name="ResNetTwo", verdict="unknown", head="aspp", new="unknown")
    # Its blocks go by the same name, and nothing but it makes them.
    check(_repository(unused.replace("(c)  #! unknown", "(c)  #! keep", 1)))


def test_layer_that_is_written_otherwise_is_no_twin() -> None:
    check(_repository(UNUSED.replace("nn.BatchNorm2d(c)", "nn.BatchNorm2d(c, eps=1e-3)")))


def test_used_network_that_nothing_loads_says_nothing() -> None:
    script = "from networks.pspnet import network\nmodel = network()\n"
    used = RESNET.format(name="ResNet", verdict="unknown", head="head", new="unknown")
    check(_repository(UNUSED, script, used))


def test_network_that_is_made_otherwise_is_no_twin() -> None:
    made = UNUSED.replace("__init__(self, c)", "__init__(self, c, strides=())")
    check(_repository(made))


SPARE = """\
class BasicBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(c, eps=1e-3)  #! unknown
class Bottleneck(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(c)  #! {spare}
class {name}(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1 = nn.Conv2d(1, c, 7)
        self.stage = nn.Sequential(BasicBlock(c))
def judge():
    return {name}(8)
"""
JUDGE = "from networks import deeplab\nother = deeplab.judge()\n"


def test_spare_block_of_a_network_that_is_used_is_that_ones() -> None:
    check(_repository(SPARE.format(name="JudgeNet", spare="unknown"), SCRIPT + JUDGE))
    check(_repository(SPARE.format(name="ResNet", spare="unknown"), SCRIPT + JUDGE))


def test_spare_block_beside_what_is_no_network() -> None:
    spare = SPARE.format(name="Judge", spare="keep").replace("BasicBlock", "Gate")
    check(_repository(spare, SCRIPT + JUDGE))
    # Nothing makes the other one.
    check(_repository(SPARE.format(name="ResNet", spare="keep")))
