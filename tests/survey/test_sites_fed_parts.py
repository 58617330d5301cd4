"""Encoders that get what a network gives, and attention to it: parts that were added."""

from __future__ import annotations

import textwrap

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


_BEHIND = """\
class Stage(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(8, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)  #! {verdict}
        {handles}
class Model(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.conv2b = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {stem}
        self.decoder = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
        self.{name} = Stage()
        {more}
    def forward(self, image, depth):
        size = image.size()[2:]
{forward}
encoder = timm.create_model("resnet50", features_only=True, pretrained=True)
model = Model(encoder)
"""
_STEPS = """\
a, b = self.encoder(image)
b = self.conv2b(b)
c = self.decoder([F.interpolate(b, size=size), a])
c = torch.cat([a, c.flatten(1)], dim=1)
return self.layer1(c, b)
"""


def _behind(
    verdict: str = "convert",
    forward: str = _STEPS,
    name: str = "layer1",
    more: str = "pass",
    handles: str = "pass",
    stem: str = "",
) -> str:
    forward = textwrap.indent(forward.replace("layer1", name), " " * 8)
    text = _BEHIND.format(
        verdict=verdict,
        forward=forward,
        name=name,
        more=more,
        handles=handles,
        stem=stem or verdict,
    )
    return "import timm\nimport torch.nn.functional as F\n" + text


@pytest.mark.parametrize("name", ["layer1", "encoder1", "low_encoder", "stage1", "encoder_depth"])
def test_stage_behind_a_published_network(name: str) -> None:
    check(_behind(name=name, stem="convert"))


@pytest.mark.parametrize("trunk", ["backbone", "image_encoder", "net"])
def test_stage_behind_a_published_network_under_another_name(trunk: str) -> None:
    check(_behind().replace("self.encoder", f"self.{trunk}"))


@pytest.mark.parametrize(
    "forward",
    [
        # It gets an image, or something of one,
        "a, b = self.encoder(image)\nreturn self.layer1(depth)",
        "a, b = self.encoder(image)\nreturn self.layer1(a, depth)",
        "a, b = self.encoder(image)\nreturn self.layer1(a, extra=depth)",
        "a, b = self.encoder(image)\nreturn self.layer1(a + depth)",
        "a, b = self.encoder(image)\nreturn self.layer1(self.decoder([a, depth]))",
        "a, b = self.encoder(image)\nreturn self.layer1(self.decoder(a, extra=depth))",
        "a, b = self.encoder(image)\nc = self.decoder(depth)\nreturn self.layer1(c)",
        "a, b = self.encoder(image)\na = image\nreturn self.layer1(a)",
        "a, b = self.encoder(image)\nself.layer1(a)\nreturn self.layer1(image)",
        # or comes before the network, or nobody knows.
        "return self.encoder(self.layer1(image))",
        "return run(self.layer1, self.encoder(image))",
        "return self.encoder(image)",
    ],
)
def test_stage_that_may_be_another_network(forward: str) -> None:
    check(_behind("unknown", forward))


@pytest.mark.parametrize(
    "text",
    [
        # Something may fill it.
        _behind("unknown", more="fill(self.layer1, 'stage.pth')"),
        _behind("unknown", handles="if False: self.load_state_dict(other)"),
        # What is called after a network may be one, wherever it stands.
        _behind("unknown", name="resnet2", stem="convert"),
        # A part of a network gives one tensor, and the next part may get that.
        _behind("unknown", _STEPS.replace("a, b =", "a = b =")),
        _behind("unknown", "return self.layer1(self.encoder(image))"),
        _behind("unknown", "a = self.encoder(image)[0]\nreturn self.layer1(a)"),
        _behind("unknown", "a, b = self.encoder.layer1(image)\nreturn self.layer1(a)"),
        # It gives an image again, or is no network that a library has weights for.
        _behind("unknown")
        .replace(
            'timm.create_model("resnet50", features_only=True, pretrained=True)',
            "smp.Unet('resnet50')",
        )
        .replace("import timm", "import segmentation_models_pytorch as smp"),
    ],
)
def test_stage_behind_what_may_be_no_whole_network(text: str) -> None:
    check(text)


_TRAINS = "torch.optim.SGD(model.parameters(), 0.1).step()\n"


@pytest.mark.parametrize(
    "more",
    [
        # A model around it is loaded, or it is itself, with a file that somebody names.
        "class Outer(nn.Module):\n"
        "    def __init__(self, net):\n        super().__init__()\n        self.net = net\n"
        "outer = Outer(model)\n"
        "outer.load_state_dict(torch.hub.load_state_dict_from_url('https://host.org/net.pth'))\n",
        "model.load_state_dict(torch.load(args.pretrained), strict=False)\n" + _TRAINS,
        "model.load_state_dict(torch.load(args.file))\n" + _TRAINS,
    ],
)
def test_stage_that_comes_with_the_model(more: str) -> None:
    check(_behind("unknown") + more)


@pytest.mark.parametrize(
    "more",
    [
        "if args.resume:\n    model.load_state_dict(torch.load(args.resume))\n" + _TRAINS,
        "model.eval()\nmodel.load_state_dict(torch.load(args.file))\nother = Model()\n",
        "other = nn.Linear(8, 8)\nother.load_state_dict(torch.load(args.file))\n" + _TRAINS,
        "torch.save(model.state_dict(), args.file)\n" + _TRAINS,
    ],
)
def test_stage_of_a_model_that_only_goes_on(more: str) -> None:
    check(_behind(stem="convert") + more)


_THREE = "self.layer2 = Stage(); self.layer3 = Stage()"
_GOES_ON = "if args.resume:\n    model.load_state_dict(torch.load(args.resume))\n"
_ANY_FILE = "model.load_state_dict(torch.load(args.file))\n"


@pytest.mark.parametrize(
    ("verdict", "stem", "source", "load"),
    [
        ("convert", "convert", "c", _GOES_ON),
        ("unknown", "unknown", "c", _ANY_FILE),
        ("unknown", "unknown", "image", _GOES_ON),
    ],
)
def test_stages_behind_a_published_network_are_no_resnet_for_their_names(
    verdict: str, stem: str, source: str, load: str
) -> None:
    steps = _STEPS.replace("return ", f"c = self.layer3(self.layer2({source}))\nreturn ")
    check(_behind(verdict, steps, more=_THREE, stem=stem) + load + _TRAINS)
