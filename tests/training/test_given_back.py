"""Helpers that give back what they are handed: each call gives what it was handed itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository
from bn2gn_codemod.survey.flow.tracing.returned_parameters import given_back

NETS = """
import torchvision
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.head = nn.Conv2d(512, 4, 1)

class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))

class Own(nn.Module):
    def __init__(self, module, sizes):
        super().__init__()
        self.module = module

class OwnDataParallel(nn.Module):
    def __init__(self, module, sizes):
        super().__init__()
        self.module = module
"""
TRAIN = """
import torch
from torch import nn
from nets import Critic, Net, Own, OwnDataParallel

{helper}

class Trainer:
    def __init__(self):
        self.net = {net}
        self.critic = {critic}
        self.first = torch.optim.Adam(self.net.parameters())
        self.second = torch.optim.Adam(self.critic.parameters())
    def train(self, loader):
        self.net.train()
        self.critic.train()
        for x in loader:
            self.critic(self.net(x)).sum().backward()
            self.first.step()
            self.second.step()
"""


def trained(helper: str, net: str, critic: str) -> tuple[set[str], set[str]]:
    """Which of the two are taken for models with a backbone: by optimizers, and by calls."""
    train = TRAIN.format(helper=helper, net=net, critic=critic)
    files = {"nets.py": NETS, "train.py": train}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    scripts = {script.model for script in plan.train_scripts}
    return scripts, {call.model for call in plan.train_calls if call.place.path == "train.py"}


CLASS = "def make(cls, name, **kwargs):\n    {}"
MODULE = "def make(net, sizes=None):\n    {}"
REST = "def make(*nets, as_list=False):\n    {}"
HANDED = ("make(Net(), [1])", "make(Critic(), [1])")
CLASSES = ("make(Net, 'n')", "make(Critic, 'c')")
ALONE = ("make(Net())", "make(Critic())")
ONLY_NET = ({"self.net"}, {"self.net"})


@pytest.mark.parametrize(
    ("helper", "calls"),
    [
        (CLASS.format("return cls(**kwargs)"), CLASSES),
        (
            CLASS.format(
                "net = cls(**kwargs)\n    net = nn.DataParallel(net)\n    net = net.cuda()\n"
                "    print(name, net)\n    return net"
            ),
            CLASSES,
        ),
        (
            CLASS.format("net = cls()\n    return net.cuda(), name"),
            tuple(f"{c}[0]" for c in CLASSES),
        ),
        (
            CLASS.format("return cls(**kwargs)"),
            ("make(cls=Net, name=1)", "make(cls=Critic, name=1)"),
        ),
        (MODULE.format("return nn.DataParallel(net, sizes)"), HANDED),
        (MODULE.format("net = nn.DataParallel(net)\n    return net.cuda()"), HANDED),
        (MODULE.format("wrapped = nn.DataParallel(net)\n    return wrapped.cuda()"), HANDED),
        (MODULE.format("return OwnDataParallel(net, sizes)"), HANDED),
        (
            MODULE.format(
                "if sizes is None:\n        return nn.DataParallel(net)\n"
                "    return OwnDataParallel(net, sizes).cuda()"
            ),
            ("make(Net(), sizes=1)", "make(net=Critic(), sizes=1)"),
        ),
        (MODULE.format("return net if sizes else nn.DataParallel(net)"), HANDED),
        (
            REST.format(
                "found = list()\n    for i in range(len(nets)):\n"
                "        found.append(nets[i].to('cuda'))\n"
                "    if as_list:\n        return found\n"
                "    return found[0] if len(nets) == 1 else found"
            ),
            ALONE,
        ),
        (
            REST.format(
                "found = []\n    for net in nets:\n        found.append(net)\n    return found[0]"
            ),
            ALONE,
        ),
        (REST.format("found = [net.cuda() for net in nets]\n    return found[0]"), ALONE),
    ],
)
def test_each_call_gives_its_own(helper: str, calls: tuple[str, str]) -> None:
    assert trained(helper, *calls) == ONLY_NET


BOTH = {"self.net", "self.critic"}


@pytest.mark.parametrize(
    ("helper", "calls"),
    [
        # It is another one that is handed over, or that is given.
        (CLASS.format("return cls(**kwargs)"), ("make(Net, 'n')", "make(Net, 'm')")),
        (MODULE.format("return nn.DataParallel(net)"), ("make(Net())", "make(Net())")),
        (MODULE.format("return OwnDataParallel(net, 1)"), ("make(Net())", "make(Net())")),
        # What is made is kept for others.
        ("made = []\ndef make(cls, name):\n    made.append(cls())\n    return made[-1]", CLASSES),
        # What stands for the parameter by then is not known.
        (CLASS.format("cls = globals()[name] or cls\n    return cls()"), CLASSES),
        (
            REST.format(
                "found = []\n    found.append(Net())\n    found += nets\n    return found[0]"
            ),
            ALONE,
        ),
        (REST.format("found = [Net()]\n    found.extend(nets)\n    return found[0]"), ALONE),
        # The default is the model.
        ("def make(cls=Net, name=''):\n    return cls()", ("make()", "make(name='c')")),
    ],
)
def test_what_may_be_another_one(helper: str, calls: tuple[str, str]) -> None:
    assert trained(helper, *calls)[0] == BOTH


def test_elements_of_what_is_unpacked() -> None:
    """Which of them comes where is not asked: none of it is lost."""
    helper = REST.format(
        "found = []\n    for net in nets:\n        found.append(net)\n    return found[0]"
    )
    assert (
        "self.net"
        in trained(f"{helper}\nnets = (Net(), Net())", "make(*nets)", "make(Critic())")[0]
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return a", ["a"]),
        ("return a.cuda(), b", ["a", "b"]),
        ("a = a.cuda()\n    return a", ["a"]),
        ("return f(a)", []),
        ("a = f(a)\n    return a", []),
        ("return a.head", []),
        ("return a[0]", []),
        ("return a(b)", ["a made"]),
        ("a = f(a)\n    return a()", []),
        ("return DataParallel(a)", ["a wrapped"]),
        ("x = a()\n    x.load()\n    return x", ["a made"]),
        ("x = a()\n    if b:\n        x = b()\n    return x", ["a made", "b made"]),
        ("x = a()\n    if b:\n        x = f()\n    return x", []),
        ("x = a()\n    for x in b:\n        pass\n    return x", []),
        ("with a() as x:\n        return x", []),
        ("if b:\n        return f()\n    return a()", []),  # a() may be kept by f
        ("if b:\n        return None\n    return a()", ["a made"]),
        ("x = []\n    x.append(rest[0])\n    return x", ["rest of all"]),
        ("x = []\n    x.insert(0, rest[0])\n    return x", []),
        ("x = [1]\n    x.append(rest[0])\n    return x", []),
        ("x = []\n    x.append(rest[0])\n    x += b\n    return x", []),
        ("return [one for one in rest]", ["rest of all"]),
        ("return [f(one) for one in rest]", []),
    ],
)
def test_parameters_that_are_returned(body: str, expected: list[str]) -> None:
    function = ast.parse(f"def f(a, b, *rest):\n    {body}").body[0]
    found = [
        one.parameter
        + " made" * (one.maker is not None)
        + " wrapped" * (one.wrapper is not None)
        + " of all" * one.is_rest
        for one in given_back(function)
    ]
    assert found == expected
