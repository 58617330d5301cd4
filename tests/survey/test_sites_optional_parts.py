"""What the blocks of a loaded network have only where an option asks for it."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

_NET = """\
from torch.utils import model_zoo
class Strip(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! {strip}
class Bottleneck(nn.Module):
    def __init__(self, c, strip, stride=1):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(c)  #! keep
{part}
class ResNet(nn.Module):
    def __init__(self, strip):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(64)  #! keep
        self.{stage}1 = nn.Sequential(Bottleneck(64, strip))
        self.{stage}2 = nn.Sequential(Bottleneck(64, strip), Bottleneck(64, strip))
        self.{stage}3 = nn.Sequential(Bottleneck(64, strip))
def resnet50(path, strip):
    model = ResNet(strip)
    model.load_state_dict({load})
    return model
class Seg(nn.Module):
    def __init__(self):
        super().__init__()
        self.pretrained = resnet50('resnet50.pth', True)
        self.head = nn.BatchNorm2d(8)  #! convert
"""
_PART = "self.spm = None\nif strip:\n    self.spm = Strip(c)"
_LOAD = "torch.load(path), strict=False"
_URL = "model_zoo.load_url('https://{}/resnet50-19c8e357.pth'), strict=False"


def _net(strip: str, part: str = _PART, load: str = _LOAD, stage: str = "layer") -> str:
    part = textwrap.indent(part, " " * 8)
    return _NET.format(strip=strip, part=part, load=load, stage=stage)


@pytest.mark.parametrize(
    "part",
    [
        _PART,
        "if strip:\n    self.spm = Strip(c)\nelse:\n    self.spm = None",
        "if not strip:\n    self.spm = None\nelse:\n    self.spm = Strip(c)",
        "self.spm = Strip(c) if strip else None",
        "self.strip = strip\nself.spm = None if not self.strip else nn.Sequential(Strip(c))",
    ],
)
def test_part_that_an_option_asks_for(part: str) -> None:
    check(_net("unknown", part))


@pytest.mark.parametrize(
    "part",
    [
        # A network has these where they fit its sizes.
        "self.down = None\nif stride != 1:\n    self.down = Strip(c)",
        "self.down = Strip(c) if stride > 1 else None",
        "self.down = None\nif stride != 1 or c != 64:\n    self.down = Strip(c)",
        # It always has them, of one kind or another.
        "self.spm = Strip(c)",
        "if strip:\n    self.spm = Strip(c)\nelse:\n    self.spm = nn.Identity()",
        "self.spm = None\nself.spm = Strip(c)",
    ],
)
def test_part_that_every_network_of_the_kind_may_have(part: str) -> None:
    check(_net("keep", part))


@pytest.mark.parametrize(
    ("load", "stage", "strip"),
    [
        (_URL.format("download.pytorch.org/models"), "layer", "unknown"),
        # The weights of this very network may be there.
        (_URL.format("example.com"), "layer", "keep"),
        ("torch.load(path)", "layer", "keep"),
        (_LOAD, "part", "keep"),
    ],
)
def test_weights_that_may_have_the_part(load: str, stage: str, strip: str) -> None:
    check(_net(strip, load=load, stage=stage))


# A network that nothing is seen to load, but its name.
_NAMED = """\
class DLA(nn.Module):
    def __init__(self, opt):
        super().__init__()
        self.base_layer = nn.BatchNorm2d(8)  #! keep
        self.level0 = nn.BatchNorm2d(8)  #! keep
        self.level1 = nn.BatchNorm2d(8)  #! keep
        self.level2 = nn.BatchNorm2d(8)  #! keep
{part}
class DLASeg(nn.Module):
    def __init__(self, opt):
        super().__init__()
        self.{attribute} = DLA(opt)
        self.up = nn.BatchNorm2d(8)  #! convert
"""


def _named(part: str, attribute: str = "base") -> str:
    return _NAMED.format(part=textwrap.indent(part, " " * 8), attribute=attribute)


@pytest.mark.parametrize("attribute", ["base", "backbone"])
@pytest.mark.parametrize(
    "part",
    [
        "if opt.pre_img:\n    self.pre_img_layer = nn.BatchNorm2d(8)  #! unknown",
        "if not opt.pre_img:\n    pass\nelse:\n    self.pre = nn.BatchNorm2d(8)  #! unknown",
    ],
)
def test_option_of_a_network_known_by_its_name(part: str, attribute: str) -> None:
    check(_named(part, attribute))


@pytest.mark.parametrize(
    "part",
    [
        # A part of every such network.
        "if opt.deep:\n    self.level5 = nn.BatchNorm2d(8)  #! keep",
        # What sizes ask for.
        "if len(opt.levels) > 3:\n    self.more = nn.BatchNorm2d(8)  #! keep",
        # There either way.
        "if opt.large:\n    self.stem = nn.BatchNorm2d(8)  #! keep\n"
        "self.stem = nn.BatchNorm2d(4)  #! keep",
        "if opt.large:\n    self.stem = nn.BatchNorm2d(8)  #! keep\n"
        "else:\n    self.stem = nn.BatchNorm2d(4)  #! keep",
        "self.stem = nn.BatchNorm2d(8)  #! keep",
    ],
)
def test_what_such_a_network_has_for_no_option(part: str) -> None:
    check(_named(part))


_PUBLISHED = _URL.format("download.pytorch.org/models")
_FILTERED = "{k: v for k, v in " + _PUBLISHED.replace(", strict=False", "") + ".items() if k in "
_FILTERED = f"{_FILTERED}model.state_dict()}}, strict=False"


@pytest.mark.parametrize("load", [_PUBLISHED, _FILTERED])
@pytest.mark.parametrize(
    "part",
    [
        "self.motion = Strip(c)",
        "self.motion = nn.Sequential(Strip(c), Strip(c))",
        "if c != 64:\n    self.cbam = Strip(c)",
    ],
)
def test_part_that_no_published_block_has(part: str, load: str) -> None:
    check(_net("unknown", part, load))


@pytest.mark.parametrize(
    ("part", "load", "stage"),
    [
        # Published blocks have such parts, be they written in another way.
        ("self.conv2 = Strip(c)", _PUBLISHED, "layer"),
        ("self.downsample = Strip(c)", _PUBLISHED, "layer"),
        ("self.shortcut = nn.Sequential(Strip(c))", _PUBLISHED, "layer"),
        ("self.se_module = Strip(c)", _PUBLISHED, "layer"),
        # The file has all there is, ...
        ("self.motion = Strip(c)", _PUBLISHED.replace(", strict=False", ""), "layer"),
        # ... or may have, ...
        ("self.motion = Strip(c)", _URL.format("example.com"), "layer"),
        ("self.motion = Strip(c)", _LOAD, "layer"),
        # ... or is of a network of which nothing is known.
        ("self.motion = Strip(c)", _PUBLISHED, "part"),
    ],
)
def test_part_that_a_file_may_have(part: str, load: str, stage: str) -> None:
    check(_net("keep", part, load, stage))
