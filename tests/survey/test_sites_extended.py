"""Loads through wrappers, into networks that others extend, and into what is looked up by name."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, plan_of

ENCODERS = """\
-- nets/encoders/base.py --
class ResNetBase(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(64)  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
-- nets/encoders/big.py --
from nets.encoders.base import ResNetBase
class BigResNet(ResNetBase):
    def __init__(self):
        super().__init__()
        self.guide = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16))  #! unknown
"""
MODEL = """\
-- model.py --
from torch.nn.parallel import DistributedDataParallel as DDP
from nets.encoders.big import BigResNet
class Gen(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = BigResNet()
        self.decoder = nn.Sequential(nn.Conv2d(64, 8, 3), nn.BatchNorm2d(8))  #! convert
def load_imagenet_pretrain(model, path):
    model.module.encoder.load_state_dict(torch.load(path)["state_dict"], strict=False)
"""


@pytest.mark.parametrize(
    "wrapped",
    [
        "load_imagenet_pretrain(nn.DataParallel(Gen()), 'imagenet.pth')",
        "load_imagenet_pretrain(nn.DataParallel(module=Gen()).cuda(), 'imagenet.pth')",
        "load_imagenet_pretrain(DDP(Gen(), device_ids=[0]), 'imagenet.pth')",
        "model = Gen(); model = nn.DataParallel(model); load_imagenet_pretrain(model, 'w.pth')",
    ],
)
def test_what_a_wrapper_of_torch_holds_as_module(wrapped: str) -> None:
    plan = check(f"{MODEL}{wrapped}\n{ENCODERS}")
    [guide] = [site for site in plan.sites if site.attribute == "guide"]
    assert "whether they include guide" in guide.reasons[0]


@pytest.mark.parametrize(
    "wrapped", ["Ema(Gen())", "nn.DataParallel(Other(), Gen())", "nn.Sequential(Gen())"]
)
def test_module_of_what_does_not_hold_the_model_there(wrapped: str) -> None:
    plan = plan_of(
        f"""\
{MODEL}from ema import Ema
class Other(nn.Module):
    pass
load_imagenet_pretrain({wrapped}, 'imagenet.pth')
{ENCODERS}"""
    )
    assert not any("torch.load" in reason for site in plan.sites for reason in site.reasons)


@pytest.mark.parametrize("attribute", ["encoder", "backbone"])
def test_names_alone_do_not_claim_what_is_added_to_a_network(attribute: str) -> None:
    check(MODEL.replace("self.encoder", f"self.{attribute}") + f"Gen()\n{ENCODERS}")


EXTENDED = """\
class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.BatchNorm2d(8))  #! keep
class Guided({base}):
    def __init__(self):
        super().__init__()
        self.{attribute} = nn.Sequential(nn.BatchNorm2d(8))  #! {verdict}
    def init_weights(self, pretrained):
        self.load_state_dict({load})
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Guided()
{built}
"""
LENIENT = "torch.load(pretrained), strict=False"


@pytest.mark.parametrize(
    ("base", "attribute", "load", "built", "verdict"),
    [
        ("MobileNet", "guide", LENIENT, "MobileNet()", "unknown"),
        ("MobileNet", "stem", LENIENT, "MobileNet()", "keep"),  # in the place of the base's
        ("MobileNet", "guide", "torch.load(pretrained)", "MobileNet()", "keep"),
        ("MobileNet", "guide", LENIENT, "", "keep"),  # the base may be nothing by itself
        ("nn.Module", "guide", LENIENT, "", "keep"),
        ("nn.Module", "blocksUp", LENIENT, "", "unknown"),
        ("nn.Module", "blocksSuper", LENIENT, "", "keep"),
    ],
)
def test_weights_of_a_class_that_extends_a_network(
    base: str, attribute: str, load: str, built: str, verdict: str
) -> None:
    text = EXTENDED.format(base=base, attribute=attribute, load=load, built=built, verdict=verdict)
    if base == "nn.Module":
        text = text[text.index("class Guided") :]
    check(text)


@pytest.mark.parametrize("attributes", ["layer4", "bn1", "layer1_d", "fc"])
def test_members_of_the_family_that_a_subclass_has_are_no_additions(attributes: str) -> None:
    text = f"{MODEL}Gen()\n{ENCODERS}".replace("self.guide", f"self.{attributes}")
    check(text.replace("unknown", "keep"))


def test_network_that_is_looked_up_beside_its_blocks() -> None:
    """``Block`` is not what the file is loaded into, so that the network around it is one."""
    check(
        """\
-- model.py --
import sys
import encoders
class Gen(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.encoder = encoders.__dict__[name]()
        self.decoder = nn.Sequential(nn.BatchNorm2d(8))  #! convert
def load_pretrained(model, path):
    model.encoder.load_state_dict(torch.load(path), strict=False)
load_pretrained(Gen(sys.argv[1]), 'imagenet.pth')
-- encoders/__init__.py --
from encoders.net import ResNet, BasicBlock, Part
-- encoders/net.py --
class Part(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
class BasicBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
        self.part = Part()
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = BasicBlock()
        self.layer2 = BasicBlock()
        self.layer3 = BasicBlock()
"""
    )


def test_network_in_a_model_that_are_looked_up_together_is_still_loaded() -> None:
    check(
        """\
-- model.py --
import sys
import nets
def load_pretrained(name, path):
    net = nets.__dict__[name]()
    net.load_state_dict(torch.load(path), strict=False)
    return net
load_pretrained(sys.argv[1], 'w.pth')
-- nets/__init__.py --
from nets.yolo import Darknet, Yolo
-- nets/yolo.py --
class Darknet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage = nn.Sequential(nn.BatchNorm2d(8))  #! keep
class Yolo(nn.Module):
    def __init__(self):
        super().__init__()
        self.dark = Darknet()
        self.head = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
"""
    )


def test_neck_that_is_looked_up_beside_its_model() -> None:
    """The weights of a model say nothing of a part that the same call may seem to make."""
    check(
        """\
-- main.py --
import sys
import models
def load_pretrain(model, path):
    model.load_state_dict(torch.load(path), strict=False)
    return model
load_pretrain(models.__dict__[sys.argv[1]](), 'w.pth')
-- models/__init__.py --
from models.net import Model, Adjust
-- models/net.py --
import torchvision
class Adjust(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.BatchNorm2d(8))  #! convert
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torchvision.models.resnet18(pretrained=True)
        self.neck = Adjust()
"""
    )


def test_model_that_is_looked_up_beside_a_wrapper_that_counts_its_operations() -> None:
    """The file of a whole model is loaded into the model, though a wrapper holds it as well."""
    check(
        """\
-- main.py --
import sys
import models
def load_pretrain(model, path):
    model.load_state_dict(torch.load(path), strict=False)
    return model
load_pretrain(models.__dict__[sys.argv[1]](), 'w.pth')
-- models/__init__.py --
from models.net import Tracker, Counter
-- models/net.py --
class ResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = ResNet50()
        self.connect = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Tracker()
"""
    )


def test_what_stands_beside_a_network_in_a_file_that_is_loaded_is_not_certain() -> None:
    check(
        """\
class ResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = ResNet50()
        self.connect = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
def load_pretrained(model, path):
    model.load_state_dict(torch.load(path), strict=False)
    return model
net = load_pretrained(Tracker(), 'resnet50.pth')
"""
    )


@pytest.mark.parametrize(("more", "verdict"), [("", "unknown"), (", strict=False", "keep")])
def test_what_a_model_named_like_a_network_resumes_is_not_certain(more: str, verdict: str) -> None:
    check(
        f"""\
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {verdict}
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! {verdict}
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! {verdict}
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! {verdict}
        self.context = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
net = ResNet()
net.load_state_dict(torch.load('last.pth'){more})
"""
    )


def test_what_a_resumed_model_takes_out_of_a_loaded_network_is_its_backbone() -> None:
    check(
        """\
import torchvision
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.load_state_dict(torchvision.models.resnet18(True).state_dict(), strict=False)
class UNetResnet(nn.Module):
    def __init__(self):
        super().__init__()
        network = ResNet()
        self.initial = nn.Sequential(network.bn1, nn.ReLU())
        self.layer1 = network.layer1
        self.layer2 = network.layer2
        self.layer3 = network.layer3
        self.up = nn.Sequential(nn.BatchNorm2d(8))  #! convert
net = UNetResnet()
net.load_state_dict(torch.load('last.pth'))
"""
    )
