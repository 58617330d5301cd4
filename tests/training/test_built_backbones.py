"""Backbones that a toolbox builds of a config, with weights or without."""

from __future__ import annotations

import pytest

from tests.training.test_certain_freezes import plan_of

_MODEL = """
from mmdet.models import build_backbone


class A(nn.Module):
    def __init__(self, conf=None):
        super().__init__()
        self.{name} = build_backbone(conf or dict({conf}))
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))
        {more}
"""


def _scripts(conf: str, more: str = "pass", name: str = "backbone") -> list[tuple[bool, str]]:
    plan = plan_of(_MODEL.format(name=name, conf=conf, more=more), "model.A()")
    return [(bool(script.fix), script.reason) for script in plan.train_scripts]


@pytest.mark.parametrize(
    "conf", ["type='ResNet'", "type='ResNet', init_cfg=None", "type='ResNet', pretrained=None"]
)
def test_no_weights_are_named(conf: str) -> None:
    [(is_fixed, reason)] = _scripts(conf)
    assert not is_fixed
    assert "built of a config" in reason


@pytest.mark.parametrize(
    ("conf", "more"),
    [
        ("type='ResNet', init_cfg=dict(type='Pretrained', checkpoint='a.pth')", "pass"),
        ("type='ResNet', pretrained='torchvision://resnet50'", "pass"),
        ("type='ResNet'", "conf = {'pretrained': 'a.pth'}"),
        ("type='ResNet'", "self.backbone.load_state_dict(torch.load('resnet50.pth'))"),
    ],
)
def test_weights_are_named(conf: str, more: str) -> None:
    [(is_fixed, _)] = _scripts(conf, more)
    assert is_fixed
