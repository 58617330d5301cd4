"""Weights that are loaded into one attribute, beside others that hold the same."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

BLOCK = """\
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {}
"""
STACK = """\
def stack(cfg):
    return nn.Sequential(*[nn.BatchNorm2d(c) for c in cfg])  #! {}
"""


@pytest.mark.parametrize(
    "body",
    [
        # Neither is there anything in the other one...
        """\
        self.stage = Block()
        self.part = Block()
        self.init_pretrained('stage.pt')
    def init_pretrained(self, path):
        self.trunk.load_state_dict(torch.load('trunk.pt'))
        self.stage.load_state_dict(torch.load(path))
        """,
        # ... nor is it a list of both.
        """\
        self.stage, self.part = Block(), Block()
        self.both = nn.ModuleList([self.stage, self.part])
        self.load_pretrained()
    def load_pretrained(self):
        self.stage.load_state_dict(torch.load('stage.pt'), strict=True)
        """,
        # One function makes both.
        """\
        self.stage = self.make()
        self.part = self.make()
        self.load_pretrained()
    def make(self):
        return Block()
    def load_pretrained(self):
        self.stage.load_state_dict(torch.load('stage.pt'), strict=True)
        """,
    ],
)
def test_one_of_several_of_a_class_is_loaded(body: str) -> None:
    plan = check(_model(BLOCK.format("conflict"), body))
    (site,) = (site for site in plan.sites if site.verdict == "conflict")
    assert "Model.stage loads weights by torch.load" in site.reasons[0]


@pytest.mark.parametrize(
    "body",
    [
        # All of them are loaded, by one function or by several.
        """\
        self.stage = Block()
        self.part = Block()
        self.init_pretrained('stage.pt')
    def init_pretrained(self, path):
        self.stage.load_state_dict(torch.load(path))
        self.part.load_state_dict(torch.load(path))
        """,
        # Nobody else has one; it is known by another name as well.
        """\
        self.stage = Block()
        self.alias = self.stage
        self.load_pretrained()
    def load_pretrained(self):
        self.stage.load_state_dict(torch.load('stage.pt'))
        """,
        # The class loads itself wherever it is.
        """\
        self.stage = Loads()
        self.part = Loads()
class Loads(Block):
    def __init__(self):
        super().__init__()
        self.load_state_dict(torch.load('block.pt'))
        """,
        # No attribute is named.
        """\
        self.stage = Block()
        self.part = Block()
        self.load_pretrained()
    def load_pretrained(self):
        for part in [self.stage, self.part]:
            part.load_state_dict(torch.load('stage.pt'))
        """,
    ],
)
def test_all_of_a_class_are_loaded(body: str) -> None:
    check(_model(BLOCK.format("keep"), body))


def test_what_was_added_to_one_of_several_networks_is_still_told() -> None:
    check("""\
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7)
        self.bn1 = nn.BatchNorm2d(8)  #! conflict
        self.layer1 = nn.BatchNorm2d(8)  #! conflict
        self.layer2 = nn.BatchNorm2d(8)  #! conflict
        self.layer3 = nn.BatchNorm2d(8)  #! conflict
        self.layer4 = nn.BatchNorm2d(8)  #! conflict
        self.fusion_neck = nn.BatchNorm2d(8)  #! convert
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rgb = ResNet()
        self.depth = ResNet()
        self.load_pretrained()
    def load_pretrained(self):
        self.rgb.load_state_dict(torch.load('resnet.pt'), strict=False)
""")


@pytest.mark.parametrize(
    "body",
    [
        """\
        self.front = stack([8, 8])
        self.back = stack([8])
        vgg = torchvision.models.vgg16_bn(pretrained=True)
        self.front.load_state_dict(vgg.features[:2].state_dict())
        """,
        # Entry by entry.
        """\
        self.front = stack([8, 8])
        self.back = stack([8])
        vgg = torchvision.models.vgg16_bn(pretrained=True)
        theirs = list(vgg.state_dict().items())
        for i in range(len(theirs)):
            list(self.front.state_dict().items())[i][1].data[:] = theirs[i][1].data[:]
        """,
        """\
        self.front = stack([8, 8])
        self.back = stack([8])
        vgg = torchvision.models.vgg16_bn(pretrained=True)
        for key, value in vgg.state_dict().items():
            self.front.state_dict()[key].copy_(value)
        """,
        # A method of its own, which hands on what the function makes.
        """\
        self.front = self.make([8, 8])
        layers = self.make([8])
        self.back = layers
        vgg = torchvision.models.vgg16_bn(pretrained=True)
        self.front.load_state_dict(vgg.features[:2].state_dict())
    def make(self, cfg):
        return stack(cfg)
        """,
    ],
)
def test_one_of_several_that_a_function_makes_is_loaded(body: str) -> None:
    plan = check(_model(STACK.format("conflict"), body))
    reasons = " ".join(next(s for s in plan.sites if s.verdict == "conflict").reasons)
    assert "Model.front loads weights by copying" in reasons
    assert "Model.back" in reasons


@pytest.mark.parametrize(
    "body",
    [
        """\
        self.front = stack([8, 8])
        self.back = stack([8])
        vgg = torchvision.models.vgg16_bn(pretrained=True)
        for key, value in vgg.state_dict().items():
            self.front.state_dict()[key].copy_(value)
            self.back.state_dict()[key].copy_(value)
        """,
        """\
        self.front = stack([8, 8])
        self.back = self.front
        vgg = torchvision.models.vgg16_bn(pretrained=True)
        for key, value in vgg.state_dict().items():
            self.front.state_dict()[key].copy_(value)
        """,
        # Both are loaded, or one is the other.
        """\
        self.front = stack([8, 8])
        self.back = stack([8])
        vgg = torchvision.models.vgg16_bn(pretrained=True)
        self.front.load_state_dict(vgg.features[:2].state_dict())
        self.back.load_state_dict(vgg.features[2:3].state_dict())
        """,
        """\
        self.front = stack([8, 8])
        self.back = self.front
        vgg = torchvision.models.vgg16_bn(pretrained=True)
        self.front.load_state_dict(vgg.features[:2].state_dict())
        """,
        """\
        both = stack([8, 8])
        self.front, self.back = both, nn.Sequential(both, nn.ReLU())
        vgg = torchvision.models.vgg16_bn(pretrained=True)
        self.front.load_state_dict(vgg.features[:2].state_dict())
        """,
    ],
)
def test_both_that_a_function_makes_are_loaded(body: str) -> None:
    check(_model(STACK.format("keep"), body))


def _model(parts: str, body: str) -> str:
    return f"""\
import torchvision
{parts}
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
{body}
"""
