"""Encoders that get what a network gives, and attention to it: parts that were added."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_MODEL = """\
from torch.utils.model_zoo import load_url
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! keep
        self.layer2 = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! keep
        self.layer3 = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! keep
        {loads}
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {encoder}
        {handles}
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.{trunk} = {network}
        self.{name} = Encoder()
    def forward(self, image):
        {forward}
        return x
"""
_LOADS = "self.load_state_dict(load_url('https://example.com/resnet.pth'))"
_FED = "x = self.trunk1(image); x = self.encoder(x)"


def _model(
    encoder: str,
    forward: str = _FED,
    loads: str = _LOADS,
    handles: str = "pass",
    trunk: str = "trunk1",
    network: str = "ResNet()",
    name: str = "encoder",
) -> str:
    return _MODEL.format(
        encoder=encoder,
        forward=forward,
        loads=loads,
        handles=handles,
        trunk=trunk,
        network=network,
        name=name,
    )


@pytest.mark.parametrize(
    "forward",
    [
        _FED,
        "x, low = self.trunk1(image); x = self.encoder(x)",
        "x = self.encoder(self.trunk1(image))",
        "x = self.trunk1(image)['out']; y = x + 1; x = self.encoder(y)",
    ],
)
def test_an_encoder_of_what_a_loaded_network_gives(forward: str) -> None:
    check(_model("convert", forward))


@pytest.mark.parametrize(
    "text",
    [
        # It gets the image, or may get it.
        _model("unknown", "x = self.encoder(image)"),
        _model("unknown", "x = self.trunk1(image); x = self.encoder(image)"),
        _model("unknown", "x = self.trunk1(image); x = image; x = self.encoder(x)"),
        _model("unknown", "x = self.trunk1(image); self.encoder(x); x = self.encoder(image)"),
        _model("unknown", "x = run(self.encoder, self.trunk1(image))"),
        # Its own code speaks of weights.
        _model("unknown", handles="if False: self.load_state_dict(other)"),
        # A network of its own name: what is in it may go on with what comes before.
        _model("unknown", name="resnet2", forward=_FED.replace("encoder", "resnet2")),
        # A part of a network, of which this may be the next one.
        _model("unknown", network="ResNet().layer1"),
        _model("unknown", network="nn.Sequential(ResNet().bn1, ResNet().layer1)"),
    ],
)
def test_an_encoder_that_may_be_a_network_or_the_rest_of_one(text: str) -> None:
    check(text)


@pytest.mark.parametrize("name", ["encoder_att_1", "encoder_attn", "enc_attention", "feat_att"])
def test_attention_to_what_an_encoder_gives(name: str) -> None:
    check(_model("convert", "x = self.trunk1(image)", name=name))


@pytest.mark.parametrize("name", ["encoder_attr", "encoder_flat", "resnet_batt", "encoder_matt"])
def test_other_words_with_these_letters(name: str) -> None:
    check(_model("unknown", "x = self.trunk1(image)", name=name))


def test_attention_that_speaks_of_weights() -> None:
    handles = "if False: self.load_state_dict(other)"
    check(_model("unknown", "x = self.trunk1(image)", name="encoder_att", handles=handles))


_STREAMS = """\
class Reduce(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnet = torchvision.models.resnet50(pretrained=True)
        self.conv1_depth = Reduce()
        self.conv2_depth = Reduce()
        {more}
    def forward(self, image, depth):
        {forward}
"""


@pytest.mark.parametrize(
    ("verdict", "forward", "more"),
    [
        ("convert", "x = self.resnet.layer1(image); self.conv1_depth(x); self.conv2_depth(x)", ""),
        ("convert", "self.conv1_depth(self.resnet.layer3[0](image)); "
         "y = self.resnet(image); self.conv2_depth(y)", ""),
        # A second network, for the second input.
        ("unknown", "self.resnet(image); x = self.conv1_depth(depth); self.conv2_depth(x)", ""),
        ("unknown", "x = self.resnet(image); self.conv1_depth(x); self.conv2_depth(depth)", ""),
        # A stream of its own that gets something of the other one as well.
        ("unknown", "d = self.conv1_depth(depth + self.resnet.layer1(image)); "
         "self.conv2_depth(d + self.resnet(image))", ""),
        # Something else may fill it.
        ("unknown", "x = self.resnet(image); self.conv1_depth(x); self.conv2_depth(x)",
         "fill(self.conv1_depth, 'depth.pth')"),
    ],
)  # fmt: skip
def test_stage_of_a_second_network_by_its_name(verdict: str, forward: str, more: str) -> None:
    text = _STREAMS.format(verdict=verdict, forward=forward, more=more)
    check("import torchvision\n" + text)
