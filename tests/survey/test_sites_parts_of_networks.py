"""Models around parts of a repository's own pretrained network: ``vgg16().features``."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

NETWORK = """\
from torch.utils import model_zoo
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.fc = nn.Linear(8, 10)
def resnet18(pretrained=True):
    net = ResNet()
    if pretrained:
        net.load_state_dict(model_zoo.load_url('https://host/resnet18.pth'))
    return net
"""
FINISHED = """\
def get_model(pretrained=False):
    model = Segmenter()
    if pretrained:
        model.load_state_dict(torch.load('segmenter.pth'))
    return model
"""


@pytest.mark.parametrize(
    "model",
    [
        """\
class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.pretrained = nn.Sequential(resnet18().layer1, resnet18().layer2)
        self.top = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
""",
        """\
class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        net = resnet18()
        self.conv1, self.bn1 = net.conv1, net.bn1
        self.layer1 = net.layer1
        self.top = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
""",
        # One level deeper.
        """\
class ContextPath(nn.Module):
    def __init__(self):
        super().__init__()
        net = resnet18()
        self.layer1, self.layer2 = net.layer1, net.layer2
class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.context = ContextPath()
        self.top = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
""",
    ],
)
def test_a_file_for_the_whole_model_is_no_backbones(model: str) -> None:
    check(NETWORK + model + FINISHED)


def test_blocks_of_the_same_class_are_no_parts_of_the_network() -> None:
    check(
        """\
        from torch.utils import model_zoo
        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! conflict
        class ResNet(nn.Module):
            def __init__(self, block):
                super().__init__()
                self.layer1 = block()
                self.layer2 = block()
                self.layer3 = block()
                self.load_state_dict(model_zoo.load_url('https://host/resnet18.pth'))
        class Segmenter(nn.Module):
            def __init__(self):
                super().__init__()
                self.pretrained = Block()
                self.top = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! unknown
        def get_model(pretrained=False):
            model = Segmenter()
            if pretrained:
                model.load_state_dict(torch.load('segmenter.pth'))
            return model
        net = ResNet(Block)
        """
    )
