"""Activations that come out of the same dict as a norm class: they are no norm layers."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

NET = """\
def pick_act(given, default="relu"):
    return given.pop("act_layer", default)
class Unit(nn.Module):
    def __init__(self, c, act_layer=nn.ReLU, norm_layer=nn.Identity):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3)
        self.bn = norm_layer(c)  #! keep
        self.act = {act}
class Net(nn.Module):
    def __init__(self, act_layer=nn.ReLU, norm_layer=nn.Identity):
        super().__init__()
        self.blocks = nn.Sequential(*[Unit(8, act_layer, norm_layer) for _ in range(3)])
def make(**given):
    model = Net(act_layer=pick_act(given), **given)
    model.load_state_dict(torch.hub.load_state_dict_from_url("https://x.org/net.pth"))
    return model
class Seg(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = make(act_layer=nn.ReLU, norm_layer=nn.BatchNorm2d){named}
"""


@pytest.mark.parametrize("said", ["inplace=True", "inplace=c > 8", "inplace=True, dtype=None"])
def test_an_activation_has_no_channels(said: str) -> None:
    check(NET.format(act=f"act_layer({said})", named="  #! keep"))


@pytest.mark.parametrize(
    "said",
    ["c", "num_features=c", "c, inplace=True", "num_features=c, inplace=True", "**{'eps': c}", ""],
)
def test_what_may_be_a_norm_layer(said: str) -> None:
    check(NET.format(act=f"act_layer({said})  #! keep", named="  #! keep"))


def test_a_class_of_the_repository_may_be_anything() -> None:
    check(
        """\
        class ABN(nn.BatchNorm2d):
            def __init__(self, channels=8, inplace=False):
                super().__init__(channels)
        class Net(nn.Module):
            def __init__(self, norm=ABN):  #! keep
                super().__init__()
                self.bn = norm(inplace=True)  #! keep
        class Seg(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = Net()
        """
    )
