"""A freeze of what a toolbox builds of a config: whether weights always come to all of it."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import plan_of

_NET = """\
from mmcv.cnn import ConvModule
from mmcv.runner import load_checkpoint
from mmseg.models import build_backbone, build_neck
import torchvision
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)
def make(cfg, pretrained=False):
    made = build_backbone(cfg)
    if pretrained:
        made.load_state_dict(torch.load(cfg.file))
    return made
class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
{body}
        self.head = Head()
    def forward(self, x):
        return self.head(self.backbone(x))
    def fill(self, path):
        {fill}
def main(cfg, args):
    net = Net(cfg)
    {more}
    net.train()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for x in data:
        net(x).mean().backward()
        optimizer.step()
"""
_LOADED = "body = build_backbone(cfg)\nbody.load_state_dict(torch.load(cfg.file))\n"


def _fix(body: str, more: str = "pass", fill: str = "pass") -> str:
    body = textwrap.indent(body, 8 * " ")
    (script,) = plan_of(_NET.format(body=body, more=more, fill=fill)).train_scripts
    return script.fix


@pytest.mark.parametrize(
    "text",
    [
        _LOADED + "self.backbone = body",
        _LOADED + "self.backbone = nn.Sequential(body)",
        _LOADED + "self.backbone = nn.Sequential(body, nn.Conv2d(8, 8, 1))",
        _LOADED + "self.backbone = body\nself.neck = build_neck(cfg.neck)",
        _LOADED + "self.backbone = body\nself.neck = ConvModule(8, 8, 1, norm_cfg=cfg.norm)",
        # The whole container is loaded.
        "self.backbone = nn.Sequential(build_backbone(cfg), build_neck(cfg.neck))\n"
        "self.backbone.load_state_dict(torch.load(cfg.file))",
        # A copy of what is loaded.
        _LOADED + "self.backbone = body\nself.ema_backbone = build_backbone(cfg)\n"
        "self.ema_backbone.load_state_dict(self.backbone.state_dict())",
        "self.backbone = torchvision.models.resnet18(pretrained=True)",
    ],
)
def test_built_network_that_is_loaded(text: str) -> None:
    assert _fix(text)


@pytest.mark.parametrize(
    "text",
    [
        _LOADED + "self.backbone = nn.Sequential(body, build_neck(cfg.neck))",
        _LOADED + "self.backbone = nn.ModuleDict({'a': body, 'b': build_neck(cfg.neck)})",
        _LOADED + "self.backbone = nn.Sequential(body, ConvModule(8, 8, norm_cfg=cfg.norm))",
        _LOADED + "self.backbone = nn.ModuleList([body, build_backbone(cfg.other)])",
        _LOADED + "self.backbone = nn.Sequential(build_backbone(cfg.other), body)",
    ],
)
def test_part_beside_a_built_network(text: str) -> None:
    assert not _fix(text)


@pytest.mark.parametrize(
    "text",
    [
        "self.momentum_backbone.load_state_dict(self.backbone.state_dict())",
        "for p, q in zip(self.backbone.parameters(), self.momentum_backbone.parameters()):\n"
        "    q.data.copy_(p.data)",
    ],
)
def test_copy_of_what_has_no_weights(text: str) -> None:
    made = "self.backbone = build_backbone(cfg)\nself.momentum_backbone = build_backbone(cfg)\n"
    assert not _fix(made + text)
    assert _fix(f"{made}self.backbone.load_state_dict(torch.load(cfg.file))\n{text}")


@pytest.mark.parametrize(
    ("body", "more", "fill"),
    [
        ("if cfg.old:\n    body = build_backbone(cfg)\n"
         "    body.load_state_dict(torch.load(cfg.file))\nelse:\n"
         "    body = build_backbone(cfg.new)\nself.backbone = body", "pass", "pass"),
        ("self.backbone = make(cfg)", "make(cfg, True)", "pass"),
        ("self.backbone = build_backbone(cfg)", "pass", "load_checkpoint(self.backbone, path)"),
        ("self.backbone = build_backbone(cfg)",
         "if args.tune: load_checkpoint(net.backbone, args.tune)", "pass"),
        ("body = build_backbone(cfg)\nif cfg.file: body.load_state_dict(torch.load(cfg.file))\n"
         "self.backbone = body", "pass", "pass"),
    ],
)  # fmt: skip
def test_built_network_that_is_loaded_at_times(body: str, more: str, fill: str) -> None:
    assert not _fix(body, more, fill)


def test_built_network_that_the_script_loads() -> None:
    assert _fix("self.backbone = build_backbone(cfg)", "load_checkpoint(net.backbone, args.file)")
