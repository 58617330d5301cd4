"""Inception v3 that is written out, with what a tracker or a segmenter adds to it."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

NET = """\
class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
class Inception3(nn.Module):
    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = Conv()
        self.{mixed} = Conv()
        self.{name} = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Inception3()
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
def load_pretrain(model, path):
    model.load_state_dict(torch.load(path), strict={strict})
net = Net()
load_pretrain(net.backbone, "pretrained_models/inception_v3.pth")
"""


@pytest.mark.parametrize(
    ("name", "strict", "verdict"),
    [
        ("channel_reduce", False, "unknown"),
        ("adjust", False, "unknown"),
        # It is in the file, by its name or because the load is strict.
        ("Mixed_6e", False, "keep"),
        ("Conv2d_2b_3x3", False, "keep"),
        ("channel_reduce", True, "keep"),
    ],
)
def test_what_is_added_to_it(name: str, strict: bool, verdict: str) -> None:
    check(NET.format(mixed="Mixed_5b", name=name, strict=strict, verdict=verdict))


def test_a_network_of_no_known_family_is_loaded_as_a_whole() -> None:
    text = NET.format(mixed="Mixed_5b", name="channel_reduce", strict=False, verdict="keep")
    check(text.replace("Conv2d_1a_3x3", "begin"))
