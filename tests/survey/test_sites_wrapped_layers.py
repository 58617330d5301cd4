"""Layers that code wraps and puts back where they were: ``setattr(owner, name, wrapped)``."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

REPOSITORY = """\
import functools
import torchvision
from torch.utils.model_zoo import load_url
class Pad(nn.Module):
    def forward(self, x):
        return x
def wrap(net):
    for name, m in net.named_modules():
        if isinstance(m, nn.Conv2d):
            names = name.split(".")
            root = functools.reduce(lambda one, part: getattr(one, part), [net] + names[:-1])
            setattr(root, names[-1], nn.Sequential(Pad(), m))
{network}
class Squeeze(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))  #! {squeeze}
class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.feature_extractor = Resnet()
        self.reduce = Squeeze()
        {puts}
"""
AROUND = """\
class Resnet(nn.Module):
    def __init__(self, kind="resnet50"):
        super().__init__()
        self.encoder = getattr(torchvision.models, kind)(pretrained=True)
"""
OWN = """\
class Resnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))
        self.load_state_dict(load_url("https://download.pytorch.org/models/resnet18-5c106cde.pth"))
"""


def repository(puts: str, network: str = AROUND, squeeze: str = "convert") -> str:
    return REPOSITORY.format(puts=puts, network=network, squeeze=squeeze)


@pytest.mark.parametrize("puts", ["pass", "wrap(self)"])
def test_what_is_wrapped_where_it_was_is_what_it_was(puts: str) -> None:
    check(repository(puts))


def test_backbone_whose_layers_are_wrapped_is_never_converted() -> None:
    plan = plan_of(repository("wrap(self)", OWN))
    assert {site.verdict for site in plan.sites if site.class_ == "Resnet"} <= {"keep", "conflict"}


def test_network_under_a_name_that_is_computed_alone_is_not_one_that_is_known() -> None:
    second = f"{AROUND}class VGG(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    second += "        self.bn = nn.BatchNorm2d(8)\n"
    plan = plan_of(repository("for name in cfg: setattr(self, name, VGG())", second))
    [site] = [site for site in plan.sites if site.class_ == "VGG"]
    assert site.verdict == "unknown"
