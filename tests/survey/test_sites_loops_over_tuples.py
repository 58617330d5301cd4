"""A loop over a variable that holds a tuple, as one over the tuple itself."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

NET = """\
import scipy.io
class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(3, 8, 11), nn.BatchNorm2d(8))  #! FIRST
        self.conv2 = nn.Sequential(nn.Conv2d(8, 8, 5), nn.BatchNorm2d(8))  #! FIRST
class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch = Branch()
def load(path, net):
    values = [torch.from_numpy(one) for one in scipy.io.loadmat(path)["values"]]
"""
FILL = """\
        part[0].weight.data[:] = values[0]
        part[1].weight.data[:] = values[1]
        part[1].running_mean[:] = values[2]
net = Siamese()
load("net.mat", net)
"""


@pytest.mark.parametrize(
    "loop",
    [
        "    for part in (net.branch.conv1, net.branch.conv2):\n",
        "    parts = (net.branch.conv1, net.branch.conv2)\n    for part in parts:\n",
        "    parts = net.branch.conv1, net.branch.conv2\n    for i, part in enumerate(parts):\n",
    ],
)
def test_layers_in_a_tuple_are_filled(loop: str) -> None:
    check(NET.replace("FIRST", "keep") + loop + FILL)


@pytest.mark.parametrize(
    "loop",
    [
        # Another tuple may be there.
        "    parts = (net.branch.conv1, net.branch.conv2)\n    parts = other(parts)\n"
        "    for part in parts:\n",
        # The tuple is one part of what the loop goes over.
        "    parts = [(net.branch.conv1, net.branch.conv2)]\n    for part, _ in other:\n",
        "    parts = (net.branch.conv1, net.branch.conv2)\n    for part in other:\n",
    ],
)
def test_loops_over_something_else(loop: str) -> None:
    check(NET.replace("FIRST", "unknown") + loop + FILL)


def test_pairs_in_a_variable_are_told_apart() -> None:
    check("""\
import torchvision
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        parts = (("first", nn.BatchNorm2d(8)), ("second", nn.Conv2d(8, 8, 1)))  #! convert
        for name, part in parts:
            self.add_module(name, part)
        self.backbone = torchvision.models.resnet18(pretrained=True)
""")
