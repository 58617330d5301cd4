"""Models of libraries of which the backbone alone is pretrained: the freeze stops there."""

from __future__ import annotations

import pytest

from bn2gn_codemod.rules import findings
from tests.training.test_certain_freezes import frozen, plan_of

_IMPORTS = """
import segmentation_models_pytorch as smp
from torchvision.models import detection, segmentation
from torchvision.models.segmentation import FCN_ResNet50_Weights
"""
_TASK = """
class Task(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.net = {made}
        self.head = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
"""


def _frozen(made: str, task: str = _TASK) -> list[str]:
    return frozen(plan_of(_IMPORTS + task.format(made=made), "model.Task()"))


@pytest.mark.parametrize(
    ("made", "names"),
    [
        ("smp.Unet('resnet34', encoder_weights='imagenet')", ["net.encoder"]),
        ("smp.Unet('resnet34')", ["net.encoder"]),  # which is what it gives by default
        ("getattr(smp, cfg.arch)('resnet34')", ["net.encoder"]),
        ("segmentation.__dict__[cfg.arch](pretrained_backbone=True)", ["net.backbone"]),
        ("getattr(segmentation, cfg.arch)(pretrained=False)", ["net.backbone"]),
        ("smp.create_model(cfg.arch, encoder_weights='imagenet')", ["net.encoder"]),
        ("segmentation.deeplabv3_resnet50()", ["net.backbone"]),
        ("segmentation.deeplabv3_resnet50(pretrained=False)", ["net.backbone"]),
        ("segmentation.lraspp_mobilenet_v3_large(weights=None)", ["net.backbone"]),
        ("segmentation.fcn_resnet50(weights_backbone='DEFAULT')", ["net.backbone"]),
        # Whether all of it is pretrained is not known, and of this part it is.
        ("segmentation.fcn_resnet50(weights=cfg.weights)", ["net.backbone"]),
        # The pyramid, and what SSD adds to its network, has BatchNorm of its own.
        ("detection.maskrcnn_resnet50_fpn_v2()", ["net.backbone.body"]),
        ("detection.ssdlite320_mobilenet_v3_large()", ["net.backbone.features"]),
        (
            "smp.Unet('resnet34') if cfg.a else segmentation.fcn_resnet50()",
            ["net.backbone", "net.encoder"],
        ),
    ],
)
def test_the_freeze_stops_at_the_backbone(made: str, names: list[str]) -> None:
    assert _frozen(made) == names


@pytest.mark.parametrize(
    "made",
    [
        "segmentation.fcn_resnet50(pretrained=True)",
        "segmentation.fcn_resnet50(True)",
        "segmentation.fcn_resnet50(weights='DEFAULT')",
        "segmentation.fcn_resnet50(weights=FCN_ResNet50_Weights.DEFAULT)",
        "torchvision.models.resnet18(pretrained=True)",
        "smp.encoders.get_encoder('resnet18', weights='imagenet')",
        "smp.from_pretrained(cfg.path)",
        "smp.Unet('resnet34').encoder",
        "smp.Unet('resnet34').encoder.cuda()",
    ],
)
def test_what_is_pretrained_as_a_whole_is_frozen_as_a_whole(made: str) -> None:
    assert _frozen(made) == ["net"]


def test_weights_that_are_loaded_into_it_are_for_all_of_it() -> None:
    made = "smp.Unet('resnet34')\n        self.net.load_state_dict(torch.load('whole.pth'))"
    assert _frozen(made) == ["net"]


@pytest.mark.parametrize(
    "load",
    [
        "if cfg.resume: self.net.load_state_dict(torch.load(cfg.resume))",
        "if cfg.resume: torch.nn.Module.load_state_dict(self.net, torch.load(cfg.file)['net'])",
        "if cfg.file: self.net.load_state_dict(torch.load(cfg.snapshot)['model'])",
    ],
)
def test_a_training_that_goes_on_has_no_other_backbone(load: str) -> None:
    assert _frozen(f"smp.Unet('resnet34')\n        {load}") == ["net.encoder"]


def test_the_part_may_come_by_a_variable() -> None:
    made = "smp.Unet('resnet34')\n        net = self.net\n        self.part = net.{}"
    assert _frozen(made.format("encoder")) == ["net.encoder", "part"]
    assert _frozen(made.format("decoder")) == []


@pytest.mark.parametrize(
    "made",
    [
        "smp.Unet('resnet34', encoder_weights=None)",
        "smp.Unet('resnet34', 5, None)",
        "segmentation.deeplabv3_resnet50(pretrained=False, pretrained_backbone=False)",
        "segmentation.fcn_resnet50(weights=None, weights_backbone=None)",
        # It is new.
        "smp.Unet('resnet34').decoder",
        # One of them is pretrained as a whole, and not the other one.
        "smp.Unet('resnet34') if cfg.a else torchvision.models.resnet18(pretrained=True)",
    ],
)
def test_what_is_not_pretrained_is_not_frozen(made: str) -> None:
    plan = plan_of(_IMPORTS + _TASK.format(made=made), "model.Task()")
    assert frozen(plan) == []
    assert "it would freeze Task.net as well" in plan.train_scripts[0].reason


def test_a_loss_of_a_library_is_no_backbone() -> None:
    task = _TASK.replace("self.net", "self.first = nn.Conv2d(4, 4, 1)\n        self.dice")
    for made in ("smp.losses.DiceLoss('binary')", "smp.metrics.IoU()"):
        plan = plan_of(_IMPORTS + task.format(made=made), "model.Task()")
        assert [str(site.verdict) for site in plan.sites] == ["unknown"]


_DETECTION = """
from torchvision.models.detection import fasterrcnn_resnet50_fpn
from torchvision.models.detection.backbone_utils import mobilenet_backbone, resnet_fpn_backbone
from torchvision.ops import FrozenBatchNorm2d
"""


def _named(made: str) -> tuple[list[str], list[str]]:
    """What is frozen, and what is said of the scripts, of a model with such a part."""
    plan = plan_of(_IMPORTS + _DETECTION + _TASK.format(made=made), "model.Task()")
    assert str(plan.sites[-1].verdict) == "convert", plan.sites
    return frozen(plan), [one.code for one in findings(plan) if one.code[:3] == "BN2"]


@pytest.mark.parametrize(
    "made",
    [
        "resnet_fpn_backbone('resnet50', pretrained=True)",
        "resnet_fpn_backbone('resnet50', True)",
        "resnet_fpn_backbone(backbone_name=f'resnet{cfg.depth}', weights=cfg.weights)",
        "resnet_fpn_backbone('resnet50', True, norm_layer=FrozenBatchNorm2d)",
        "mobilenet_backbone('mobilenet_v2', pretrained=True, fpn=True)",
        "fasterrcnn_resnet50_fpn(pretrained=True)",
        "fasterrcnn_resnet50_fpn(True)",
        "fasterrcnn_resnet50_fpn(weights='DEFAULT', weights_backbone=None)",
        # Its backbone has weights all the same.
        "fasterrcnn_resnet50_fpn()",
        "fasterrcnn_resnet50_fpn(weights=None)",
        "detection.maskrcnn_resnet50_fpn(pretrained=False)",
        "detection.fasterrcnn_mobilenet_v3_large_320_fpn(weights_backbone='DEFAULT')",
    ],
)
def test_what_comes_with_frozen_layers(made: str) -> None:
    assert _named(made) == ([], [])


@pytest.mark.parametrize(
    "norm", ["norm_layer=nn.BatchNorm2d", "nn.BatchNorm2d", "norm_layer=cfg.norm"]
)
def test_another_norm_layer_is_asked_for(norm: str) -> None:
    assert _named(f"resnet_fpn_backbone('resnet50', True, {norm})")[1] == ["BN201", "BN202"]


@pytest.mark.parametrize(
    "made",
    [
        "resnet_fpn_backbone('resnet50', **cfg.backbone)",
        "detection.fasterrcnn_resnet50_fpn_v2(weights='DEFAULT')",
        # They are frozen ones only where there are some weights.
        "fasterrcnn_resnet50_fpn(weights_backbone=cfg.weights)\n"
        "        self.net.load_state_dict(torch.load('whole.pth'))",
        # One of two has BatchNorm.
        "resnet_fpn_backbone('resnet50', True) if cfg.a else "
        "torchvision.models.resnet18(pretrained=True)",
    ],
)
def test_what_comes_with_batch_norm(made: str) -> None:
    assert _named(made) == (["net"], ["BN201", "BN202"])


_TWO_SENSORS = """
import timm
class Image(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.features = timm.create_model(kind, pretrained=True)


class Lidar(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.{attribute} = {made}
        {more}


class Both(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.image = Image(kind)
        self.lidar = Lidar(kind)
"""


def _frozen_sensors(made: str, attribute: str, more: str) -> list[str]:
    text = _TWO_SENSORS.format(made=made, attribute=attribute, more=more)
    plan = plan_of(text, "model.Both(args.kind)")
    return sorted({name for one in plan.train_scripts if one.fix for name in one.backbone})


@pytest.mark.parametrize("attribute", ["encoder", "backbone", "net"])
@pytest.mark.parametrize(
    "made",
    [
        "timm.create_model(kind, pretrained=False)",
        "timm.create_model(kind, in_chans=2, pretrained=None)",
        "torchvision.models.resnet18(pretrained=False)",
        "torchvision.models.resnet18(weights=None)",
    ],
)
def test_what_is_made_without_weights_is_not_frozen_beside_what_has_some(
    made: str, attribute: str
) -> None:
    assert _frozen_sensors(made, attribute, "pass") == ["image.features"]


@pytest.mark.parametrize(
    ("made", "more"),
    [
        ("timm.create_model(kind, pretrained=True)", "pass"),
        ("timm.create_model(kind, pretrained=kind != 'tiny')", "pass"),
        ("timm.create_model(kind, pretrained=False, checkpoint_path='a.pth')", "pass"),
        (
            "timm.create_model(kind, pretrained=False)",
            "self.encoder.load_state_dict(torch.load('pretrained.pth'))",
        ),
    ],
)
def test_weights_that_come_or_may_come_to_it(made: str, more: str) -> None:
    assert _frozen_sensors(made, "encoder", more) == ["image.features", "lidar.encoder"]
