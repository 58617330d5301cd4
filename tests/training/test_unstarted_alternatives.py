"""A network without weights that may stand where a pretrained one is to be frozen."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

TINY = """\
import torch
from torch import nn


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(16)
{method}

def tiny():
    return Tiny()
"""
LANES = """\
import torch
from torch import nn
from torchvision.models import resnet18
from tiny import Tiny, tiny

{factory}

class Lanes(nn.Module):
    def __init__(self, backbone="resnet18", pretrained=True):
        super().__init__()
        self.{attribute} = get_backbone(backbone, pretrained)
        self.fc = nn.Linear(8, 8)
{method}
"""
TRAIN = """\
import torch
from lanes import Lanes

model = Lanes()
{load}
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    model.train()
"""
BRANCHES = """\
def get_backbone(name, pretrained=False):
    if name == "tiny":
        backbone = tiny()
    else:
        backbone = nn.Sequential(*list(resnet18(pretrained=pretrained).children())[:-2])
    return backbone
"""
RETURNS = """\
def get_backbone(name, pretrained=False):
    if name == "tiny":
        return Tiny()
    return resnet18(pretrained=pretrained)
"""
CHAIN = """\
def get_backbone(name, pretrained=False):
    if name == "resnet18":
        net = resnet18(pretrained=pretrained)
        net = nn.Sequential(*list(net.children())[:-2])
    elif name == "tiny":
        net = tiny()
    else:
        raise ValueError(name)
    return net
"""
LOADS = '        self.load_state_dict(torch.hub.load_state_dict_from_url("https://a.org/t.pth"))\n'


def plan_of(
    factory: str = BRANCHES,
    attribute: str = "feature_extractor",
    *,
    tiny: str = "",
    lanes: str = "",
    load: str = "",
    settings: Settings = Settings(),  # noqa: B008
) -> Plan:
    files = {
        "tiny.py": TINY.format(method=tiny),
        "lanes.py": LANES.format(factory=factory, attribute=attribute, method=lanes),
        "train.py": TRAIN.format(load=load),
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    return plan_repository(Repository(Path("/repository"), read), settings)


def freezes(plan: Plan) -> int:
    return sum(len(file.freezes) + len(file.loop_guards) for file in plan.files)


@pytest.mark.parametrize("attribute", ["feature_extractor", "backbone", "encoder"])
@pytest.mark.parametrize("factory", [BRANCHES, RETURNS, CHAIN])
def test_a_branch_that_gives_a_network_without_weights(factory: str, attribute: str) -> None:
    plan = plan_of(factory, attribute)
    assert freezes(plan) == 0
    [script] = plan.train_scripts
    assert f"Lanes.{attribute} may hold Tiny (" in script.reason
    assert f'backbone = ["Lanes.{attribute}"]' in script.reason


# However the code chooses between the two.
@pytest.mark.parametrize(
    "chosen",
    [
        "return Tiny() if name == 'tiny' else resnet18(pretrained=pretrained)",
        "return {'tiny': tiny, 'resnet': resnet18}[name]()",
        "return {'tiny': lambda: Tiny(), 'resnet': lambda: resnet18(True)}[name]()",
        "return (make_tiny(name) or resnet18(pretrained=True))",
        "net = resnet18(pretrained=True)\n    if name == 'tiny':\n        net = Tiny()\n"
        "    return net",
        "match name:\n        case 'tiny':\n            return Tiny()\n"
        "    return resnet18(pretrained)",
        "try:\n        return resnet18(pretrained=True)\n"
        "    except OSError:\n        return Tiny()",
        "if name == 'plain':\n        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))\n"
        "    return resnet18(pretrained=True)",
    ],
)
def test_any_way_to_choose(chosen: str) -> None:
    more = "def make_tiny(name):\n    return Tiny()\n"
    plan = plan_of(f"{more}\ndef get_backbone(name, pretrained=False):\n    {chosen}\n")
    assert freezes(plan) == 0
    [script] = plan.train_scripts
    assert "Lanes.feature_extractor may hold " in script.reason
    assert 'backbone = ["Lanes.feature_extractor"]' in script.reason


def test_a_part_of_a_pretrained_network_stands_in_the_place_of_none() -> None:
    factory = """\
def get_backbone(name, pretrained=False):
    net = resnet18(pretrained=True)
    net.fc = tiny()
    return net
"""
    [script] = plan_of(factory).train_scripts
    assert "may hold Tiny" not in script.reason


def test_layers_of_a_network_that_another_function_makes() -> None:
    factory = """\
def make_layers():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))

class VGG(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.features = features

def get_backbone(name, pretrained=False):
    if name == "vgg":
        net = VGG(make_layers())
        net.load_state_dict(torch.load("vgg16.pth"))
        return net.features
    return resnet18(pretrained=True)
"""
    [script] = plan_of(factory).train_scripts
    assert "may hold BatchNorm" not in script.reason


@pytest.mark.parametrize("both", ["nn.Sequential(resnet18(pretrained=True), tiny())"])
def test_what_is_there_at_once_is_no_alternative(both: str) -> None:
    factory = f"def get_backbone(name, pretrained=False):\n    return {both}\n"
    [script] = plan_of(factory).train_scripts
    assert "may hold Tiny" not in script.reason


def test_a_setting_says_that_it_is_to_be_frozen() -> None:
    settings = Settings(backbone=("Lanes.feature_extractor",))
    assert freezes(plan_of(settings=settings)) > 0


@pytest.mark.parametrize(
    "tiny",
    [
        LOADS,
        "\n    def init_weights(self, pretrained=None):\n        fill(self, pretrained)\n",
    ],
)
def test_a_network_that_may_get_weights_of_its_own(tiny: str) -> None:
    assert freezes(plan_of(tiny=tiny)) > 0


@pytest.mark.parametrize(
    "load",
    [
        'model.feature_extractor.load_state_dict(torch.load("imagenet.pth"))',
        "from tiny import tiny\n"
        'net = tiny()\nnet.load_state_dict(torch.load("tiny.pth"))\n'
        "model.feature_extractor.load_state_dict(net.state_dict())",
        "from tiny import tiny\n"
        "net = tiny()\nnet.bn1.weight.data.copy_(torch.load('converted.pth')['scale'])",
    ],
)
def test_weights_that_a_script_loads(load: str) -> None:
    assert freezes(plan_of(load=load)) > 0


def test_weights_of_the_whole_model() -> None:
    assert freezes(plan_of(lanes=LOADS)) > 0


# What stands beside a pretrained network, or around it, stands in the place of none.
@pytest.mark.parametrize(
    "factory",
    [
        "def get_backbone(name, pretrained=False):\n    return resnet18(pretrained=pretrained)\n",
        """\
def get_backbone(name, pretrained=False):
    if name == "resnet18":
        net = resnet18(pretrained=True)
    else:
        net = resnet18(pretrained=pretrained)
    return net
""",
        """\
class Around(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.body = net

def get_backbone(name, pretrained=False):
    if name == "cut":
        net = Around(resnet18(pretrained=pretrained))
    else:
        net = resnet18(pretrained=pretrained)
    return net
""",
        """\
class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

def get_backbone(name, pretrained=False):
    if name == "plain":
        return Plain()
    return resnet18(pretrained=pretrained)
""",
    ],
)
def test_no_network_without_weights_stands_in_its_place(factory: str) -> None:
    assert freezes(plan_of(factory)) > 0


@pytest.mark.parametrize(
    ("then", "is_frozen"),
    [
        # It is there for no longer than a statement, ...
        ("self.{0} = resnet18(pretrained=True)", True),
        ("self.size = 8\n        self.{0} = resnet18(pretrained=True)", True),
        # ... or may stay.
        ("if pretrained:\n            self.{0} = resnet18(pretrained=True)", False),
        ("self.other = self.{0}\n        self.{0} = resnet18(True) if pretrained else self.other",
         False),
    ],
)  # fmt: skip
def test_what_is_stored_over(then: str, is_frozen: bool) -> None:
    name = "feature_extractor"
    lanes = f"        self.{name} = tiny()\n        {then.format(name)}\n"
    factory = "def get_backbone(name, pretrained=False):\n    return resnet18(pretrained=True)\n"
    assert (freezes(plan_of(factory, lanes=lanes)) > 0) is is_frozen


def test_another_attribute_may_hold_such_a_network() -> None:
    lanes = """
        if pretrained:
            self.head = tiny()
        else:
            self.head = nn.Identity()
"""
    factory = "def get_backbone(name, pretrained=False):\n    return resnet18(pretrained=True)\n"
    assert freezes(plan_of(factory, lanes=lanes)) > 0


STAGES = """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(16)


class {network}(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Block(), Block())
        {rest}


def tiny():
    net = {network}()
    {load}
    return net.layer1
"""
PUBLISHED = "net.load_state_dict(torch.hub.load_state_dict_from_url('https://a.org/resnet50.pth'))"


LAYER2 = "self.layer2 = nn.Sequential(Block())"


@pytest.mark.parametrize(
    ("network", "load", "rest", "number"),
    [
        ("ResNet", PUBLISHED, LAYER2, 1),
        # Nothing loads the network, or it may be anything.
        ("ResNet", "pass", LAYER2, 0),
        ("Tiny", "pass", LAYER2, 0),
        # Another one is loaded, and not the one whose stage it is.
        ("ResNet", f"{PUBLISHED}\n    net = ResNet()", LAYER2, 0),
        # The file has nothing of what is given.
        ("ResNet", f"{PUBLISHED[:-1]}, strict=False)\n    return net.neck",
         "self.neck = Block()", 0),
        # It is in none of the network's own attributes.
        ("ResNet", f"{PUBLISHED}\n    return net.small()",
         f"{LAYER2}\n\n    def small(self):\n        return Block()", 0),
    ],
)  # fmt: skip
def test_a_stage_of_a_network(network: str, load: str, rest: str, number: int) -> None:
    stages = STAGES.format(network=network, load=load, rest=rest)
    lanes = LANES.format(factory=BRANCHES, attribute="feature_extractor", method="")
    files = {
        "tiny.py": stages,
        "lanes.py": lanes.replace("import Tiny, tiny", "import tiny"),
        "train.py": TRAIN.format(load=""),
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert sum(len(file.freezes) for file in plan.files) == number
