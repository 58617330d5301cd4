"""Registries that inject: classes list their parts, files of settings name them."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.survey.verdicts import check

WORKSPACE = """\
-- core/workspace.py --
import importlib, inspect
GLOBAL_CONFIG = dict()
def register(cls):
    GLOBAL_CONFIG[cls.__name__] = extract_schema(cls)
    return cls
def extract_schema(cls):
    spec = inspect.getfullargspec(cls.__init__)
    schema = {{name: None for name in spec.args if name != 'self'}}
    schema['_pymodule'] = importlib.import_module(cls.__module__)
    schema['_inject'] = getattr(cls, '__inject__', [])
    return schema
def create(name, **kwargs):
    cfg = GLOBAL_CONFIG[name]
    cls = getattr(cfg['_pymodule'], name)
    kwargs.update(cfg)
    for key in cfg['_inject']:
        kwargs[key] = create(cfg[key])
    return cls(**kwargs)
-- backbone/net.py --
from core.workspace import register
@register
class PResNet(nn.Module):
    def __init__(self, depth=50):
        super().__init__()
        self.stem = nn.Sequential(nn.BatchNorm2d(8))  #! {own}
        self.load_state_dict(torch.hub.load_state_dict_from_url('https://e.org/presnet.pth'))
-- detector/parts.py --
from core.workspace import register
class ConvNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm = nn.BatchNorm2d(c)  #! {shared}
@register
class HybridEncoder(nn.Module):
    def __init__(self, in_channels=(8, 8)):
        super().__init__()
        self.lateral = nn.ModuleList([ConvNorm(c) for c in in_channels])
    def forward(self, feats):
        return [one(feat) for one, feat in zip(self.lateral, feats)]
@register
class Transformer(nn.Module):
    def __init__(self, hidden=8):
        super().__init__()
        self.proj = nn.BatchNorm2d(hidden)  #! {head}
@register
class Detector(nn.Module):
    __inject__ = ['backbone', 'encoder', 'decoder']
    def __init__(self, backbone, encoder, decoder{default}):
        super().__init__()
        self.backbone = backbone
        self.encoder = encoder
        self.decoder = decoder
    def forward(self, x):
        x = self.backbone(x)
        x = self.encoder({fed})
        return self.decoder(x)
-- train.py --
import detector.parts, backbone.net
from core.workspace import create, GLOBAL_CONFIG
def main(settings):
    model = create(settings['model'])
    return model
"""
SETTINGS = """\
model: Detector
Detector:
  backbone: PResNet
  encoder: HybridEncoder
  decoder:
    type: Transformer
    hidden: 8
"""


def _check(
    path: Path, settings: str, *, default: str = "", fed: str = "x", **verdicts: str
) -> None:
    expected = {"own": "keep", "shared": "unknown", "head": "unknown", **verdicts}
    text = WORKSPACE.format(default=default, fed=fed, **expected)
    file = path / "detector.yml"
    file.write_text(textwrap.dedent(settings))
    check(text, yaml_paths=(str(file),))


@pytest.mark.parametrize(
    "settings",
    [
        SETTINGS,
        SETTINGS.replace("decoder:\n    type: Transformer\n    hidden: 8", "decoder: Transformer"),
        SETTINGS + "extra: !include other.yml\n",
        "{% set size = 8 %}\n" + SETTINGS.replace("decoder:\n    type:", "decoder:"),
        "task: detection\n---\n" + SETTINGS,
        "model: {type: Detector, backbone: PResNet, encoder: HybridEncoder, decoder: Transformer}",
    ],
    ids=["plain", "by name", "a tag", "a template", "two documents", "all in one"],
)
def test_parts_that_a_file_names(tmp_path: Path, settings: str) -> None:
    _check(tmp_path, settings, shared="convert", head="convert")


def test_parts_that_a_default_names(tmp_path: Path) -> None:
    settings = SETTINGS[: SETTINGS.index("  decoder")]
    _check(tmp_path, settings, default="='Transformer'", shared="convert", head="convert")


def test_block_of_a_part_that_is_backbone_in_another_file(tmp_path: Path) -> None:
    settings = SETTINGS + "---\nDetector: {backbone: HybridEncoder}\n"
    _check(tmp_path, settings, shared="conflict", head="convert")


def test_parts_that_no_file_names(tmp_path: Path) -> None:
    _check(tmp_path, "lr: 0.1\n")


def test_encoder_that_gets_images_may_be_another_backbone(tmp_path: Path) -> None:
    _check(tmp_path, SETTINGS, fed="images", shared="unknown", head="convert")


def test_no_file_is_read_where_nothing_is_injected(tmp_path: Path) -> None:
    check(
        """\
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! unknown
        """,
        yaml_paths=(str(tmp_path / "is not there.yml"),),
    )
