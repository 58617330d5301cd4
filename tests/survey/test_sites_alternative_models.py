"""Wrappers that take any model: that one of them is pretrained says nothing of the others."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_TINY = """\
-- tiny.py --
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {block}
class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.BatchNorm2d(8)  #! {tiny}
        self.fpn = Block()
"""
_TASK = """\
-- task.py --
import copy
import torchvision
import segmentation_models_pytorch as smp
from tiny import Tiny
class Task(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.{attribute} = {stored}
def build(cfg):
    if cfg.name == 'big':
        return {big}
    return Tiny()
def main(cfg):
    return Task(build(cfg))
"""


def _repository(
    tiny: str,
    attribute: str = "net",
    stored: str = "model",
    big: str = "torchvision.models.resnet18(pretrained=True)",
) -> str:
    task = _TASK.format(attribute=attribute, stored=stored, big=big)
    return _TINY.format(tiny=tiny, block=tiny) + task


@pytest.mark.parametrize(
    ("attribute", "stored", "big"),
    [
        ("net", "model", "torchvision.models.resnet18(pretrained=True)"),
        ("model", "model", "smp.Unet('resnet34', encoder_weights='imagenet')"),
        ("ema", "copy.deepcopy(model)", "smp.DeepLabV3('resnet34')"),
        ("net", "smp.Unet('resnet34') if model else Tiny()", "None"),
    ],
)
def test_a_model_beside_one_of_a_library(attribute: str, stored: str, big: str) -> None:
    check(_repository("unknown", attribute, stored, big))


def test_a_model_beside_one_that_loads_itself() -> None:
    big = """\
-- big.py --
class BigResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
        self.load_state_dict(torch.hub.load_state_dict_from_url('https://a.org/big.pth'))
"""
    text = _repository("unknown", big="BigResNet()").replace(
        "import copy", "from big import BigResNet"
    )
    check(text + big)


@pytest.mark.parametrize("attribute", ["backbone", "encoder", "features", "resnet"])
def test_where_the_attribute_is_the_backbone_it_is_one(attribute: str) -> None:
    check(_repository("keep", attribute).replace("fpn", "layer"))


def test_what_is_loaded_itself_is_pretrained() -> None:
    loads = (
        "        self.load_state_dict(torch.hub.load_state_dict_from_url('https://a.org/t.pth'))"
    )
    text = _repository("keep").replace("Tiny", "TinyResNet").replace("fpn", "layer1")
    check(text.replace("Block()\n", f"Block()\n{loads}\n"))


def test_parts_of_a_loaded_network_are_pretrained() -> None:
    check(
        """\
        class ResNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer1 = nn.Sequential(Block(), Block())
                self.load_state_dict(torch.hub.load_state_dict_from_url('https://a.org/r.pth'))
        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! keep
        class Task(nn.Module):
            def __init__(self):
                super().__init__()
                self.model = nn.Sequential(*list(ResNet().children())[:-1])
        """
    )


def test_blocks_that_a_backbone_and_another_model_share_are_the_backbones() -> None:
    shared = """\
-- seg.py --
import torchvision
from tiny import Block
class Seg(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(torchvision.models.resnet18(pretrained=True))
        self.backbone = Block()
"""
    text = _repository("unknown").replace(
        "BatchNorm2d(8)  #! unknown", "BatchNorm2d(8)  #! keep", 1
    )
    check(text + shared)


def test_blocks_that_a_new_part_and_another_model_share_are_not_converted() -> None:
    shared = """\
-- seg.py --
import torchvision
from tiny import Block
class Seg(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = Block()
"""
    check(_repository("unknown") + shared)


def test_a_model_with_a_backbone_of_its_own_is_told_by_that() -> None:
    seg = """\
-- seg.py --
import torchvision
class Seg(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = nn.BatchNorm2d(8)  #! convert
"""
    text = _repository("unknown").replace("import copy", "from seg import Seg")
    check(text.replace("    return Tiny()", "    return Tiny() if cfg.tiny else Seg()") + seg)
