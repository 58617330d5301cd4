"""What code takes by its name out of an ``nn.Sequential`` that has names for its parts."""

from __future__ import annotations

import pytest

from tests.training.test_certain_freezes import plan_of

_MODEL = """
from collections import OrderedDict
from torch.utils import model_zoo


class SENet(nn.Module):
    def __init__(self):
        super().__init__()
        {layer0}
        self.layer1 = nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))
        self.layer2 = nn.Sequential(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))


class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 7)
        self.bn = nn.BatchNorm2d(4)
        self.pair = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))


class Group(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = Stem()


def senet(pretrained="imagenet"):
    model = SENet()
    if pretrained:
        model.load_state_dict(model_zoo.load_url("http://a.org/senet-1.pth"), strict=False)
    return model


class A(nn.Module):
    def __init__(self):
        super().__init__()
        encoder = senet()
        self.stem = {stem}
        self.body = nn.Sequential(encoder.layer1, encoder.layer2)
        self.top = {top}
"""
_PAIRS = "[('conv1', nn.Conv2d(3, 4, 7)), ('bn1', nn.BatchNorm2d(4)), ('relu1', nn.ReLU())]"
_STEM = "nn.Sequential(encoder.layer0.conv1, encoder.layer0.bn1, encoder.layer0.relu1)"
_WRITTEN = f"self.layer0 = nn.Sequential(OrderedDict({_PAIRS}))"


def _frozen(layer0: str, stem: str, top: str = "nn.Conv2d(4, 1, 1)") -> list[str]:
    plan = plan_of(_MODEL.format(layer0=layer0, stem=stem, top=top), "model.A()")
    return [name for script in plan.train_scripts if script.fix for name in script.backbone]


@pytest.mark.parametrize(
    ("layer0", "stem"),
    [
        (_WRITTEN, _STEM),
        (f"pairs = {_PAIRS}; self.layer0 = nn.Sequential(OrderedDict(pairs))", _STEM),
        (f"pairs = OrderedDict({_PAIRS}); self.layer0 = nn.Sequential(pairs)", _STEM),
        (_WRITTEN, "encoder.layer0.bn1"),
        (_WRITTEN, "getattr(encoder.layer0, 'bn1')"),
        (_WRITTEN, "getattr(encoder.layer0, f'bn{encoder.number}')"),
        (
            "self.layer0 = nn.Sequential(); self.layer0.add_module('bn1', nn.BatchNorm2d(4))",
            "encoder.layer0.bn1",
        ),
        (
            "self.layer0 = nn.Sequential()\n        for i in range(3):\n"
            "            self.layer0.add_module('bn%d' % i, nn.BatchNorm2d(4))",
            "encoder.layer0.bn1",
        ),
        (
            "parts = OrderedDict(); parts['bn1'] = nn.BatchNorm2d(4); "
            "self.layer0 = nn.Sequential(parts)",
            "encoder.layer0.bn1",
        ),
    ],
)
def test_a_part_that_is_taken_by_its_name(layer0: str, stem: str) -> None:
    assert sorted(_frozen(layer0, stem)) == ["body", "stem"]


@pytest.mark.parametrize(
    ("layer0", "stem"),
    [
        # It is another part, which has no norm layers,
        (_WRITTEN, "encoder.layer0.conv1"),
        (_WRITTEN, "nn.Sequential(encoder.layer0.conv1, nn.ReLU())"),
        (_WRITTEN, "getattr(encoder.layer0, f'conv{encoder.number}')"),
        # or nothing of it.
        (_WRITTEN, "encoder.layer0.bn2"),
        (_WRITTEN, "nn.Conv2d(encoder.layer0.in_channels, 4, 1)"),
        (f"self.layer0 = nn.Sequential(OrderedDict({_PAIRS})); self.bn1 = 8", "encoder.bn1"),
    ],
)
def test_other_parts_of_it(layer0: str, stem: str) -> None:
    assert _frozen(layer0, stem) == ["body"]


_OF_BLOCK = "nn.Sequential(encoder.layer0.conv, encoder.layer0.bn)"


@pytest.mark.parametrize(
    ("stem", "top"),
    [
        # Blocks are made by many: of which network one of their layers is, is not certain;
        (_OF_BLOCK, "nn.Conv2d(4, 1, 1)"),
        ("encoder.layer0.pair", "nn.Conv2d(4, 1, 1)"),
        (_OF_BLOCK, "Stem()"),
        ("Stem()", "nn.Conv2d(4, 1, 1)"),
        ("Group().stem.bn", "Stem()"),
        # what has none needs no freeze.
        ("encoder.layer0.conv", "nn.Conv2d(4, 1, 1)"),
    ],
)
def test_a_layer_of_a_block(stem: str, top: str) -> None:
    assert "stem" not in _frozen("self.layer0 = Stem()", stem, top)
