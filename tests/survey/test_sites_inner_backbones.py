"""Attributes called ``backbone`` that hold a model with a backbone in it, and other parts."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

LIFT = """\
class DepthNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.reduce = nn.Sequential(nn.Conv2d(512, 256, 3), nn.BatchNorm2d(256))  #! {depth}
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
class Detector(nn.Module):
    def __init__(self, conf):
        super().__init__()
        self.backbone = ViewLift(conf)
        self.head = Head()
class ViewLift(nn.Module):
    def __init__(self, conf, path=None):
        super().__init__()
        self.{name} = {made}
        self.depth_net = DepthNet()
        {more}
"""


def _lift(
    depth: str, made: str, name: str = "img_backbone", more: str = "self.img_backbone.train()"
) -> str:
    imports = (
        "import torchvision\nfrom mmdet.models import build_backbone\nfrom mmdet3d import models\n"
    )
    return imports + LIFT.format(depth=depth, made=made, name=name, more=more)


@pytest.mark.parametrize(
    "made",
    [
        "build_backbone(conf)",
        "models.builder.build_backbone(conf)",
        "torchvision.models.resnet50(pretrained=True)",
    ],
)
def test_what_stands_beside_the_inner_backbone_is_new(made: str) -> None:
    check(_lift("convert", made))


def test_a_network_of_the_repository_s_own_is_the_inner_backbone() -> None:
    check(
        _lift("convert", "ResNet()", name="img_backbone")
        + """\
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
"""
    )


@pytest.mark.parametrize(
    ("name", "made", "more"),
    [
        # No attribute in there is a backbone.
        ("stem", "nn.Conv2d(3, 8, 3)", "pass"),
        ("first", "build_backbone(conf)", "pass"),
        ("trunk", "build_backbone(conf)", "pass"),
    ],
)
def test_an_attribute_without_one_is_the_backbone_itself(name: str, made: str, more: str) -> None:
    check(_lift("keep", made, name, more))


@pytest.mark.parametrize(
    ("made", "more"),
    [
        ("build_backbone(conf)", "self.load_state_dict(torch.load(path))"),
        (
            "torchvision.models.resnet50(pretrained=True)",
            "self.load_state_dict(torch.hub.load_state_dict_from_url('https://example.com/a'))",
        ),
    ],
)
def test_weights_may_come_into_all_of_the_inner_model(made: str, more: str) -> None:
    check(_lift("unknown", made, more=more))


def test_what_is_around_nothing_but_a_backbone_is_the_backbone_itself() -> None:
    check(
        """\
class Joiner(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Joiner(Body())
        self.head = nn.BatchNorm2d(8)  #! convert
"""
    )


def test_what_a_toolbox_builds_for_another_part_is_no_backbone() -> None:
    check(
        """\
from mmdet.models import build_backbone
class Head(nn.Module):
    def __init__(self, conf):
        super().__init__()
        self.trunk = build_backbone(conf)
        self.bn = nn.BatchNorm2d(8)  #! unknown
"""
    )


DETECTOR = """\
{imports}
class Protos(nn.Module):
    def __init__(self):
        super().__init__()
        self.seg = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))  #! {verdict}
class Mask(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.{name} = {made}
        self.protos = Protos()
        {more}
"""


def _detector(
    verdict: str,
    imports: str = "from detectron2.modeling.backbone import build_backbone",
    name: str = "backbone",
    made: str = "build_backbone(cfg)",
    more: str = "pass",
) -> str:
    return DETECTOR.format(verdict=verdict, imports=imports, name=name, made=made, more=more)


@pytest.mark.parametrize(
    ("imports", "made"),
    [
        ("from detectron2.modeling import build_backbone", "build_backbone(cfg)"),
        ("from detectron2.modeling.backbone import build_backbone", "build_backbone(cfg)"),
        ("import detectron2.modeling as d", "d.build_backbone(cfg)"),
        ("from fastreid.modeling.backbones import build_backbone", "build_backbone(cfg)"),
        ("from cvpods.modeling.backbone import build_backbone", "build_backbone(cfg)"),
    ],
)
def test_what_a_toolbox_builds_has_new_parts_beside_it(imports: str, made: str) -> None:
    plan = check(_detector("convert", imports, made=made))
    assert "Mask.backbone is a backbone by its name" in plan.sites[0].reasons[-1]


@pytest.mark.parametrize(
    "parts",
    [
        # It may be anything.
        {"imports": "from lib.parts import build_backbone"},
        {"imports": "from detectron2.modeling import build_model", "made": "build_model(cfg)"},
        {"imports": "from detectron2.data import build_backbone"},
        {"made": "cfg"},
        {"name": "base"},
        {"name": "first"},
        # Nobody knows into what of it they come.
        {"more": "self.load_state_dict(torch.load(cfg.path))"},
        {"more": "self.protos.load_state_dict(torch.load(cfg.path))"},
    ],
)
def test_beside_what_is_not_known_for_a_backbone_nothing_is_new(parts: dict[str, str]) -> None:
    check(_detector("unknown", **parts))


def test_what_is_in_the_backbone_of_a_toolbox_is_not_known_to_need_a_freeze() -> None:
    text = (
        _detector("convert")
        + """\
model = Mask(load_config())
model.train()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for x in data:
    model(x).sum().backward()
    optimizer.step()
"""
    )
    assert not check(text).train_scripts


FILLED = """\
import torchvision
from mmcv.runner import load_checkpoint
from mmdet.models import DETECTORS, build_backbone
URL = 'https://a.org/net-12345678.pth'
URLS = {{'net': 'https://a.org/net-12345678.pth'}}
{decorator}
class Net(nn.Module):
    def __init__(self, conf):
        super().__init__()
        self.backbone = {made}
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
def main(cfg):
    net = Net(cfg)
    {load}
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    net(1).sum().backward()
    optimizer.step()
"""
_BUILT = "build_backbone(conf)"
_LIBRARY = "torchvision.models.resnet50(pretrained=True)"


def _filled(verdict: str, load: str, made: str = _BUILT, decorator: str = "") -> None:
    check(FILLED.format(verdict=verdict, load=load, made=made, decorator=decorator))


@pytest.mark.parametrize("made", [_BUILT, _LIBRARY])
@pytest.mark.parametrize(
    "load",
    [
        "load_checkpoint(net, 'https://a.org/net-12345678.pth')",
        "load_checkpoint(net, filename='https://a.org/net-12345678.pth', strict=True)",
        "url = 'https://a.org/net-12345678.pth'\n    load_checkpoint(net, url)",
        "load_checkpoint(net, URL)",
        "load_checkpoint(net, URLS['net'])",
        "load_checkpoint(net, cfg.load_from)",
    ],
)
def test_a_library_fills_all_of_the_model(made: str, load: str) -> None:
    _filled("unknown", load, made)


def test_a_library_may_fill_what_it_builds_a_backbone_for() -> None:
    _filled("unknown", "load_checkpoint(net, cfg.weights)")
    _filled("unknown", "load_checkpoint(net, cfg.resume_from)")
    _filled("unknown", "pass", decorator="@DETECTORS.register_module()")


@pytest.mark.parametrize(
    ("made", "load"),
    [
        (_BUILT, "pass"),
        (_BUILT, "load_checkpoint(cfg.teacher, cfg.load_from)"),
        (_LIBRARY, "load_checkpoint(net, cfg.resume_from)"),
        (_LIBRARY, "load_checkpoint(net, 'last.pth') if cfg.resume else None"),
        (_LIBRARY, "load_checkpoint(net.backbone, 'https://a.org/net-12345678.pth')"),
    ],
)
def test_nothing_fills_all_of_the_model(made: str, load: str) -> None:
    _filled("convert", load, made)


@pytest.mark.parametrize(
    "load",
    [
        "if cfg.load_from: net.load_state_dict(torch.load(cfg.load_from)['state_dict'])",
        "if cfg.file: net.load_state_dict(torch.load(cfg.file), strict=False)",
        "net = EpochBasedRunner(net, work_dir=cfg.work_dir)",
        "net = Runner(model=net, load_from=cfg.load_from)",
        "net = build_runner(cfg.runner, default_args=dict(model=net))",
        "train_detector(net, cfg)",
    ],
)
def test_what_may_fill_the_model_around_a_built_backbone(load: str) -> None:
    _filled("unknown", f"from mmcv.runner import *\n    {load}")
    _filled("convert", f"from mmcv.runner import *\n    {load}", _LIBRARY)


@pytest.mark.parametrize(
    "load",
    [
        "if cfg.resume: net.load_state_dict(torch.load(cfg.resume)['net'])",
        "net.backbone.load_state_dict(torch.load(cfg.weights))",
        "runner = EpochBasedRunner(cfg.teacher)",
        "runner = Runner(net.backbone)",
    ],
)
def test_what_fills_nothing_beside_a_built_backbone(load: str) -> None:
    _filled("convert", load)


_BESIDE = """\
from mmdet.models import DETECTORS, BaseDetector, build_backbone
from mmcv.runner import EpochBasedRunner
import pytorch_lightning as pl
import dataclasses
def detector(cls):
    return DETECTORS.register_module(module=cls)
{decorator}
class Net({base}):
    def __init__(self, conf):
        super().__init__()
        self.backbone = build_backbone(conf)
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
{more}
"""


@pytest.mark.parametrize(
    "parts",
    [
        {"more": "DETECTORS.register_module(module=Net)"},
        {"more": "DETECTORS.register_module(name='N')(Net)"},
        {"more": "detector(Net)"},
        {"more": "@DETECTORS.register_module()\nclass Large(Net):\n    pass"},
        {"decorator": "@detector"},
        {"base": "BaseDetector"},
        {"base": "DETECTORS.get('Base')"},
        {"more": "class Own(EpochBasedRunner):\n    pass\nrunner = Own(Net(dict()))"},
    ],
)
def test_a_toolbox_that_may_have_the_model(parts: dict[str, str]) -> None:
    parts = {"decorator": "", "base": "nn.Module", "more": "", **parts}
    check(_BESIDE.format(verdict="unknown", **parts))


@pytest.mark.parametrize(
    "parts",
    [
        {"base": "pl.LightningModule"},
        {"decorator": "@dataclasses.dataclass(eq=False)"},
        {"more": "DETECTORS.register_module(module=nn.Linear)"},
        {"more": "class Own:\n    def __init__(self, net): pass\nrunner = Own(Net(dict()))"},
        {"more": "Net(dict()).register_buffer('mean', torch.zeros(3))"},
        {"more": "-- test.py --\nfrom net import Net\nfrom mmcv.runner import Runner\n"
         "net = Runner(Net(dict())).eval()"},
        {"more": "-- train.py --\nfrom net import Net\nnet = Net(dict())\n"
         "net(1).backward()\n-- test.py --\nfrom net import Net\nnet = Net(dict())\n"
         "net.load_state_dict(torch.load('net.pth'))\nnet.eval()"},
    ],
)  # fmt: skip
def test_no_toolbox_has_the_model(parts: dict[str, str]) -> None:
    parts = {"decorator": "", "base": "nn.Module", "more": "", **parts}
    check(_BESIDE.format(verdict="convert", **parts))


IN_FOLDER = """\
-- model.py --
from backbones.lift import ViewLift
class Detector(nn.Module):
    def __init__(self, conf):
        super().__init__()
        self.backbone = ViewLift(conf)
-- backbones/lift.py --
from mmdet.models import BACKBONES, build_backbone
{decorator}
class DepthNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.reduce = nn.Sequential(nn.Conv2d(512, 256, 3), nn.BatchNorm2d(256))  #! {verdict}
        self.bn = nn.BatchNorm2d(256)  #! {verdict}
class ViewLift(nn.Module):
    def __init__(self, conf):
        super().__init__()
        self.img_backbone = build_backbone(conf)
        self.depth_net = {made}
{more}
"""
USED_OUTSIDE = """\
-- other.py --
from backbones.lift import DepthNet
class Depth(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = DepthNet()
"""
PRETRAINED_ALONE = """\
-- tools/pretrain.py --
from backbones.lift import DepthNet
net = DepthNet()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for x in loader:
    net(x).sum().backward()
    optimizer.step()
torch.save(net.state_dict(), "depth.pth")
"""


def _in_folder(verdict: str, decorator: str = "", made: str = "DepthNet()", more: str = "") -> str:
    return IN_FOLDER.format(verdict=verdict, decorator=decorator, made=made, more=more)


def test_the_folder_says_nothing_of_a_part_of_what_has_a_backbone_in_it() -> None:
    check(_in_folder("convert"))


@pytest.mark.parametrize(
    ("decorator", "more"),
    [
        ("@BACKBONES.register_module()", ""),
        ("", USED_OUTSIDE),
        ("", PRETRAINED_ALONE),
    ],
)
def test_what_others_may_use_as_a_backbone(decorator: str, more: str) -> None:
    check(_in_folder("unknown", decorator, more=more))


def test_two_networks_side_by_side_in_the_folder() -> None:
    """Nothing there says which of the two has weights."""
    text = _in_folder("unknown").replace(
        "img_backbone = build_backbone(conf)", "image = DepthNet()"
    )
    check(text.replace("#! unknown", "#! keep"))


def test_part_of_the_folder_that_is_loaded() -> None:
    more = """\
        self.depth_net.load_state_dict(torch.hub.load_state_dict_from_url("https://x.org/d.pth"))
"""
    check(_in_folder("keep", more=more))
