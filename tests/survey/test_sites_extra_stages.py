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
