"""Names that are taken out of strings which are written out: ``eval(name.split("_x")[0])``."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

NET = """\
-- config.py --
class Config:
    def __init__(self, name="Pool"):
        self.squeeze = {squeeze}
-- net.py --
from torchvision.models import resnet50
from config import Config
class Block(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.bn = nn.BatchNorm2d(b)  #! {block}
class Pool(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.bn = nn.BatchNorm2d(b)  #! {pool}
class Trunk(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.bn = nn.BatchNorm2d(b)  #! keep
def trunk(name="a", pretrained=True):
    net = Trunk(3, 8)
    net.load_state_dict(torch.hub.load_state_dict_from_url("https://e.org/trunk.pth"))
    return net
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.config = Config()
        self.backbone = trunk("trunk")
        self.squeeze = nn.Sequential(*[{made}(8, 8) for _ in range(3)])
"""
CUT = 'eval(self.config.squeeze.split("_x")[0])'


def net(squeeze: str, made: str = CUT, block: str = "convert", pool: str = "convert") -> str:
    return NET.format(squeeze=squeeze, made=made, block=block, pool=pool)


@pytest.mark.parametrize(
    "text",
    [
        net('["", "Block_x1", "Pool_x3"][1]'),
        net('["Block", "Pool"][0]', "eval(self.config.squeeze)"),
        net('["Block", "Pool"][name == "a"]', "eval(self.config.squeeze)"),
        net('["a_Block", "b_Pool"][0]', 'eval(self.config.squeeze.split("_")[1])'),
        net('["a_Block", "b_Pool"][0]', 'globals()[self.config.squeeze.split("_")[1]]'),
    ],
)
def test_strings_of_the_repository_are_the_names_that_there_may_be(text: str) -> None:
    check(text)


def test_one_string() -> None:
    check(net('"Block_x3"', pool="unknown"))


@pytest.mark.parametrize(
    "text",
    [
        # Any name may be meant, that of the network among them:
        net('["Block_x1", name][0]'),
        net('f"{name}_x1"'),
        net('["Block_x1", "Pool_x1"][0]', 'eval(self.config.squeeze.rsplit("_x", 1)[0])'),
        net('["Block_x1", "Pool_x1"][0]', "eval(self.config.squeeze.split()[0])"),
        net('["Block_x1", "Pool_x1"][0]', 'eval(self.config.squeeze.split("_x", 2)[0])'),
        net('["Block_x1", "Pool_x1"][0]', 'eval(self.config.squeeze.split("_x")[int()])'),
        net('["Block_x1", "Pool_x1"][0]', 'eval(self.config.squeeze.split("_x")[5])'),
    ],
)
def test_other_strings_may_be_any_name(text: str) -> None:
    check(text.replace("#! convert", "#! conflict"))


def test_name_of_the_network_among_the_strings() -> None:
    check(net('["Block_x1", "trunk_x1"][0]', block="conflict", pool="unknown"))
