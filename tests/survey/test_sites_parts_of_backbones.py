"""What a file is loaded into inside of an attribute that is a backbone by its name."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_MODEL = """\
class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {stem}
class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {inner}
class Body(nn.Module):
    def __init__(self, path, resume):
        super().__init__()
        self.{part} = Inner()
        self.other = Stem()
        if path and not resume:
            own = self.{part}.state_dict()
            own.update({{k: v for k, v in torch.load(path).items() if k in own}})
            self.{part}.load_state_dict(own)
class Model(nn.Module):
    def __init__(self, path, resume):
        super().__init__()
        self.{attribute} = Body(path, resume)
        self.neck = nn.BatchNorm2d(8)  #! {neck}
"""


@pytest.mark.parametrize("attribute", ["backbone", "backbone_3d", "backbone2D", "rgb_backbone_2d"])
@pytest.mark.parametrize("part", ["inner", "__inner", "conv_part"])
def test_a_part_that_is_loaded_there_is_the_backbones(attribute: str, part: str) -> None:
    text = _MODEL.format(inner="keep", stem="keep", part=part, attribute=attribute, neck="convert")
    check(text)


@pytest.mark.parametrize(
    ("attribute", "part", "inner", "stem", "neck"),
    [
        # Its name says that it was added...
        ("backbone", "fpn", "unknown", "keep", "convert"),
        # ... or nothing says that what holds it is a backbone.
        ("three_d", "inner", "unknown", "unknown", "unknown"),
        ("backbone_head", "inner", "unknown", "unknown", "unknown"),
        ("backbone_3d_out", "inner", "unknown", "unknown", "unknown"),
    ],
)
def test_a_part_that_may_be_new(
    attribute: str, part: str, inner: str, stem: str, neck: str
) -> None:
    check(_MODEL.format(inner=inner, stem=stem, part=part, attribute=attribute, neck=neck))


def test_what_another_part_of_the_model_holds_as_well_may_be_resumed() -> None:
    text = _MODEL.format(
        inner="unknown", stem="conflict", part="inner", attribute="backbone", neck="convert"
    )
    check(text + "        self.other = Body(path, resume)\n")


_SCRIPT = """\
class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class ShuffleNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.begin = Conv()
        self.features = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))  #! keep
class Model(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.{attribute} = ShuffleNet()
        self.neck = nn.BatchNorm2d(8)  #! convert
        if path:
            net = self.{attribute}
            own = net.state_dict()
            own.update({{k: v for k, v in torch.load(path).items() if k in own}})
            net.load_state_dict(own)
"""


def test_a_network_that_is_loaded_in_a_backbone_is_judged_as_that() -> None:
    check(_SCRIPT.format(attribute="backbone", verdict="keep"))
    check(_SCRIPT.format(attribute="backbone_3d", verdict="keep"))
    new = _SCRIPT.replace("self.begin", "self.fpn")
    check(new.format(attribute="backbone", verdict="unknown"))


_FILLED = """\
class ResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.deconv_layers = nn.Sequential(nn.BatchNorm2d(8))  #! {added}
    def load_pretrained(self, path):
        own, saved = self.state_dict(), torch.load(path)
        {load}
"""
_MODEL = """\
class Model(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.backbone = ResNet50()
        self.backbone.load_pretrained(path)
"""


def test_what_is_added_to_a_part_that_gets_whatever_a_file_has() -> None:
    copy = "for key in own:\n            if key in saved: own[key].copy_(saved[key])"
    check(_FILLED.format(added="unknown", load=copy) + _MODEL)


@pytest.mark.parametrize(
    ("load", "model"),
    [
        # The network is the model,
        ("for key in own: own[key].copy_(saved[key])", ""),
        # or a file that fits it in part is loaded as it is.
        ("self.load_state_dict(saved, strict=False)", _MODEL),
    ],
)
def test_what_is_added_to_a_network_and_not_in_its_file(load: str, model: str) -> None:
    check(_FILLED.format(added="convert", load=load) + model)
