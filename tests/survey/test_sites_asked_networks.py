"""``isinstance(net, torchvision.models.ResNet)``: no class of the repository's own comes there."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

MODEL = """\
-- model.py --
{imports}
from incep import inception
from put import put_in
class Video(nn.Module):
    def __init__(self, name):
        super().__init__()
        if "resnet" in name:
            self.base_model = getattr(torchvision.models, name)(True)
            put_in(self.base_model)
        else:
            self.base_model = inception()
        self.new_fc = nn.Linear(8, 10)
-- incep.py --
class BNInception({base}):
    def __init__(self):
        super().__init__()
        self.conv1_bn = nn.BatchNorm2d(64)  #! {own}
        self.fc = nn.Linear(64, 1000)
def inception():
    model = BNInception()
    model.load_state_dict(torch.hub.load_state_dict_from_url("http://x.org/incep.pth"))
    return model
-- put.py --
import torchvision
class Attend(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.w = nn.Sequential(nn.Conv2d(c, c, 1), nn.BatchNorm2d(c))  #! {put_in}
class Wrap(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.block = block
        self.att = Attend(8)
def put_in(net):
    if {test}:
        net.layer1 = nn.Sequential(Wrap(net.layer1[0]), net.layer1[1])
        net.layer2 = nn.Sequential(Wrap(net.layer2[0]), net.layer2[1])
        net.layer3 = nn.Sequential(Wrap(net.layer3[0]), net.layer3[1])
-- ops.py --
import torchvision
__all__ = {listed}
"""


def model(test: str, put_in: str, **given: str) -> str:
    usual = {"imports": "import torchvision", "listed": "[]", "base": "nn.Module", "own": "keep"}
    return MODEL.format(**{**usual, **given}, test=test, put_in=put_in)


ASKED = "isinstance(net, torchvision.models.ResNet)"


@pytest.mark.parametrize(
    "test",
    [
        ASKED,
        f"{ASKED} and net.training",
        "isinstance(net, (torchvision.models.ResNet, torchvision.models.resnet.ResNet))",
    ],
)
@pytest.mark.parametrize("imports", ["import torchvision", "from ops import *"])
def test_part_that_is_put_into_a_network_of_a_library(test: str, imports: str) -> None:
    check(model(test, "unknown", imports=imports, listed="['torchvision']"))


@pytest.mark.parametrize(
    ("test", "base"),
    [
        # the very network, or what extends one
        ("isinstance(net, torchvision.models.ResNet)", "torchvision.models.ResNet"),
        ("isinstance(net, torchvision.models.ResNet)", "torchvision.models.Inception3"),
        # what may be a class of the repository
        ("isinstance(net, nn.Module)", "nn.Module"),
        ("isinstance(net, (torchvision.models.ResNet, nn.Module))", "nn.Module"),
        ("isinstance(net, torchvision.models.ResNet) or net", "nn.Module"),
        ("not isinstance(net, torchvision.models.ResNet)", "nn.Module"),
        ("net", "nn.Module"),
    ],
)
def test_part_that_may_be_put_into_the_own_network(test: str, base: str) -> None:
    own, part = plan_of(model(test, "unknown", base=base)).sites
    assert "BNInception.layer1 holds" in own.reasons[0]
    assert (part.class_, part.verdict) == ("Attend", "conflict")
