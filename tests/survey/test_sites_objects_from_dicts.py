"""Objects of classes that mmcv's ``obj_from_dict`` finds in a module by a name of a config."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

REPOSITORY = """\
-- heads/__init__.py --
from .warp_head import WarpHead
-- heads/warp_head.py --
class WarpHead(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.convs = nn.Sequential(nn.Conv2d(c, c, 3), nn.BatchNorm2d(c))  #! {head}
-- voxel.py --
class Voxel(nn.Module):
    def forward(self, x):
        return x
-- other.py --
import torchvision
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet50(pretrained=True)
-- detector.py --
from mmcv.runner import load_checkpoint, obj_from_dict
import mmcv
import heads
import voxel
class Detector(nn.Module):
    def __init__(self, backbone, head, pretrained=None):
        super().__init__()
        self.backbone = obj_from_dict(backbone, voxel)
        self.head = {made}
        {starts}
    def init_weights(self, pretrained):
        load_checkpoint(self, pretrained, strict=False)
"""
STARTS = "self.init_weights(pretrained)"


def repository(made: str, head: str, starts: str = STARTS) -> str:
    return REPOSITORY.format(made=made, head=head, starts=starts)


@pytest.mark.parametrize(
    "made",
    [
        "obj_from_dict(head, heads)",
        "obj_from_dict(head, parent=heads)",
        "mmcv.runner.obj_from_dict(head, heads, dict(c=8))",
        "getattr(heads, head.pop('type'))(**head)",
    ],
)
def test_part_of_a_model_that_loads_itself_as_a_whole(made: str) -> None:
    check(repository(made, "unknown"))


@pytest.mark.parametrize(
    "made",
    [
        # It is looked for in another module, or in none that is known.
        "obj_from_dict(head, voxel)",
        "obj_from_dict(head)",
        "heads.build(head)",
    ],
)
def test_a_class_of_another_module_is_not_meant(made: str) -> None:
    check(repository(made, "convert"))
