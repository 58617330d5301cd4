"""An attribute that holds the model around it: no backbone of the part that has it."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

NETWORK = """\
from torch.utils.model_zoo import load_url
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {block}
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = Block()
        self.layer2 = Block()
        self.layer3 = Block()
        self.load_state_dict(load_url('https://download.pytorch.org/models/resnet18.pth'), False)
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = ResNet()
        self.head = nn.Sequential(nn.BatchNorm2d(8))  #! convert
        {line}
model = Model()
"""


@pytest.mark.parametrize(
    ("line", "block"),
    [
        ("self.cnn.layer1.model = self", "keep"),
        ("self.cnn.layer1.around = [self]", "keep"),
        ("self.cnn.layer1.network = self.cnn", "keep"),
        ("self.extra = Block()", "conflict"),
    ],
)
def test_model_in_a_block_of_its_backbone(line: str, block: str) -> None:
    check(NETWORK.format(line=line, block=block))


def test_whole_model_that_a_function_makes_and_resumes_in_a_block_of_it() -> None:
    check(
        """\
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! unknown
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.Sequential(Block(), Block())
def net(path):
    model = Net()
    model.load_state_dict(torch.load(path))
    for block in model.parts:
        block.anchors = model
    return model
net('last.pth')
"""
    )


def test_part_that_holds_a_network_which_does_not_hold_it() -> None:
    check(
        NETWORK.format(line="self.inner = Wrapper()", block="keep")
        + """\
class Wrapper(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = ResNet()
        self.neck = nn.Sequential(nn.BatchNorm2d(8))  #! convert
"""
    )
