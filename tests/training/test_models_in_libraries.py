"""Models that lie in a detector of a library, or in a wrapper of one that is not known."""

from __future__ import annotations

import re

import pytest

from bn2gn_codemod.generated.freezing import pattern_of
from tests.training.test_certain_freezes import plan_of

_MODEL = """
from toolkit import Around, EMA
from torch.quantization import QuantWrapper
from torchvision.models import detection
from torchvision.models.segmentation import DeepLabV3


class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.{name} = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))
        self.out_channels = 8


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = {made}


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Trunk()
        self.ema = EMA(self.inner)


def build():
    net = {made}
    return net


def by_name():
    return detection.RetinaNet(num_classes=5, backbone=Trunk())
"""


def _frozen(built: str, made: str = "Trunk()", name: str = "body") -> list[re.Pattern[str]]:
    plan = plan_of(_MODEL.format(made=made, name=name), built)
    return [
        re.compile(pattern_of(freeze.backbone, freeze.wrappers))
        for file in plan.files
        for freeze in file.freezes
    ]


@pytest.mark.parametrize(
    ("built", "made", "prefix"),
    [
        ("model.build()", "detection.FasterRCNN(Trunk(), 5)", "backbone."),
        ("model.build()", "DeepLabV3(Trunk(), nn.Conv2d(8, 5, 1))", "backbone."),
        ("model.build()", "nn.Sequential(Trunk(), nn.Flatten())", "0."),
        ("model.build()", "QuantWrapper(Trunk())", "module."),
        ("model.build()", "Trunk()", ""),
        ("model.by_name()", "Trunk()", "backbone."),
        ("model.Net()", "detection.MaskRCNN(Trunk(), 5)", "inner.backbone."),
        ("model.Net()", "Trunk()", "inner."),
        ("model.Twice()", "Trunk()", "inner."),
    ],
)
def test_what_is_in_front_of_the_names(built: str, made: str, prefix: str) -> None:
    (pattern,) = _frozen(built, made)
    assert pattern.match(f"{prefix}body.layer1.0.bn1")
    assert not pattern.match(f"{prefix}neck.1")


@pytest.mark.parametrize(
    ("built", "made", "name"),
    [
        ("model.build()", "Around(Trunk())", "body"),
        ("model.Net()", "Around(Trunk())", "body"),
        # ``backbone.neck`` would be frozen as well.
        ("model.build()", "detection.FasterRCNN(Trunk(), 5)", "backbone"),
    ],
)
def test_names_that_are_not_known(built: str, made: str, name: str) -> None:
    assert _frozen(built, made, name) == []
