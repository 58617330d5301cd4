"""What gets other layers after a load starts from there: in whatever way, and by whomever."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

_REPOSITORY = """\
-- net.py --
import torchvision
class Head(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
        self.act = nn.ReLU()
        self.last = nn.Conv2d(8, classes, 1)
class Model(nn.Module):
    def __init__(self, classes=21):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.head = Head(classes)
        self.more = nn.Sequential(nn.Dropout(), nn.Conv2d(8, classes, 1))
-- helpers.py --
def put(classes, model):
    model.more = nn.Conv2d(8, classes, 1)
def count(model):
    model.classes = len(list(model.more))
def restore(model, path):
    if path:
        model.load_state_dict(torch.load(path))
def build(path=None):
    model = Model()
    if path:
        model.load_state_dict(torch.load(path))
    return model
def again(args):
    model = build(args.path)
    return model
from net import Model
-- train.py --
from helpers import *
from net import Model
def main(args):
    net = Model()
{code}
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for x in loader:
        net(x).sum().backward()
        optimizer.step()
"""
_LOAD = "if args.path:\n    net.load_state_dict(torch.load(args.path))\n"


def _check(code: str, verdict: str) -> None:
    check(_REPOSITORY.format(code=textwrap.indent(code, "    "), verdict=verdict))


@pytest.mark.parametrize(
    "code",
    [
        f"{_LOAD}net.more[1] = nn.Conv2d(8, 5, 1)",
        f"{_LOAD}net.more[-1] = nn.Conv2d(8, 5, 1)",
        f"{_LOAD}net.head.last = nn.Conv2d(8, 5, 1)",
        f"{_LOAD}setattr(net, 'more', nn.Conv2d(8, 5, 1))",
        f"{_LOAD}setattr(net.head, 'last', nn.Conv2d(8, 5, 1))",
        f"{_LOAD}net.add_module('more', nn.Conv2d(8, 5, 1))",
        f"{_LOAD}last = nn.Conv2d(8, 5, 1)\nnn.init.zeros_(last.bias)\nnet.more = last",
        f"{_LOAD}put(5, net)",
        "restore(net, args.path)\nnet.more = nn.Conv2d(8, 5, 1)",
        "restore(net, args.path)\nput(5, model=net)",
        "net = build(args.path)\nnet.more[1] = nn.Conv2d(8, 5, 1)",
        "net = again(args)\nnet.more[1] = nn.Conv2d(8, 5, 1)",
    ],
)
def test_what_gets_another_layer_starts_from_a_file(code: str) -> None:
    _check(code, "unknown")


@pytest.mark.parametrize(
    "code",
    [
        _LOAD,
        f"net.more[1] = nn.Conv2d(8, 5, 1)\n{_LOAD}",
        f"{_LOAD}net.more[1] = nn.Sequential(net.more[1], nn.Sigmoid())",
        f"{_LOAD}last = net.more[1]\nnet.more[1] = last",
        f"{_LOAD}net.head.act = nn.Sigmoid()",
        f"{_LOAD}net.head.loss = nn.Linear(8, 5)",
        f"{_LOAD}count(net)",
        f"{_LOAD}other = Model()\nput(5, other)",
        f"put(5, net)\n{_LOAD}",
        "net.more = nn.Conv2d(8, 5, 1)\nrestore(net, args.path)",
        "other = Model()\nrestore(other, args.path)\nnet.more = nn.Conv2d(8, 5, 1)",
        # Its model is not the one that is loaded.
        "net = build()\nnet.more[1] = nn.Conv2d(8, 5, 1)",
    ],
)
def test_what_does_not_may_go_on(code: str) -> None:
    _check(code, "convert")


_TESTING = """\
-- look.py --
import scipy.io
import torch.optim as optim
from net import Model
{helper}
net = Model()
net.load_state_dict(torch.load(path))
{code}
net.eval()
with torch.no_grad():
    scipy.io.savemat("out.mat", dict(found=nn.AdaptiveAvgPool2d(1)(net(x))))
{more}
"""


def _check_testing(code: str, verdict: str, more: str = "", helper: str = "") -> None:
    # The training goes on with what it has kept.
    go_on = "if args.resume:\n    net.load_state_dict(torch.load(args.resume))"
    whole = _REPOSITORY.format(code=textwrap.indent(go_on, "    "), verdict=verdict)
    check(whole + _TESTING.format(code=code, more=more, helper=helper))


@pytest.mark.parametrize(
    "code",
    [
        "net.head = nn.Sequential()",
        "net.head.last = nn.Sequential()",
        "net.more = nn.Identity()",
        "net.more[1] = nn.Conv2d(8, 2, 1)",
        "class Both(nn.Module):\n    def __init__(self, nets):\n        super().__init__()\n"
        "        self.nets = nn.ModuleList(nets)\nnet = Both([net, Model()])",
    ],
)
def test_script_that_tests_takes_off_what_it_does_not_look_at(code: str) -> None:
    _check_testing(code, "convert")
    # It trains what is left, or writes it for somebody who does.
    for more in ("torch.save(net.state_dict(), 'left.pth')", "optim.Adadelta(net.parameters())"):
        _check_testing(code, "unknown", more)
    tuning = "from tuning import tune\n-- tuning.py --\ndef tune(net):\n    net.fit(x)\n-- a.py --"
    _check_testing(code, "unknown", more=tuning)


def test_training_that_is_over() -> None:
    def check_end(end: str, verdict: str) -> None:
        made = textwrap.indent(end, "    ")
        check(_REPOSITORY.format(code="    pass", verdict=verdict) + made)

    save = "    torch.save(net.state_dict(), 'best.pth')\n"
    load = "net.load_state_dict(torch.load({}))\nnet.head = nn.Identity()"
    check_end(save + load.format("'best.pth'"), "convert")
    check_end(save + load.format("'other.pth'"), "unknown")
    check_end(save + load.format("args.path"), "unknown")
    other = "    torch.save(teacher.state_dict(), 'best.pth')\n"
    check_end(other + load.format("'best.pth'"), "unknown")
    # One run trains, and another one goes on from there.
    first = "if args.stage == 1:\n    for x in loader:\n        net(x).sum().backward()\n"
    _check(f"{first}    {save}" + load.format("'best.pth'"), "unknown")
