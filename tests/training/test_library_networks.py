"""Pretrained networks of libraries that a script trains as they are: named, and not changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

HEAD = """
import segmentation_models_pytorch as smp
import timm
import torch
import torchvision
from efficientnet_pytorch import EfficientNet
from torch import nn
from torchvision import models
from torchvision.models import resnet18

class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(4)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet18(pretrained=True)
        self.decoder = Decoder()

def freeze(net):
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
            module.requires_grad_(False)

def build():
    return resnet18(pretrained=True)

def build_frozen():
    net = resnet18(pretrained=True)
    freeze(net)
    return net

def sgd(model, lr):
    return torch.optim.SGD(model.parameters(), lr)

def over(groups):
    return torch.optim.SGD(groups, 0.1)

def main(args, loader):
"""
OPTIMIZER = "opt = torch.optim.SGD(net.parameters(), 0.1)"
LOOP = "for x in loader:\n    net(x).sum().backward()\n    opt.step()"


def plan_of(body: str, head: str = HEAD) -> Plan:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    read = SourceFile.from_bytes("train.py", (head + lines).encode())
    return plan_repository(Repository(Path("/repository"), (read,)), Settings())


def said(body: str) -> list[str]:
    plan = plan_of(body)
    assert not any(file.freezes or file.loop_guards for file in plan.files)
    return [f"{one.code} {one.message}" for one in findings(plan) if one.code[:3] == "BN2"]


@pytest.mark.parametrize(
    ("made", "library"),
    [
        ("resnet18(pretrained=True)", "torchvision.models.resnet18"),
        ("models.resnet18(True)", "torchvision.models.resnet18"),
        ("torchvision.models.resnet18(weights='DEFAULT')", "torchvision.models.resnet18"),
        ("models.vgg16_bn(pretrained=args.pretrained)", "torchvision.models.vgg16_bn"),
        ("models.__dict__[args.arch](pretrained=True)", "torchvision.models"),
        ("timm.create_model('resnet50', pretrained=True)", "timm.create_model"),
        ("timm.create_model('xcit_nano_12_p16_224', pretrained=True)", "timm.create_model"),
        ("EfficientNet.from_pretrained('b0')", "efficientnet_pytorch.EfficientNet.from_pretrained"),
        ("build()", "torchvision.models.resnet18"),
        ("resnet18(pretrained=True).cuda()", "torchvision.models.resnet18"),
        ("nn.DataParallel(resnet18(pretrained=True))", "torchvision.models.resnet18"),
    ],
)
def test_a_network_as_it_is(made: str, library: str) -> None:
    [first, second] = said(f"net = {made}\n{OPTIMIZER}\nnet.train()\n{LOOP}")
    assert first.startswith(
        f"BN201 optimizer of net: nothing freezes BatchNorm in net; not fixed: {library} "
    )
    assert second.startswith("BN202 train() on net puts its backbone's BatchNorm into train mode")


@pytest.mark.parametrize(
    ("made", "part"),
    [
        ("smp.Unet('resnet34')", "net.encoder"),
        ("smp.Unet(encoder_name='resnet34', encoder_weights='imagenet')", "net.encoder"),
        ("models.segmentation.fcn_resnet50(weights_backbone='DEFAULT')", "net.backbone"),
        # These weights are for all of it, as where it is in an attribute.
        ("models.segmentation.fcn_resnet50(weights='DEFAULT')", "net"),
        # Detectors with BatchNorm that learns.
        ("models.detection.maskrcnn_resnet50_fpn_v2(weights='DEFAULT')", "net"),
        ("models.detection.fcos_resnet50_fpn_v2(weights_backbone='DEFAULT')", "net.backbone.body"),
        ("models.detection.ssdlite320_mobilenet_v3_large(pretrained=True)", "net"),
    ],
)
def test_the_pretrained_part_of_a_larger_one(made: str, part: str) -> None:
    [first] = said(f"net = {made}\n{OPTIMIZER}")
    assert f"nothing freezes BatchNorm in {part}; not fixed" in first


@pytest.mark.parametrize(
    "body",
    [
        # beside what is new
        "net, dec = build(), Decoder()\n"
        "opt = torch.optim.SGD(list(net.parameters()) + list(dec.parameters()), 0.1)",
        # in functions that build the optimizer
        "net = build()\nopt = sgd(net, 0.1)",
        "net = build()\ngroups = [{'params': net.parameters()}]\nopt = over(groups)",
        "net = build()\nnet.fc = nn.Linear(512, 4)\nopt = sgd(net, 0.1)",
        "net = build()\nnet = nn.DataParallel(net)\nif args.cuda:\n    net = net.cuda()\n"
        "opt = sgd(net, 0.1)",
        # another one was frozen
        "net = build_frozen()\nnet = build()\nopt = sgd(net, 0.1)",
        # once for each variable
        "net = build()\nopt = sgd(net, 0.1)\nopt = sgd(net, 0.2)",
        "net = Decoder()\nif args.large:\n    net = build()\nopt = sgd(net, 0.1)",
        "net = build()\nopt = torch.optim.SGD([{'params': net.layer4.parameters()}], 0.1)",
        "net = nn.DataParallel(build())\nopt = torch.optim.SGD([\n"
        "    {'params': net.module.layer3.parameters()},\n"
        "    {'params': net.module.layer4.parameters()},\n], 0.1)",
    ],
)
def test_where_it_is_trained(body: str) -> None:
    [first] = said(body)
    assert first.startswith("BN201 optimizer of net: nothing freezes BatchNorm in net; not fixed")


def test_where_half_of_it_is_done() -> None:
    body = f"net = build()\nfor p in net.parameters():\n    p.requires_grad = False\n{OPTIMIZER}"
    [first] = said(body)
    assert "only eval mode or only requires_grad freezes BatchNorm in net; not fixed" in first


@pytest.mark.parametrize(
    "body",
    [
        # without weights, or without BatchNorm
        f"net = resnet18()\n{OPTIMIZER}",
        f"net = resnet18(pretrained=False)\n{OPTIMIZER}",
        f"net = resnet18(weights=None)\n{OPTIMIZER}",
        f"net = timm.create_model('resnet50')\n{OPTIMIZER}",
        f"net = timm.create_model('vit_base_patch16', pretrained=True)\n{OPTIMIZER}",
        f"net = models.vgg16(pretrained=True)\n{OPTIMIZER}",
        f"net = models.swin_t(weights='DEFAULT')\n{OPTIMIZER}",
        f"net = smp.Unet('resnet34', encoder_weights=None)\n{OPTIMIZER}",
        f"net = smp.Unet('resnet34', 5, None)\n{OPTIMIZER}",
        f"net = models.detection.fasterrcnn_resnet50_fpn(weights='DEFAULT')\n{OPTIMIZER}",
        # with layers that are frozen already
        "from torchvision.ops import FrozenBatchNorm2d\n"
        f"net = resnet18(pretrained=True, norm_layer=FrozenBatchNorm2d)\n{OPTIMIZER}",
        # frozen, where it is made or before the optimizer
        f"net = build_frozen()\n{OPTIMIZER}",
        f"net = build()\nfreeze(net)\n{OPTIMIZER}",
        f"inner = build()\nfreeze(inner)\nnet = nn.DataParallel(inner)\n{OPTIMIZER}",
        # to look at, or to compare with
        "net = build()\nnet.eval()\nfor x in loader:\n    net(x)",
        "net = build()\nhead = nn.Linear(512, 4)\nopt = torch.optim.SGD(head.parameters(), 0.1)",
        "net = build()\nnet.train()\nfor x in loader:\n    net(x)",
        # only what comes after it
        "net = build()\nnet.fc = nn.Linear(512, 4)\nopt = sgd(net.fc, 0.1)",
        "net = build()\nopt = torch.optim.SGD(net.fc.parameters(), 0.1)",
        # another one of that name
        f"net = build()\nprint(net)\nnet = Decoder()\n{OPTIMIZER}",
    ],
)
def test_other_networks(body: str) -> None:
    assert said(body) == []


def test_a_network_in_a_class_is_frozen() -> None:
    """The model around it has a name for it."""
    plan = plan_of(f"net = Net()\n{OPTIMIZER}\nopt = sgd(net.backbone, 0.1)")
    [file] = plan.files
    assert [freeze.backbone for freeze in file.freezes] == [("backbone",)]
    assert not any("no class here" in one.message for one in findings(plan))


@pytest.mark.parametrize(
    ("after", "count"), [("freeze(net)", 0), ("net.eval()", 0), ("freeze(args)", 1), ("", 1)]
)
def test_what_puts_it_back_into_eval_mode(after: str, count: int) -> None:
    body = (
        f"net = build_frozen()\n{OPTIMIZER}\nfor epoch in range(3):\n    net.train()\n    {after}\n"
    )
    loop = "".join(f"    {line}\n" for line in LOOP.splitlines())
    assert len(said(body + loop)) == count


TRAINER = """
class Trainer:
    def __init__(self):
        self.model = resnet18(pretrained=True)
        {freeze}
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.1)

    def run(self, loader):
        self.model.train()
        for x in loader:
            self.model(x).sum().backward()
            self.optimizer.step()
"""


@pytest.mark.parametrize(
    ("freeze", "codes"), [("pass", ["BN201", "BN202"]), ("freeze(self.model)", ["BN202"])]
)
def test_in_a_trainer(freeze: str, codes: list[str]) -> None:
    plan = plan_of("", HEAD.replace("def main(args, loader):\n", TRAINER.format(freeze=freeze)))
    assert [one.code for one in findings(plan) if one.code[:3] == "BN2"] == codes
