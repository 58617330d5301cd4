"""Networks that are cut up: slices of their children under other names."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

URL = "load_url('https://download.pytorch.org/models/vgg16_bn-6c64b313.pth')"
HEAD = """\
class Head(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! convert
"""
RESNET = f"""\
-- networks.py --
from torch.utils.model_zoo import load_url
class BasicBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(c)  #! keep
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(64)  #! keep
        self.layer1 = nn.Sequential(BasicBlock(64), BasicBlock(64))
        self.layer2 = nn.Sequential(BasicBlock(64), BasicBlock(64))
        self.layer3 = nn.Sequential(BasicBlock(64), BasicBlock(64))
def network():
    model = ResNet()
    model.load_state_dict({URL})
    return model
"""
VGG = f"""\
-- networks.py --
from torch.utils.model_zoo import load_url
def make_layers(cfg):
    layers = []
    for c in cfg:
        layers += [nn.Conv2d(c, c, 3), nn.BatchNorm2d(c), nn.ReLU()]  #! keep
    return nn.Sequential(*layers)
class VGG(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.features = features
        self.classifier = nn.Linear(512, 10)
def network():
    model = VGG(make_layers([64, 128]))
    model.load_state_dict({URL})
    return model
"""
MODEL = """\
-- model.py --
from networks import network
def parts():
    net = network()
    first = nn.Sequential(*list(net.children()){item}[0:3])
    second = nn.Sequential(*list(net.children()){item}[3:6])
    return first, second, {last}
class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.div_1, self.div_2, self.div_3 = parts()
        self.head = Head(8)
"""
SCRIPT = """\
-- train.py --
from model import Segmenter
def main(loader):
    model = Segmenter()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x in loader:
        model(x)
"""


@pytest.mark.parametrize(
    ("network", "item", "last"), [(RESNET, "", "net.layer3"), (VGG, "[0]", "net.features[6:]")]
)
def test_slices_of_the_children_of_a_network(network: str, item: str, last: str) -> None:
    """Each is backbone, also one that seems to hold as much as the part beside it."""
    text = MODEL.format(item=item, last=last) + HEAD + network
    check(text)
    [script] = plan_of(text + SCRIPT).train_scripts
    assert script.backbone == ("div_1", "div_2", "div_3")


def test_helper_that_makes_layers_for_a_network_and_for_others() -> None:
    """What it makes elsewhere was not taken out of the network."""
    shared = VGG.replace("#! keep", "#! conflict")
    check(
        f"""\
-- model.py --
from networks import network, make_layers
class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = network()
        self.extra = make_layers([8])
        self.head = Head(8)
{HEAD}{shared}"""
    )


@pytest.mark.parametrize(
    ("kept", "verdict"),
    [("self.features[0:4]", "keep"), ("[Block(8)]", "conflict"), ("[self.other]", "conflict")],
)
def test_slices_of_blocks_that_are_containers_themselves(kept: str, verdict: str) -> None:
    """``self.features[0:4]`` may seem to be a slice of a block in it."""
    other = "self.other = Block(8)" if "other" in kept else "pass"
    check(
        f"""\
class Block(nn.Sequential):
    def __init__(self, c):
        super().__init__(nn.Conv2d(c, c, 3), nn.BatchNorm2d(c))  #! {verdict}
class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        {other}
        self.features = nn.Sequential(*[Block(8) for _ in range(4)])
        self.stages = [{kept}]
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = MobileNet()
def load_pretrained(model, path):
    model.encoder.load_state_dict(torch.load(path), strict=False)
load_pretrained(Model(), 'w.pth')
"""
    )
