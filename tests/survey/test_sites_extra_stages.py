"""A fifth layer of a ResNet: a stage, or what a model adds behind the four that there are."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_NET = """\
from torch.utils.model_zoo import load_url
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {head}
class ResNetSeg(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = {stage}
        self.layer2 = {stage}
        self.layer3 = {stage}
        self.layer4 = {stage}
        self.layer5 = {last}
        self.load_state_dict(load_url(path), strict={strict})
class Seg(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.net = ResNetSeg(path)
        self.more = Head()
"""


@pytest.mark.parametrize(
    ("last", "head"),
    [
        ("Head()", "unknown"),
        ("nn.Sequential(nn.Conv2d(8, 8, 1), Head())", "unknown"),
        # A block as in the others, and something besides.
        ("nn.Sequential(Block(), Head())", "conflict"),
        ("Block()", "convert"),
    ],
)
def test_a_constructor_makes_blocks_of_every_kind(last: str, head: str) -> None:
    check(_NET.format(stage="nn.Sequential(Block())", last=last, head=head, strict=False))


def test_a_strict_load_fills_a_fifth_layer_of_any_kind() -> None:
    text = _NET.format(stage="Block()", last="Head()", head="conflict", strict=True)
    check(text)


@pytest.mark.parametrize("last", ["nn.BatchNorm2d(8)", "nn.Sequential(nn.Conv2d(8, 8, 1), {})"])
def test_plain_layers_of_a_constructor_are_of_one_kind(last: str) -> None:
    stage = "nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))"
    text = _NET.format(
        stage=f"{stage}  #! keep",
        last=last.format("nn.BatchNorm2d(8)") + "  #! keep",
        head="convert",
        strict=False,
    )
    check(text.replace("nn.BatchNorm2d(8)  #! keep\nclass Head", "nn.Identity()\nclass Head"))


_OWN_FILE = """\
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Other(nn.Module):
    def __init__(self, norm=None):
        super().__init__()
        self.bn = nn.Conv2d(8, 8, 1)
class Encoder(nn.Module):
    def __init__(self, block, depths):
        super().__init__()
        self.conv1 = Spectral(nn.Conv2d(3, 8, 1))
        self.layer1 = self._make(block, 8, depths[0])
        self.layer2 = self._make(block, 8, depths[1])
        self.layer3 = self._make(block, 8, depths[2])
        {last}
    def _make(self, block, planes, depth):
        return nn.Sequential(*[block() for _ in range(depth)])
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder(Block, [2, 2, 2, 2])
def load_imagenet_pretrained(model, path):
    state = torch.load(path)
    weight = state["{key}"]
    model.encoder.load_state_dict(state, strict=False)
def main(path):
    model = Model()
    load_imagenet_pretrained(model, path)
"""
_LAST = "self.layer_bottleneck = self._make(block, 8, depths[3])"


def _own_file(verdict: str, last: str = _LAST, key: str = "conv1.module.weight_u") -> str:
    return _OWN_FILE.format(verdict=verdict, last=last, key=key)


def test_fourth_stage_by_another_name_in_a_file_of_the_very_network() -> None:
    check(_own_file("keep"))


@pytest.mark.parametrize(
    ("last", "key"),
    [
        (_LAST, "conv1.weight"),  # as any ResNet's file has
        ("self.layer_context = self._make(block, 8, depths[0])", "conv1.module.weight_u"),
        ("self.layer_context = self._make(block, 8, 3)", "conv1.module.weight_u"),
        ("self.layer_context = self._more(block, 8, depths[3])\n    def _more(self, block, c, n):\n"
         "        return nn.Sequential(block())", "conv1.module.weight_u"),
        ("self.layer4 = self._make(block, 8, depths[3])\n"
         "        self.layer_context = self._make(block, 8, depths[3])", "conv1.module.weight_u"),
        ("self.layer_context = self._make(block, 8, depths[3])\n"
         "        self.layer_context = nn.Sequential(block())", "conv1.module.weight_u"),
    ],
)  # fmt: skip
def test_what_is_not_made_like_the_fourth_stage_or_may_be_in_no_file(last: str, key: str) -> None:
    check(_own_file("conflict", last, key))
