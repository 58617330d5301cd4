"""Parts that a constructor makes after a load that fills all that is there."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

SPINE = """\
from torch.utils import model_zoo
class Unit(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {unit}
class Extra(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {extra}
def fill(net):
    net.load_state_dict(model_zoo.load_url('https://download.pytorch.org/models/r.pth'))
class Spine(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = Unit()
        self.stages = nn.ModuleList([Unit()])
{body}
    def load(self):
        self.load_state_dict(model_zoo.load_url('https://download.pytorch.org/models/r.pth'))
{more}class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = Spine()
Model()
"""
LOAD = "self.load_state_dict(model_zoo.load_url('https://download.pytorch.org/models/r.pth'))"


GROW = "    def grow(self):\n        self.extra = Extra()\n"


def spine(body: str, unit: str, extra: str) -> str:
    more = GROW if "grow()" in body else ""
    body = textwrap.indent(body, " " * 8)
    return SPINE.format(body=body, unit=unit, extra=extra, more=more)


@pytest.mark.parametrize("load", [LOAD, "fill(self)", "self.load()"])
@pytest.mark.parametrize(
    "made",
    [
        "self.extra = Extra()",
        "self.extra: nn.Module = nn.Sequential(Extra())",
        "setattr(self, 'extra', Extra())",
        "for i in range(2):\n    setattr(self, 'extra%d' % i, Extra())",
        "for name in ('p3', 'p4'):\n    self.add_module(name, Extra())",
        "parts = []\nparts.append(Extra())\nself.extra = nn.Sequential(*parts)",
        "self.grow()",
    ],
)
def test_what_is_made_after_the_load_gets_nothing(load: str, made: str) -> None:
    check(spine(f"{load}\n{made}", "keep", "unknown"))
    # The same before it is in the file, for the load is strict.
    check(spine(f"{made}\n{load}", "keep", "keep"))


def test_a_container_that_grows_after_the_load_is_open() -> None:
    check(spine(f"{LOAD}\nself.stages.append(Extra())", "conflict", "unknown"))


@pytest.mark.parametrize(
    "moved",
    ["self.first = nn.Sequential(self.a)", "self.all = nn.ModuleList([self.a, self.stages])",
     "self.a.stride = 2", "self.a = nn.Sequential(self.a, nn.ReLU())"],
)  # fmt: skip
def test_what_is_only_moved_after_the_load_has_its_weights(moved: str) -> None:
    check(spine(f"{LOAD}\n{moved}\nself.extra = Extra()", "keep", "unknown"))


@pytest.mark.parametrize("more", ["self.extra = Extra()", "self.grow()"])
def test_a_later_load_fills_it(more: str) -> None:
    check(spine(f"self.load()\n{more}\nself.load()", "keep", "keep"))


SCRIPT = """\
-- net.py --
class Unit(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
class Extra(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {extra}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Unit(), Unit())
        self.fc = nn.Linear(8, 9)
        {made}
    def grow(self):
        self.more = nn.Sequential(Extra())
    def grow_all(self):
        self.grow()
-- train.py --
from net import Net
net = Net()
{before}
net.load_state_dict(torch.load(path))
net.fc = nn.Linear(8, 5)
{after}
sgd = torch.optim.SGD(net.parameters(), 0.1)
for x in loader:
    net(x).sum().backward()
"""


@pytest.mark.parametrize("call", ["net.grow()", "net.grow_all()"])
def test_what_a_method_makes_of_a_loaded_model_gets_nothing(call: str) -> None:
    check(SCRIPT.format(made="pass", before="", after=call, extra="unknown"))
    # The file has it where it is there before the load, or always.
    check(SCRIPT.format(made="pass", before=call, after="", extra="keep"))
    check(SCRIPT.format(made="self.grow()", before="", after="", extra="keep"))
    check(SCRIPT.format(made="self.grow()", before="", after=call, extra="keep"))
