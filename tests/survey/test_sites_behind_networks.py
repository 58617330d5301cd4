"""Parts that get what a loaded network of the same model gives."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, plan_of

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


_TWO = """\
from torchvision import models
class Refine(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm3d(8)  #! {verdict}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.{first} = models.resnet18(pretrained={pretrained})
        self.{second} = Refine()
    def forward(self, x, volume):
        {forward}
net = Net()
net.train()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for x in data:
    net(x).sum().backward()
    optimizer.step()
"""


def _two(verdict: str, first: str, second: str, forward: str, pretrained: str = "True") -> str:
    return _TWO.format(
        verdict=verdict, first=first, second=second, forward=forward, pretrained=pretrained
    )


@pytest.mark.parametrize(
    ("first", "second", "forward"),
    [
        ("backbone_a", "backbone_b", "return self.backbone_b(self.backbone_a(x))"),
        ("backbone2d", "backbone3d", "return self.backbone3d(self.backbone2d(x))"),
        # How what is given for each image comes to the volume is seldom seen.
        ("backbone2d", "backbone3d", "return self.backbone3d(volume)"),
        ("backbone", "backbone_3d", "return self.backbone_3d(self.lift(self.backbone(x)))"),
    ],
)
def test_second_backbone_for_its_name(first: str, second: str, forward: str) -> None:
    plan = check(_two("unknown", first, second, forward))
    assert [script.backbone for script in plan.train_scripts] == [(first,)]


@pytest.mark.parametrize(
    "parts",
    [
        # Another one for another image.
        ("backbone_rgb", "backbone_depth", "return self.backbone_depth(volume)"),
        ("backbone_a", "backbone_b", "return self.backbone_b(volume) + self.backbone_a(x)"),
        # The only one.
        ("head2d", "backbone3d", "return self.backbone3d(self.head2d(x))"),
        # The first one is for volumes as well.
        ("backbone_3d", "rear_backbone_3d", "return self.rear_backbone_3d(volume)"),
    ],
)
def test_backbone_for_its_name_that_stands_behind_none(parts: tuple[str, str, str]) -> None:
    check(_two("keep", *parts))


def test_second_backbone_that_is_loaded() -> None:
    load = "        self.backbone3d.load_state_dict(torch.load('kinetics.pth'))\n    def forward"
    text = _two("keep", "backbone2d", "backbone3d", "return self.backbone3d(self.backbone2d(x))")
    check(text.replace("    def forward", load))


_HEAD = """\
from torchvision import models
from weights import copy_into
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(64)  #! unknown
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = models.vgg16_bn(pretrained=True).features
        self.trunk = models.resnet18(pretrained=True)
        self.blocks()
        self.layer1 = nn.Sequential(nn.Conv2d(512, 64, 1), nn.BatchNorm2d(64))  #! {verdict}
        self.layer2 = nn.Sequential(nn.Dropout2d(0.1), nn.Conv2d(64, 5, 1))
{more}
    def blocks(self):
        self.layer3 = Block()
    def forward(self, x, depth):
{forward}
"""
_BEHIND = "return self.layer2(self.layer1(self.backbone(x)))"


def _head(verdict: str, forward: str = _BEHIND, more: str = "") -> str:
    more, forward = textwrap.indent(more, " " * 8), textwrap.indent(forward, " " * 8)
    return _HEAD.format(verdict=verdict, forward=forward, more=more)


def test_such_layers_in_a_model_that_a_script_resumes() -> None:
    script = "net = Net()\nnet.load_state_dict(torch.load('last.pth'))\n"
    more = "self.layer4 = nn.Conv2d(8, 8, 1)"
    check(_head("convert", more=more) + script)


@pytest.mark.parametrize(
    ("forward", "verdict"),
    [
        (_BEHIND, "convert"),
        ("x = self.backbone(x)\nx = self.layer1(x)\nreturn self.layer2(x)", "convert"),
        ("return self.layer2(self.layer1(depth) + self.backbone(x))", "unknown"),
        ("return self.layer2(self.layer1(x)) + self.backbone(x)", "unknown"),
        # It is called twice, once without the backbone.
        ("x = self.layer1(self.backbone(x))\nreturn x + self.layer1(depth)", "unknown"),
        ("return self.backbone(self.layer1(x))", "unknown"),
        ("return self.layer1(self.trunk(x))", "unknown"),
        ("return x", "unknown"),
    ],
)
def test_layers_spelt_out_behind_a_backbone_under_the_name_of_a_stage(
    forward: str, verdict: str
) -> None:
    check(_head(verdict, forward))


@pytest.mark.parametrize(
    "more",
    [
        "self.layer1.load_state_dict(torch.load('imagenet.pth'))",
        "self.layer1[1].weight.data.copy_(self.trunk.bn1.weight)",
        "for mine, other in zip(self.layer1, self.trunk.layer1): mine.weight = other.weight",
        "copy_into(self.layer1, self.trunk.layer1)",
    ],
)
def test_layers_behind_a_backbone_that_may_be_loaded(more: str) -> None:
    found = plan_of(_head("convert", more=more)).sites
    [site] = [one for one in found if one.attribute == "layer1"]
    assert site.verdict != "convert"


def test_stage_behind_a_backbone_that_is_made_of_blocks() -> None:
    check(_head("convert", "return self.layer3(self.layer1(self.backbone(x)))"))


def test_layers_behind_a_backbone_for_its_name() -> None:
    text = _head("unknown").replace("models.vgg16_bn(pretrained=True).features", "Block()")
    check(text.replace("#! unknown\nclass Net", "#! conflict\nclass Net"))


@pytest.mark.parametrize("cls", ["encoder_after_vgg", "EncoderAfterVGG"])
@pytest.mark.parametrize("part", ["encoder", "encoder_after_vgg"])
def test_class_that_comes_after_the_network_that_feeds_it(cls: str, part: str) -> None:
    check(_model(cls, "convert", _FED, part))


@pytest.mark.parametrize(
    "forward",
    [
        "return self.head(self.encoder(depth) + self.vgg(x))",
        "x = self.vgg(x)\nreturn self.head(self.encoder(depth) + x)",
        "x = self.encoder(x)\nreturn self.head(self.vgg(x))",
    ],
)
def test_class_whose_name_says_it_comes_after_a_network_and_does_not(forward: str) -> None:
    check(_model("encoder_after_vgg", "unknown", forward, "encoder_after_vgg"))


def test_class_behind_a_network_that_is_only_called_so() -> None:
    network = """\
class VGG(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(512)  #! keep
class Net("""
    model = _model("encoder_after_vgg", "unknown", _FED).replace(_VGG, "VGG()")
    check(model.replace("class Net(", network))


def test_class_behind_a_network_that_speaks_of_weights() -> None:
    model = _model("encoder_after_vgg", "unknown", _FED)
    check(
        model.replace(
            "class Net(",
            """\
    def init_weights(self, pretrained):
        copy_into(self, pretrained)
class Net(""",
        )
    )
