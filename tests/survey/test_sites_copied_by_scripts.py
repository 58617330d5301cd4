"""A script that copies into a model whatever a file has under the model's names."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

PARTS = """\
class Part(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
"""
LANES = """\
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.{first} = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! {begins}
        self.{second} = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))  #! {goes_on}
        self.{third} = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))  #! {ends}
        {last}
{method}
"""
SCRIPT = """\
-- train.py --
from net import {name}
def main(args):
    model = {name}()
    own = model.state_dict()
    for key, tensor in torch.load(args.resume)['state_dict'].items():
        if key not in own:
            continue
        own[key].copy_(tensor)
    return torch.optim.SGD(model.parameters(), 0.1)
"""
FACTORY = """\
def build(path):
    model = {name}()
    own = model.state_dict()
    for key, tensor in torch.load(path).items():
        own[key].copy_(tensor)
    return model
-- train.py --
from net import build
model = build('net.pth')
"""
METHOD = """\
    def load_weights(self, path):
        own = self.state_dict()
        for key, tensor in torch.load(path).items():
            own[key].copy_(tensor)
"""


def model(names: str, verdicts: str, name: str = "Net", **more: str) -> str:
    first, second, third = names.split()
    begins, goes_on, ends = verdicts.split()
    return LANES.format(
        name=name,
        first=first,
        second=second,
        third=third,
        begins=begins,
        goes_on=goes_on,
        ends=ends,
        last=more.get("last", ""),
        method=more.get("method", ""),
    )


@pytest.mark.parametrize(
    ("names", "verdicts"),
    [
        ("encoder decoder exist", "keep unknown unknown"),
        ("down1 down2 exist", "keep keep unknown"),  # what ends a model may be added to it
        ("down1 exist up1", "keep keep unknown"),
        ("encoder stem features", "keep keep keep"),
    ],
)
def test_what_comes_after_parts_of_another_model(names: str, verdicts: str) -> None:
    check(model(names, verdicts) + SCRIPT.format(name="Net"))


def test_a_layer_without_a_norm_comes_last() -> None:
    text = model("down1 down2 down3", "keep keep keep", last="self.fc = nn.Linear(8, 2)")
    check(text + SCRIPT.format(name="Net"))
    text = model("down1 down2 exist", "keep keep unknown", last="self.relu = nn.ReLU()")
    check(text + SCRIPT.format(name="Net"))


def test_a_network_of_no_family_is_a_backbone() -> None:
    text = model("inc mixed exit_flow", "keep keep keep", name="EfficientNet")
    check(text + SCRIPT.format(name="EfficientNet"))


def test_what_a_class_loads_into_itself_is_all_of_it() -> None:
    check(model("inc mixed exit_flow", "keep keep keep", method=METHOD) + "net = Net()\n")


def test_a_factory_of_a_part_knows_its_file() -> None:
    around = """\
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = build('net.pth')
        self.head = nn.BatchNorm2d(8)  #! convert
"""
    factory = FACTORY.format(name="Net").replace("-- train", around + "-- train")
    check(model("inc mixed exit_flow", "keep keep keep") + factory)


def test_a_part_of_a_model_is_judged_as_before() -> None:
    around = """\
-- train.py --
from net import Net
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Net()
        self.head = nn.BatchNorm2d(8)  #! convert
def main(args):
    model = Model()
    own = model.body.state_dict()
    for key, tensor in torch.load(args.weights).items():
        own[key].copy_(tensor)
"""
    check(model("inc mixed exit_flow", "keep keep keep") + around)
