"""Norm layers that libraries make of ``norm_cfg=dict(type="BN")`` in model code."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

NET = """\
import torchvision
from mmcv.cnn import ConvModule, build_norm_layer
class Net(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        {part}
"""


@pytest.mark.parametrize(
    "part",
    [
        "self.key = ConvModule(64, 64, 1, norm_cfg=dict(type='BN'))  #! unknown",
        "self.key = ConvModule(64, 64, 1, norm_cfg={'type': 'SyncBN'})  #! unknown",
        "self.key = ConvModule(64, 64, 1, norm_cfg=dict(type='BN1d', eps=1e-3))  #! unknown",
        "self.key = nn.Sequential(ConvModule(8, 8, 1, norm_cfg=dict(type='BN')))  #! unknown",
        "self.key = build_norm_layer(dict(type='SyncBN'), 64)[1]  #! unknown",
        "self.key = build_norm_layer(cfg=dict(type='BN'), num_features=8)[1]  #! unknown",
        "name, key = build_norm_layer(dict(type='BN'), 64)  #! unknown\n"
        "        self.add_module(name, key)",
        "cfg = dict(type='BN', requires_grad=True)  #! unknown\n"
        "        self.key = ConvModule(64, 64, 1, norm_cfg=cfg)",
        "cfg = dict(norm_cfg=dict(type='BN'), act_cfg=None)  #! unknown\n"
        "        self.key = ConvModule(64, 64, 1, **cfg)",
        "self.key = ConvModule(64, 64, 1, out_norm_cfg=dict(type='BN'))  #! unknown",
        "cfg = dict(input_norm_cfg=dict(type='BN'))  #! unknown\n"
        "        self.key = ConvModule(64, 64, 1, **cfg)",
        # made by one line, kept by another
        "cfg = dict(type='BN') if width > 8 else dict(type='GN', num_groups=8)  #! unknown\n"
        "        self.key = ConvModule(64, 64, 1, norm_cfg=cfg)",
    ],
)
def test_config_that_is_handed_to_a_library_is_named(part: str) -> None:
    plan = check(NET.format(part=part))
    assert "is made by a library" in plan.sites[0].reasons[0]
    assert "type='GN', num_groups=" in plan.sites[0].reasons[0]
    assert "stands beside the backbone" in plan.sites[0].reasons[1]
    assert plan.sites[0].settles == ("# bn2gn: keep   on this line",)
    assert not plan.files


@pytest.mark.parametrize(
    "part",
    [
        # what is made is not followed
        "self.add_module(*build_norm_layer(dict(type='BN'), 64))  #! unknown",
        "make(ConvModule(64, 64, 1, norm_cfg=dict(type='BN')))  #! unknown",
    ],
)
def test_config_of_what_reaches_no_attribute_is_named_too(part: str) -> None:
    (site,) = check(NET.format(part=part)).sites
    assert len(site.reasons) == 1


def test_config_is_of_the_norm_that_it_names() -> None:
    part = "self.key = ConvModule(8, 8, 1, norm_cfg=dict(type='SyncBN'))  #! unknown"
    (site,) = check(NET.format(part=part)).sites
    assert (site.norm, site.class_, site.attribute) == ("SyncBatchNorm", "Net", "key")


def test_default_that_calls_hand_on() -> None:
    check(
        """\
import torchvision
import mmcv
class Block(nn.Module):
    def __init__(self, width, norm_cfg=dict(type="BN")):  #! unknown
        super().__init__()
        self.norm_cfg = norm_cfg
        self._make(width)
    def _make(self, width):
        self.conv = mmcv.cnn.ConvModule(width, width, 1, norm_cfg=self.norm_cfg)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.head = Block(64)
"""
    )


def test_repository_without_the_word_batch_norm() -> None:
    check(
        """\
from mmcv.cnn import ConvModule
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = ConvModule(3, 8, 1, norm_cfg=dict(type="BN"))  #! unknown
"""
    )


BACKBONE = """\
from mmcv.cnn import ConvModule, build_norm_layer
class ResNet(nn.Module):
    def __init__(self, norm_cfg=dict(type="BN")):{default}
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 1)
        self.norm1 = build_norm_layer(norm_cfg, 8)[1]
        self.layer1 = ConvModule(8, 8, 1, norm_cfg=norm_cfg)
        self.load_state_dict(torch.hub.load_state_dict_from_url("x"))
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet()
        {part}
"""


def test_config_of_a_pretrained_backbone_is_kept() -> None:
    check(BACKBONE.format(default="  #! keep", part="self.head = nn.Conv2d(8, 8, 1)"))


def test_config_that_serves_both_sides_is_open() -> None:
    text = BACKBONE.replace("class ResNet", "NORM = dict(type='BN')  #! unknown\nclass ResNet")
    text = text.replace('dict(type="BN")', "NORM")
    part = "self.head = ConvModule(8, 8, 1, norm_cfg=NORM)"
    check(text.format(default="", part=part))


@pytest.mark.parametrize(
    "part",
    [
        # another norm, or none
        "self.key = ConvModule(64, 64, 1, norm_cfg=dict(type='GN', num_groups=8))",
        "self.key = ConvModule(64, 64, 1, norm_cfg=dict(type='LN'))",
        "self.key = ConvModule(64, 64, 1, norm_cfg=None)",
        "self.key = ConvModule(64, 64, 1)",
        # not the norm
        "self.key = ConvModule(64, 64, 1, conv_cfg=dict(type='BN'))",
        "self.key = build_norm_layer(dict(type='GN', num_groups=8), 64, dict(type='BN'))[1]",
        # what nothing is made of
        "self.norm_cfg = dict(type='BN')",
        "print(dict(norm_cfg=dict(type='BN')))",
        "model = dict(neck=dict(norm_cfg=dict(type='BN')))",
    ],
)
def test_other_configs_are_not(part: str) -> None:
    assert not check(NET.format(part=part)).sites


def test_class_of_the_repository_that_takes_a_config_makes_its_own_layers() -> None:
    check(
        """\
import torchvision
NORMS = {"BN": nn.BatchNorm2d, "GN": nn.GroupNorm}  #! convert
class ConvModule(nn.Module):
    def __init__(self, width, norm_cfg):
        super().__init__()
        self.bn = NORMS[norm_cfg["type"]](width)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.head = ConvModule(8, norm_cfg=dict(type="BN"))
"""
    )


def test_comment_settles_it() -> None:
    part = "self.key = ConvModule(64, 64, 1, norm_cfg=dict(type='BN'))  # bn2gn: keep  #! keep"
    check(NET.format(part=part))
