"""Layers of libraries that hold BatchNorm: they are named, and never changed."""

from __future__ import annotations

import pytest

from bn2gn_codemod.settings import Settings
from tests.survey.verdicts import check

DEEPLAB = "from torchvision.models.segmentation.deeplabv3 import ASPP, DeepLabHead"
BACKBONE = 'self.backbone = torchvision.models.resnet18(weights="DEFAULT")'


def net(imports: str, part: str, backbone: str = BACKBONE) -> str:
    return f"""\
import torchvision
{imports}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {backbone}
        self.part = {part}
"""


@pytest.mark.parametrize(
    ("imports", "part", "advice"),
    [
        (DEEPLAB, "ASPP(512, [3, 6, 9])", "write the part out with GroupNorm"),
        (DEEPLAB, "nn.Sequential(DeepLabHead(512, 2))", "write the part out"),
        ("", "torchvision.models.segmentation.fcn.FCNHead(512, 2)", "write the part out"),
        (
            "from torchvision.ops import Conv2dNormActivation",
            "Conv2dNormActivation(512, 64)",
            "hand over norm_layer=get_group_norm",
        ),
        (
            "from torchvision.ops.misc import ConvNormActivation as Block",
            "Block(512, 64)",
            "hand over norm_layer=",
        ),
        ("from timm.layers import ConvNormAct", "ConvNormAct(512, 64)", "hand over norm_layer="),
        ("from timm.models.layers import BatchNormAct2d", "BatchNormAct2d(64)", "write the part"),
        ("from timm.models.resnet import BasicBlock", "BasicBlock(8, 8)", "hand over norm_layer="),
        ("import timm", "timm.models.resnet.Bottleneck(8, 8)", "hand over norm_layer="),
        (
            "from timm.models.efficientnet_blocks import InvertedResidual",
            "nn.Sequential(InvertedResidual(8, 8))",
            "write the part out",
        ),
        # By its name alone it could be a network.
        (
            "from timm.models._efficientnet_blocks import EdgeResidual",
            "EdgeResidual(8, 8)",
            "write the part out",
        ),
    ],
)
def test_part_beside_a_backbone_is_named(imports: str, part: str, advice: str) -> None:
    plan = check(net(imports, f"{part}  #! unknown"))
    assert "made by a library" in plan.sites[0].reasons[0]
    assert advice in plan.sites[0].reasons[0]
    assert "Net.part stands beside the backbone" in plan.sites[0].reasons[1]
    assert plan.sites[0].settles == ("# bn2gn: keep   on this line",)
    assert not plan.files


@pytest.mark.parametrize(
    ("imports", "part"),
    [
        # without BatchNorm
        ("from torchvision.ops import FeaturePyramidNetwork", "FeaturePyramidNetwork([8], 8)"),
        ("from torchvision.ops import RoIAlign", "RoIAlign(7, 1.0, 2)"),
        ("from timm.layers import DropPath", "DropPath(0.1)"),
        ("from timm.models.vision_transformer import Block", "Block(8, 8)"),
        ("from timm.models.resnetv2 import Bottleneck", "Bottleneck(8, 8)"),
        ("from timm.models.nfnet import NormFreeBlock", "NormFreeBlock(8, 8)"),
        # with another norm
        (
            "from torchvision.ops import Conv2dNormActivation",
            "Conv2dNormActivation(8, 8, norm_layer=None)",
        ),
        (
            "from torchvision.ops import Conv2dNormActivation",
            "Conv2dNormActivation(8, 8, norm_layer=nn.InstanceNorm2d)",
        ),
        (
            "from timm.models.resnet import BasicBlock",
            "BasicBlock(8, 8, norm_layer=nn.InstanceNorm2d)",
        ),
        # the same name for something else
        ("class ASPP(nn.Module):\n    pass", "ASPP(512, [3, 6, 9])"),
        ("from lib.heads import ASPP", "ASPP(512, [3, 6, 9])"),
        # a part that is only named
        (DEEPLAB, "nn.Conv2d(8, 8, 1) if isinstance(ASPP, type) else None"),
    ],
)
def test_other_layers_of_libraries_are_not(imports: str, part: str) -> None:
    assert not check(net(imports, part)).sites


def test_norm_class_that_is_handed_to_a_part_is_the_site() -> None:
    plan = check(
        net(
            "from torchvision.ops import Conv2dNormActivation",
            "Conv2dNormActivation(8, 8, norm_layer=nn.BatchNorm2d)  #! unknown",
        )
    )
    assert len(plan.sites) == 1


def test_part_of_a_pretrained_backbone_is_kept() -> None:
    check(
        """\
from torchvision.models.resnet import BasicBlock
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(BasicBlock(64, 64))  #! keep
        self.load_state_dict(torch.hub.load_state_dict_from_url("x"))
"""
    )


def test_class_that_extends_a_part() -> None:
    check(
        net(
            DEEPLAB
            + """
class Head(DeepLabHead):  #! unknown
    pass
""",
            "Head(512, 2)",
        )
    )


FRESH = """\
import torchvision
class Camera(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet50(pretrained=True)
class Map(nn.Module):
    def __init__(self):
        super().__init__()
        {made}
        self.bn1 = trunk.bn1
        self.layer1 = trunk.layer1
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.camera = {camera}
        self.map = Map()
"""


@pytest.mark.parametrize("arguments", ["pretrained=False", "weights=None", "False, width=64"])
def test_model_without_weights_beside_a_pretrained_one(arguments: str) -> None:
    made = f"trunk = torchvision.models.resnet18({arguments})  #! unknown"
    plan = check(FRESH.format(made=made, camera="Camera()"))
    assert "is made without weights, beside the backbone Camera.trunk" in plan.sites[0].reasons[0]
    assert not plan.files


@pytest.mark.parametrize(
    ("made", "camera"),
    [
        # nothing pretrained beside it
        ("trunk = torchvision.models.resnet18(pretrained=False)", "nn.Conv2d(3, 3, 1)"),
        # not said by the call
        ("trunk = torchvision.models.resnet18(pretrained=flag)", "Camera()"),
        ("trunk = torchvision.models.resnet18(pretrained=True)", "Camera()"),
        ("trunk = torchvision.models.resnet18(weights='DEFAULT')", "Camera()"),
        ("trunk = torchvision.models.resnet18()", "Camera()"),
        # another norm
        (
            "trunk = torchvision.models.resnet18(weights=None, norm_layer=nn.InstanceNorm2d)",
            "Camera()",
        ),
        # weights that are loaded later
        (
            "trunk = torchvision.models.resnet18(pretrained=False)\n"
            '        trunk.load_state_dict(torch.load("resnet18.pth"))',
            "Camera()",
        ),
    ],
)
def test_other_models_of_libraries_are_no_sites(made: str, camera: str) -> None:
    assert not check(FRESH.format(made=made, camera=camera)).sites


def test_comment_settles_it() -> None:
    check(net(DEEPLAB, "ASPP(512, [3, 6, 9])  # bn2gn: keep  #! keep"))


def test_setting_settles_it() -> None:
    check(net(DEEPLAB, "ASPP(512, [3, 6, 9])  #! keep"), Settings(backbone=("Net.part",)))
