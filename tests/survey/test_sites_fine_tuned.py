"""Networks that get another last layer after a strict load: training does not go on from there."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, plan_of

_REPOSITORY = """\
-- clips.py --
from torchvision import models
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Clips(nn.Module):
    def __init__(self, classes=400):
        super().__init__()
        self.group1 = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), Block())  #! {verdict}
        {more}
        self.fc = nn.Linear(8, classes)
-- train.py --
from clips import Clips
def build(args):
    net = Clips()
    {wrap}
{loads}
    return net
net = build(args)
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for x in loader:
    net(x).sum().backward()
    optimizer.step()
"""
_LOADS = """\
if args.path:
    saved = torch.load(args.path)
    net.load_state_dict(saved["net"])
    net.fc = nn.Linear(net.fc.in_features, args.classes)
"""
_BRANCHES = """\
if args.path:
    net.load_state_dict(torch.load(args.path))
    if args.name == "mobile":
        net.classifier = nn.Sequential(nn.Dropout(), nn.Linear(8, 2))
    elif args.name == "other":
        net.last = nn.Conv2d(8, 2, 1)
    else:
        net.fc = nn.Linear(8, 2)
        net.fc = net.fc.cuda()
"""


def _check(verdict: str, loads: str = _LOADS, wrap: str = "pass", more: str = "pass") -> None:
    loads = textwrap.indent(loads, "    ")
    check(_REPOSITORY.format(verdict=verdict, loads=loads, wrap=wrap, more=more))


@pytest.mark.parametrize(
    "loads",
    [
        _LOADS,
        _BRANCHES,
        "net.load_state_dict(torch.load(args.path))\nprint(net)\nnet.fc = nn.Identity()\n",
        "if args.path:\n    net.load_state_dict(torch.load(args.path))\nnet.fc = nn.Linear(8, 2)\n",
    ],
)
@pytest.mark.parametrize("wrap", ["pass", "net = nn.DataParallel(net)"])
def test_a_file_for_other_classes_is_pretrained(loads: str, wrap: str) -> None:
    if wrap != "pass":
        loads = loads.replace("net.fc", "net.module.fc")
    _check("keep", loads, wrap)


@pytest.mark.parametrize(
    "loads",
    [
        "net.load_state_dict(torch.load(args.path))\n",
        # The file may be that of the network with its new layer,
        "net.fc = nn.Linear(8, 2)\nnet.load_state_dict(torch.load(args.path))\n",
        # or with the layer that it has, for whoever does not ask for another.
        "net.load_state_dict(torch.load(args.path))\n"
        "if args.classes != 400:\n    net.fc = nn.Linear(8, 2)\n",
        "net.load_state_dict(torch.load(args.path))\n"
        "if args.test:\n    return net\nnet.fc = nn.Linear(8, 2)\n",
        _BRANCHES.replace("    else:\n", '    elif args.name == "clips":\n'),
        # That layer is still there, or it is another model's.
        "net.load_state_dict(torch.load(args.path))\n"
        "net.fc = nn.Sequential(nn.Dropout(), net.fc)\n",
        "net.load_state_dict(torch.load(args.path))\nnet.fc = net.fc.cuda()\n",
        "net.load_state_dict(torch.load(args.path))\nnet.extra = nn.Linear(8, 2)\n",
        "other = Clips()\nother.load_state_dict(torch.load(args.path))\nnet.fc = nn.Linear(8, 2)\n",
        # It says that it goes on.
        "net.load_state_dict(torch.load(args.resume))\nnet.fc = nn.Linear(8, 2)\n",
        # What fits of it is not all that the network has.
        "net.load_state_dict(torch.load(args.path), strict=False)\nnet.fc = nn.Linear(8, 2)\n",
    ],
)
def test_a_file_that_training_may_go_on_from(loads: str) -> None:
    _check("unknown", loads)


def test_what_stands_beside_a_network_in_a_model_may_be_in_its_file() -> None:
    _check("unknown", more="self.net = models.resnet18(pretrained=True)")


@pytest.mark.parametrize("module", ["", ".module"])
def test_a_whole_model_with_another_last_layer_starts_from_a_file(module: str) -> None:
    loads = _LOADS.replace("net.fc", f"net{module}.fc")
    wrap = "net = nn.DataParallel(net)" if module else "pass"
    more = "self.backbone = models.resnet18(pretrained=True)"
    _check("unknown", loads, wrap, more)


@pytest.mark.parametrize(
    "grows",
    [
        "net.group1.append(Block())",
        'net.group1.add_module("more", Block())',
        "net.group1[2].more = Block()",
        'setattr(net.group1[2], "more", Block())',
        "grow(net)",
        "for one in [net.group1]:\n    one.append(Block())",
    ],
)
def test_what_is_put_into_a_part_after_the_load_is_in_no_file(grows: str) -> None:
    loads = f"net.load_state_dict(torch.load(args.path))\n{grows}\nnet.fc = nn.Linear(8, 2)\n"
    loads = textwrap.indent(loads, "    ")
    text = _REPOSITORY.format(verdict="unknown", loads=loads, wrap="pass", more="pass")
    helper = "import Clips, Block\ndef grow(net):\n    net.group1.append(Block())\n"
    text = text.replace("import Clips\n", helper)
    check(text)
    assert not plan_of(text).train_scripts


_GROW = "    def grow(self):\n        self.group1.append(Block())\n"
_MAKE = "def make():\n    made = [Block()]\n    return nn.Sequential(*made)\n"


@pytest.mark.parametrize(
    ("more", "made", "helper"),
    [
        ("self.group2 = layers", "Clips(layers=make())", _MAKE),
        ("self.group2 = make()", "Clips()", _MAKE),
        ("self.group2 = nn.Sequential()\n        self.group2.append(Block())", "Clips()", _MAKE),
        ("self.grow()", "Clips()", _GROW),
        ("pass", "Clips()\n    net.grow()", _GROW),
    ],
)
def test_what_a_network_is_made_of_is_in_its_file(more: str, made: str, helper: str) -> None:
    text = _REPOSITORY.format(
        verdict="keep", loads=textwrap.indent(_LOADS, "    "), wrap="pass", more=more
    )
    text = text.replace("-- train.py --\n", f"{helper}-- train.py --\n")
    text = text.replace("classes=400)", "classes=400, layers=None)").replace("Clips()", made)
    check(text.replace("import Clips\n", "import *\n"))


_FROM_SCRATCH = """\
-- scratch.py --
from clips import Clips, clips
{makes}
optimizer = torch.optim.SGD(net.parameters(), 0.1)
net = net.cuda()
net(x).sum().backward()
"""
_FACTORY = "def clips(classes):\n    return Clips(classes)\n-- train.py --"


@pytest.mark.parametrize(
    ("makes", "verdict"),
    [
        ("net = Clips()", "unknown"),
        # By the factory that the other script calls, too.
        ("net = clips(400)", "unknown"),
        ("def make():\n    return clips(400)\nnet = make()", "unknown"),
        ("from train import build\nnet = build(args)", "keep"),
        ("net = nn.Linear(8, 8)", "keep"),
    ],
)
def test_the_file_may_be_of_a_training_that_is_here(makes: str, verdict: str) -> None:
    text = _REPOSITORY.format(
        verdict=verdict, loads=textwrap.indent(_LOADS, "    "), wrap="pass", more="pass"
    )
    text = text.replace("-- train.py --", _FACTORY)
    text = text.replace("import Clips\n", "import Clips, clips\n").replace(
        "= Clips()", "= clips(4)"
    )
    check(text + _FROM_SCRATCH.format(makes=makes))
