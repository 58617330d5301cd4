"""Layers that other code puts in the place of a part of a network that was loaded."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

_LOADED = """\
from torch.utils.model_zoo import load_url
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.fc = nn.Linear(8, 8)
def resnet(pretrained=True):
    model = ResNet()
    if pretrained:
        model.load_state_dict(load_url('https://example.com/resnet.pth'))
    return model
"""


@pytest.mark.parametrize(
    "text",
    [
        # The head of a loaded network is replaced.
        """\
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                net = resnet(pretrained=True)
                net.fc = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
                self.resnet8s = net
                self.out = nn.BatchNorm2d(8)  #! convert
        """,
        """\
        class Neck(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! convert
        def make_neck():
            return Neck()
        def main():
            net = resnet()
            net.fc = make_neck()
            return net
        """,
        # Parts of the network itself are handed about.
        """\
        def main():
            net = resnet()
            net.low = net.layer1
            net.high = nn.Sequential(net.layer2, net.layer3)
        """,
        # It is replaced before the load, or nobody knows.
        """\
        def main():
            net = ResNet()
            net.fc = nn.Sequential(nn.BatchNorm2d(8))  #! keep
            net.load_state_dict(load_url('https://example.com/whole.pth'))
        """,
        """\
        net = ResNet()
        def add_head():
            net.fc = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        def load():
            net.load_state_dict(load_url('https://example.com/whole.pth'))
        """,
        # All of the model around it is loaded from a URL as well.
        """\
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = resnet(pretrained=True)
                self.net.fc = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        def net():
            model = Net()
            model.load_state_dict(load_url('https://example.com/net.pth'))
            return model
        """,
    ],
)
def test_what_other_code_puts_into_a_loaded_network(text: str) -> None:
    check(_LOADED + textwrap.dedent(text))
