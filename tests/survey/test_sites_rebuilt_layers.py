"""Layers that a model puts in the place of its own, with the weights that were there."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

MODEL = """\
from elsewhere import Fused
class Unit(nn.Sequential):
    def __init__(self):
        super().__init__()
        self.add_module("conv", nn.Conv2d(8, 8, 3))
        self.add_module("norm", nn.BatchNorm2d(8))  #! {verdict}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = nn.ModuleList([Unit(), Unit()])
        self.up = nn.ModuleList([Unit()])
        self.last = Unit()
    def rebuild(self, other=None):
        for i in range(2):
{code}
net = Net()
net.base.load_state_dict(torch.load("base.pth"))
optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""


def model(verdict: str, code: str) -> str:
    lines = "\n".join(" " * 12 + line for line in code.splitlines())
    return MODEL.format(verdict=verdict, code=lines)


@pytest.mark.parametrize(
    "code",
    [
        "old = self.up[i]\nself.up[i] = Fused(8)\nself.up[i].weight[:, :] = old[0].weight[:, :]\n"
        "self.up[i].bias[:] = old[0].bias[:]",
        "old = self.up[i]\nself.up[i] = Fused(8)\nself.up[i].weight.data.copy_(old[0].weight)",
        "old = self.last\nself.last = Fused(8)\nself.last.conv.weight.data = old[0].weight.data",
        "if i:\n    old = self.base[i]\n    self.base[i].weight[:] = old[0].weight[:]\n"
        "else:\n    old = self.up[i]\n    self.up[i].weight[:] = old[0].weight[:]",
    ],
)
def test_layers_that_take_the_place_of_the_model_s_own(code: str) -> None:
    check(model("conflict", code))


@pytest.mark.parametrize(
    "code",
    [
        # They come from another part, which may be loaded,
        "old = self.base[i]\nself.up[i][0].weight[:] = old[0].weight[:]",
        "self.up[i][0].weight[:] = self.base[i][0].weight[:]",
        "old = self.base\nself.up[i][0].weight.data.copy_(old[0][0].weight)",
        # from another model,
        "old = self.up[i]\nold = other.base[i]\nself.up[i][0].weight[:] = old[0].weight[:]",
        # or from one of several.
        "for old in self.base:\n    self.up[i][0].weight[:] = old[0].weight[:]",
        "old = self.up[i]\nwith other as old:\n    self.up[i][0].weight[:] = old[0].weight[:]",
        "old = self.up[i]\nself.up[i][0].weight[:] = old[0].weight[:] + self.base[i][0].weight",
    ],
)
def test_layers_that_get_weights_of_others(code: str) -> None:
    check(model("keep", code))


def test_layer_that_may_get_what_another_one_had_is_loaded() -> None:
    check(
        """\
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(8)  #! keep
        self.load_state_dict(torch.hub.load_state_dict_from_url("https://example.org/r.pth"))
class Model(nn.Module):
    def __init__(self, share):
        super().__init__()
        self.backbone = Trunk()
        self.depth = nn.BatchNorm2d(8)  #! keep
        self.extra = nn.BatchNorm2d(8)  #! convert
        source = self.depth
        if share:
            source = self.backbone.norm
        self.depth.weight = source.weight
        self.depth.running_mean = source.running_mean
"""
    )
