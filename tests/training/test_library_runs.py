"""A library that builds a model from a config and trains it: the report says that much."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

NET = """
import torch
from torch import nn
from mmdet.models.builder import BACKBONES

@BACKBONES.register_module()
class QuickResNet(nn.Module):
    def __init__(self, pretrained=None):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))
        {load}
    {methods}
"""
LOAD = "self.load_state_dict(torch.load(pretrained)['model'], strict=False)"
EVAL = """def train(self, mode=True):
        super().train(mode)
        for m in self.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.eval()
"""
RUN = """
from mmdet.apis import {name}
from mmdet.models import build_detector
import quick

def main(cfg, data):
    model = build_detector(cfg.model)
    model.init_weights()
    {name}(model, data, cfg)
"""


_TRAINED = RUN.format(name="train_detector")


def _said(
    load: str = LOAD, methods: str = "pass", run: str = _TRAINED
) -> list[tuple[str, str, int]]:
    files = {"quick.py": NET.format(load=load, methods=methods), "train.py": run}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    return [(one.code, one.place.path, one.place.line) for one in findings(plan)]


def test_training_of_what_a_config_says() -> None:
    assert ("BN201", "train.py", 9) in _said()


OWN = """
import torch
from mmcv.runner import {name}
from mmdet.models import build_detector
import quick

def train_detector(model, dataset, cfg):
    {line}

def main(cfg, data):
    model = build_detector(cfg.model)
    model.init_weights()
    train_detector(model, data, cfg)
"""


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("build_optimizer", "optimizer = build_optimizer(model, cfg.optimizer)"),
        ("build_optimizer", "optimizer = build_optimizer(model=model, cfg=cfg.optimizer)"),
        (
            "obj_from_dict",
            "return obj_from_dict(cfg, torch.optim, dict(params=model.parameters()))",
        ),
    ],
)
def test_training_of_the_repository_by_a_config(name: str, line: str) -> None:
    run = OWN.format(name=name, line=line)
    assert [place for place in _said(run=run) if place[0] == "BN201"] == [("BN201", "train.py", 8)]


COPIED = """
from mmcv.utils import Registry, build_from_cfg
import torch

OPTIMIZERS = Registry("optimizer")

def build_optimizer(model, cfg):
    if hasattr(model, "module"):
        model = model.module
    cfg = cfg.copy()
    {params}
    return build_from_cfg(cfg, {registry})
"""


def _copied(params: str, registry: str = "OPTIMIZERS") -> list[tuple[str, str, int]]:
    run = OWN.format(name="Runner", line="optimizer = build_optimizer(model, cfg.optimizer)")
    run = "from builder import build_optimizer" + run
    copied = COPIED.format(params=params, registry=registry)
    net = NET.format(load=LOAD, methods="pass")
    files = {"quick.py": net, "builder.py": copied, "train.py": run}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    return [(one.code, one.place.path, one.place.line) for one in findings(plan)]


@pytest.mark.parametrize(
    "params",
    [
        "cfg['params'] = model.parameters()",
        "cfg['params'] = [{'params': [p]} for name, p in model.named_parameters()]",
    ],
)
def test_copy_of_the_function_that_makes_the_optimizer(params: str) -> None:
    assert [one for one in _copied(params) if one[0] == "BN201"] == [("BN201", "train.py", 8)]


_DETECTORS = """
from torch import nn
from quick import QuickResNet
from builder import build_optimizer

class First(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = QuickResNet("net.pth")

class Second(First):
    pass

def main(cfg):
    model = {"first": First, "second": Second}[cfg.name]()
    return build_optimizer(model, cfg)
"""


_GROUPS = "cfg['params'] = [{'params': [p]} for name, p in model.named_parameters()]"


@pytest.mark.parametrize(
    ("methods", "params", "place"),
    [
        ("pass", _GROUPS, [("train.py", 16)]),
        (EVAL, _GROUPS, []),
        # It is found, and frozen, in the copy.
        ("pass", "cfg['params'] = model.parameters()", [("builder.py", 11)]),
    ],
)
def test_one_of_several_models(methods: str, params: str, place: list[tuple[str, int]]) -> None:
    files = {
        "quick.py": NET.format(load=LOAD, methods=methods),
        "builder.py": COPIED.format(params=params, registry="OPTIMIZERS"),
        "train.py": _DETECTORS,
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    found = [one.place for one in findings(plan) if one.code == "BN201"]
    assert [(one.path, one.line) for one in found] == place


@pytest.mark.parametrize(
    ("params", "registry"),
    [("cfg['params'] = []", "OPTIMIZERS"), ("cfg['params'] = model.parameters()", "HOOKS")],
)
def test_copy_that_makes_no_optimizer_of_a_model(params: str, registry: str) -> None:
    assert not [one for one in _copied(params, registry) if one[0] == "BN201"]


def test_test_that_makes_an_optimizer() -> None:
    run = OWN.format(name="build_optimizer", line="build_optimizer(model, cfg.optimizer)")
    files = {"quick.py": NET.format(load=LOAD, methods="pass"), "tests/test_hook.py": run}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert not [one for one in findings(plan) if one.code == "BN201"]


def test_one_for_each_file() -> None:
    run = OWN.format(
        name="build_optimizer",
        line="a = build_optimizer(model, cfg)\n    b = build_optimizer(model.head, cfg)",
    )
    assert [place for place in _said(run=run) if place[0] == "BN201"] == [("BN201", "train.py", 8)]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("build_optimizer", "build_optimizer()"),
        ("build_runner", "build_runner(model, cfg)"),
        ("obj_from_dict", "obj_from_dict(cfg, datasets, dict(params=model.parameters()))"),
        ("obj_from_dict", "obj_from_dict(cfg, torch.optim, dict(params=[]))"),
    ],
)
def test_what_makes_no_optimizer_of_a_model(name: str, line: str) -> None:
    run = OWN.format(name=name, line=line)
    assert not [place for place in _said(run=run) if place[0] == "BN201"]


@pytest.mark.parametrize(
    "parts",
    [
        # It keeps its BatchNorm in eval mode itself, or has no weights.
        {"methods": EVAL},
        {"load": "pass"},
        # That trains nothing, or is another library's.
        {"run": RUN.format(name="inference_detector")},
        {"run": RUN.format(name="train_detector").replace("mmdet.apis", "tools.apis")},
    ],
)
def test_what_is_no_such_training(parts: dict[str, str]) -> None:
    assert not [place for place in _said(**parts) if place[0] == "BN201"]


_HEADS = """
from mmdet.models.builder import HEADS
from torch import nn

@HEADS.register_module()
class QuickHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)
"""
_APIS = """
from mmdet.apis import train_detector

def train_model(model, data, cfg):
    train_detector(model, data, cfg)
"""
_RUN = """
from mmdet.models import build_detector
from apis import train_model
import heads

def main(cfg, data):
    model = build_detector(cfg.model)
    train_model(model, data, cfg)
"""
_CONFIG = """
model = dict(
    type='Quick',
    backbone=dict(
        type='ResNet', {pretrained}, {norm_eval}, norm_cfg=dict(type='BN', requires_grad=True)
    ),
)
"""


@pytest.mark.parametrize(
    ("pretrained", "norm_eval", "is_said"),
    [
        ("pretrained='torchvision://resnet50'", "norm_eval=False", True),
        ("init_cfg=dict(type='Pretrained', checkpoint='a.pth')", "norm_eval=False", True),
        # Nothing is loaded, or it stays in eval mode, be it by its type.
        ("pretrained=None", "norm_eval=False", False),
        ("pretrained='torchvision://resnet50'", "norm_eval=True", False),
        ("pretrained='torchvision://resnet50'", "depth=50", False),
    ],
)
def test_backbone_of_the_library_that_a_config_trains(
    pretrained: str, norm_eval: str, is_said: bool
) -> None:
    """It is named where the library is called, however the repository comes there."""
    files = {
        "heads.py": _HEADS,
        "apis.py": _APIS,
        "train.py": _RUN,
        "configs/quick.py": _CONFIG.format(pretrained=pretrained, norm_eval=norm_eval),
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    found = [one.place.path for one in findings(plan) if one.code == "BN201"]
    assert found == ["apis.py"] * is_said


_BACKBONE = """
from mmdet.models.builder import BACKBONES
from torch import nn

@BACKBONES.register_module()
class Trunk(nn.Module):
    def __init__(self, depth{default}):
        super().__init__()

@BACKBONES.register_module()
class Wider(Trunk):
    def __init__(self, depth, {wider}**kwargs):
        super().__init__(depth, **kwargs)
"""
_OPTIMIZERS = """
from mmcv.runner import build_optimizer

def build_optimizers(model, cfgs):
    if hasattr(model, "module"):
        model = model.module
    return build_optimizer(model, cfgs)
"""
_OWN_APIS = """
from optimizers import build_optimizers

def train_model(model, data, cfg):
    optimizer = build_optimizers(model, cfg.optimizer)
"""


@pytest.mark.parametrize(
    ("default", "wider", "said", "is_named"),
    [
        (", norm_eval=False", "", "depth=50", True),
        (", norm_eval=False", "", "type='Wider'", True),
        (", *, norm_eval=False", "", "depth=50", True),
        # It stays in eval mode, or there is no telling.
        (", norm_eval=True", "", "depth=50", False),
        (", norm_eval=False", "", "norm_eval=True", False),
        (", norm_eval=False", "norm_eval=True, ", "type='Wider'", False),
        (", norm_eval=DEFAULT", "", "depth=50", False),
        ("", "", "depth=50", False),
    ],
)
def test_backbone_of_the_repository_that_is_trained_by_default(
    default: str, wider: str, said: str, is_named: bool
) -> None:
    """The training is named, not the function that makes its optimizer."""
    kind = said if said.startswith("type") else f"type='Trunk', {said}"
    config = _CONFIG.format(pretrained="pretrained='torchvision://resnet50'", norm_eval="depth=18")
    files = {
        "heads.py": _HEADS,
        "trunk.py": _BACKBONE.format(default=default, wider=wider),
        "optimizers.py": _OPTIMIZERS,
        "apis.py": _OWN_APIS,
        "train.py": _RUN,
        "configs/quick.py": config.replace("type='ResNet'", kind).replace(", depth=18", ""),
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    found = [one.place.path for one in findings(plan) if one.code == "BN201"]
    assert found == ["apis.py"] * is_named
