"""Models of libraries of which the backbone alone is pretrained: the freeze stops there."""

from __future__ import annotations

import pytest

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
