"""Backbones that a toolbox builds of a config, with weights or without."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository
from tests.training.test_certain_freezes import HEAD, SCRIPT, plan_of

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
        ("type='ResNet', pretrained=None", "option(pretrained='a.pth')"),
        ("type='ResNet', pretrained=None", "option(init=['Pretrained'])"),
        ("type='ResNet'", "conf = {'pretrained': 'a.pth'}"),
        ("type='ResNet'", "self.backbone.load_state_dict(torch.load('resnet50.pth'))"),
    ],
)
def test_weights_are_named(conf: str, more: str) -> None:
    [(is_fixed, _)] = _scripts(conf, more)
    assert is_fixed


_PRETRAINED = "init_cfg=dict(type='Pretrained', checkpoint='a.pth')"
_WRITTEN = _MODEL.replace("conf or dict({conf})", "{conf}")


def _is_frozen(conf: str, more: str = "pass", before: str = "") -> bool:
    model = before + _WRITTEN.format(name="backbone", conf=conf, more=more)
    [script] = plan_of(model, "model.A()").train_scripts
    assert bool(script.fix) or "built of a config" in script.reason
    return bool(script.fix)


@pytest.mark.parametrize(
    "conf",
    [
        f"dict(type='ResNet', {_PRETRAINED})",
        f"cfg=dict(type='ResNet', {_PRETRAINED})",
        f"dict(type='ResNet', init_cfg=[dict(type='Kaiming'), {_PRETRAINED[9:]}])",
        "dict(type='ResNet', pretrained='a.pth')",
        "{'type': 'ResNet', 'pretrained': 'a.pth'}",
    ],
)
def test_the_config_in_the_call_names_weights(conf: str) -> None:
    assert _is_frozen(conf)


@pytest.mark.parametrize(
    "conf",
    [
        "dict(type='ResNet')",
        "dict(type='ResNet', init_cfg=None)",
        "dict(type='ResNet', init_cfg=dict(type='Kaiming'))",
        "dict(type='ResNet', init_cfg=[dict(type='Kaiming'), dict(type='Constant')])",
        "dict(type='ResNet', pretrained='')",
        "{'type': 'ResNet', 'pretrained': None}",
    ],
)
def test_the_config_in_the_call_alone_decides(conf: str) -> None:
    """Other code has weights for something else."""
    assert not _is_frozen(conf, more="option(pretrained='a.pth')")
    assert not _is_frozen(conf, before=f"\nTEACHER = dict(type='ResNet', {_PRETRAINED})\n")


@pytest.mark.parametrize(
    "conf",
    [
        "conf",
        "dict(conf, type='ResNet')",
        "dict(type='ResNet', **conf)",
        "{'type': 'ResNet', **conf}",
        "dict(type='ResNet', init_cfg=conf)",
        "dict(type='ResNet', pretrained=conf.weights)",
    ],
)
def test_other_code_decides_where_the_config_is_open(conf: str) -> None:
    assert _is_frozen(conf, more="option(pretrained='a.pth')")
    assert not _is_frozen(conf)
    assert not _is_frozen(conf, more="option(pretrained='')")
    assert not _is_frozen(conf, more="option(pretrained={})")
    text = '"""Those of the zoo begin with ``open-mmlab://resnet50_v1c``."""\n'
    assert not _is_frozen(conf, before=f"{text}def unused():\n    {text}")


def test_a_demo_that_loads_the_whole_model_names_none_either() -> None:
    model = _MODEL.format(name="backbone", conf="type='ResNet', init_cfg=None", more="pass")
    demo = """
from mmcv.runner import load_checkpoint
import model
net = model.A()
load_checkpoint(net, 'https://a.org/a-12345678.pth')
net.eval()
"""
    files = {"model.py": HEAD + model, "train.py": SCRIPT.format(made="model.A()"), "demo.py": demo}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    [script] = plan.train_scripts
    assert not script.fix
    assert "built of a config" in script.reason
