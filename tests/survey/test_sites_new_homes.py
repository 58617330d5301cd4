"""Parts of what stands where new parts live: ``aspp.py``, made by nothing but ``decoder.py``."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_REPOSITORY = """\
-- backbones/resnet.py --
from torch.utils.model_zoo import load_url
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.load_state_dict(load_url("https://example.com/resnet.pth"))
-- model.py --
import importlib
def build(name):
    module, _, cls = name.rpartition(".")
    return getattr(importlib.import_module(module), cls)()
class Model(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.encoder = build(cfg.encoder)
        self.decoder = build(cfg.decoder)
-- base.py --
class ASPP(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
        {handles}
-- decoder.py --
from base import ASPP
class Dec(nn.Module):
    def __init__(self):
        super().__init__()
        self.aspp = ASPP()
        self.bn = nn.BatchNorm2d(8)  #! convert
class DecPlus(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = ASPP()
{more}
"""


def _case(verdict: str, more: str = "", handles: str = "pass") -> str:
    return _REPOSITORY.format(verdict=verdict, more=more, handles=handles)


def test_part_of_nothing_but_parts_that_are_new_for_their_home() -> None:
    check(_case("convert"))


@pytest.mark.parametrize(
    ("more", "handles"),
    [
        # Something else has it as well: in an attribute, in a variable, as a base class.
        ("-- other.py --\nfrom base import ASPP\nclass Other(nn.Module):\n    def __init__(self):\n"
         "        super().__init__()\n        self.part = ASPP()\n", "pass"),
        ("-- other.py --\nfrom base import ASPP\nalone = ASPP()\n", "pass"),
        ("-- other.py --\nfrom base import ASPP\nclass Other(ASPP):\n    pass\n", "pass"),
        # Its own code speaks of weights.
        ("", "if False: self.load_state_dict(other)"),
    ],
)  # fmt: skip
def test_part_that_may_be_of_something_else(more: str, handles: str) -> None:
    check(_case("unknown", more, handles))


# What stands where backbones live is used by the keys of tables, so nobody is seen to build it.
_HOMES = """\
-- {home}/base.py --
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
-- heads/multi.py --
from {module}.base import {name}
class Single({name}):
    pass
class Multi(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList([Single()])
-- {other} --
import torchvision
class {holder}(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.model = torchvision.models.resnet50(pretrained=True)
"""


def _homes(verdict: str, **changes: str) -> str:
    parts = {
        "home": "backbones",
        "name": "BevTrunk",
        "other": "depth/front.py",
        "holder": "Front",
    }
    parts |= changes
    return _HOMES.format(verdict=verdict, module=parts["home"].replace("/", "."), **parts)


def test_home_of_backbones_where_another_one_is_loaded() -> None:
    check(_homes("unknown"))


@pytest.mark.parametrize(
    "changes",
    [
        # The one that is loaded lives there, too.
        {"other": "backbones/front.py"},
        # It is another project of a collection.
        {"home": "one/backbones", "other": "two/front.py"},
        # A network, or a block of one.
        {"name": "ResNetTrunk"},
        {"name": "Bottleneck"},
        # What is loaded only tells how far an image is off.
        {"holder": "PerceptualLoss"},
    ],
)
def test_home_of_backbones_that_is_taken_at_its_word(changes: dict[str, str]) -> None:
    check(_homes("keep", **changes))


_FOLDER = """\
-- backbones/small.py --
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {block}
class ShuffleNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! keep
        self.stages = nn.Sequential(Block())
        self.{name} = nn.Sequential(nn.ConvTranspose2d(8, 8, 4), nn.BatchNorm2d(8))  #! {part}
        self.{name}_more = {more}
def make():
    return ShuffleNet()
-- net.py --
import torchvision
from backbones.small import make
def other():
    return torchvision.models.resnet50(pretrained=True)
KINDS = {{"small": make, "other": other}}
class Net(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.backbone_model = KINDS[kind]()
"""


@pytest.mark.parametrize("name", ["deconv_layers", "fpn", "ida_up"])
def test_new_parts_name_where_backbones_live(name: str) -> None:
    check(_FOLDER.format(name=name, part="unknown", block="keep", more="nn.Identity()"))
    # The block is in both.
    check(_FOLDER.format(name=name, part="unknown", block="unknown", more="Block()"))


@pytest.mark.parametrize("name", ["layers", "transition", "conv_last"])
def test_other_name_where_backbones_live(name: str) -> None:
    check(_FOLDER.format(name=name, part="keep", block="keep", more="Block()"))


# A model stands there with its heads, or a part of one.
_WHOLE = """\
-- backbone/stacked.py --
from registry import MODELS
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}

class Stage(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

{decorator}
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList([Stage(), Stage()])
        self.{head} = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! unknown

-- train.py --
from backbone import stacked

def get_net(name):
    if name == "stacked":
        return {made}()

class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = stacked.{name}()

net = get_net("stacked")
"""


@pytest.mark.parametrize(
    ("verdict", "changes"),
    [
        ("unknown", {}),
        ("unknown", {"head": "deconv"}),
        # It is a backbone by more than its folder, or of something else.
        ("keep", {"name": "ResNet"}),
        ("keep", {"decorator": "@MODELS.register_module()"}),
        ("keep", {"made": "Other"}),
    ],
)
def test_whole_model_where_backbones_live(verdict: str, changes: dict[str, str]) -> None:
    parts = {"name": "Trunk", "head": "heatmaps", "decorator": "", **changes}
    parts.setdefault("made", f"stacked.{parts['name']}")
    check(_WHOLE.format(verdict=verdict, **parts))
