"""Parts that get what a loaded network of the same model gives."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

_MODEL = """\
from torchvision import models
from weights import copy_into
class {cls}(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(512, 64, 3), nn.BatchNorm2d(64))  #! {verdict}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.{trunk} = {network}
        self.{part} = {cls}()
        self.head = nn.Sequential(nn.Conv2d(64, 8, 1), nn.BatchNorm2d(8))  #! convert
    def forward(self, x, depth):
{forward}
"""
_VGG = "models.vgg16_bn(pretrained=True)"
_FED = "x = self.vgg(x)\nreturn self.head(self.encoder(x))"


def _model(cls: str, verdict: str, forward: str, part: str = "encoder", trunk: str = "vgg") -> str:
    inner = textwrap.indent(forward.replace("encoder", part).replace("vgg", trunk), " " * 8)
    return _MODEL.format(
        cls=cls, verdict=verdict, part=part, trunk=trunk, network=_VGG, forward=inner
    )


@pytest.mark.parametrize(
    ("cls", "verdict"),
    [
        ("encoder_after_vgg", "unknown"),
        ("EncoderAfterVGG", "unknown"),
        ("EncoderBehindResNet18", "unknown"),
        # What is said of it comes after the network's name, or is something else.
        ("VGGAfterImageNet", "keep"),
        ("ResNetEncoder", "keep"),
        ("PosterResNet", "keep"),
    ],
)
def test_class_that_says_which_network_it_comes_after(cls: str, verdict: str) -> None:
    check(_model(cls, verdict, "return x"))


@pytest.mark.parametrize(
    ("forward", "verdict"),
    [
        (_FED, "unknown"),
        ("return self.head(self.encoder(self.vgg(x)))", "unknown"),
        ("f = self.vgg(x)\ny = self.head(self.encoder(f))\nreturn y", "unknown"),
        # A second network for another image, or for the same.
        ("return self.head(self.encoder(depth) + self.vgg(x))", "keep"),
        ("x = self.vgg(x)\nreturn self.head(self.encoder(depth) + x)", "keep"),
        ("f = self.vgg(x)\nreturn self.head(self.encoder(x) + f)", "keep"),
        # The other way round.
        ("x = self.encoder(x)\nreturn self.head(self.vgg(x))", "keep"),
    ],
)
def test_network_for_its_name_behind_one_that_is_loaded(forward: str, verdict: str) -> None:
    check(_model("ResNetEncoder", verdict, forward))


def test_network_for_its_name_that_is_loaded_behind_another_one() -> None:
    load = "        self.encoder.load_state_dict(torch.load('imagenet.pth'))\n        self.head"
    check(_model("ResNetEncoder", "keep", _FED).replace("        self.head", load))


def test_backbone_for_its_name_behind_a_network() -> None:
    check(_model("ResNetEncoder", "keep", _FED, part="backbone"))
