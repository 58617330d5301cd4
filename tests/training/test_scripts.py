"""Train scripts of every shape: what migrate adds to them, and what it leaves alone.

Each script is shown once, with a ``+`` in front of the lines that migrate adds
(besides the functions, which go into a shared module here).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod import sources
from bn2gn_codemod.plan import Plan
from bn2gn_codemod.rewrite import apply
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.survey import plan_repository
from tests.conftest import MakeRepository

MODEL = """
import torch
import torchvision
from torch import nn


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.head = nn.Conv2d(512, 4, 1)


class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = torchvision.models.resnet18(weights="DEFAULT")
        self.head = nn.Conv2d(512, 4, 1)


class Loss(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))


class ModelWithLoss(nn.Module):
    def __init__(self, model, loss):
        super().__init__()
        self.model = model
        self.loss = loss
"""
IMPORTS = """import argparse
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from accelerate import Accelerator
from elsewhere import Network
from model import Detector, Loss, ModelWithLoss, Other

args = argparse.ArgumentParser().parse_args()
"""
FREEZE = """
+    frozen_count = freeze_backbone_bn(model, 'Detector')
+    print(f'Frozen backbone BatchNorm layers: {frozen_count}')"""
COUNT = "print(f'Frozen backbone BatchNorm layers: {frozen_count}')"
OWN_FREEZE = """
def freeze(model):
    for module in model.backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
            for parameter in module.parameters():
                parameter.requires_grad = False
"""
LOOP = """
    for epoch in range(3):
        model.train()
+        eval_backbone_bn(model)
        for x in loader:
            model(x).sum().backward()
            optimizer.step()
"""
GUARDED = """
    for epoch in range(3):
        model.train()
        for module in model.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        for x in loader:
            model(x).sum().backward()
            optimizer.step()
"""

CHANGED = {
    "in train mode from the start, and wrapped": f"""
def main(loader):
    net = Detector().train()
    model = nn.DataParallel(net).cuda(){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "left where there is none": f"""
def main(loader, args):
    model = None
    if args.large:
        model = Detector()
    elif args.small:
        model = Detector().cuda()
    if model is None:
        return
+    frozen_count = freeze_backbone_bn(model, 'Detector')
+    {COUNT}
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "none at first, and what follows a test run needs one": f"""
def main(loader, args):
    model = None
    if args.large:
        model = Detector()
    elif args.small:
        model = Detector().cuda()
    if args.test:
        run(model, loader)
        return
+    frozen_count = freeze_backbone_bn(model, 'Detector')
+    {COUNT}
    rate = args.lr
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
{LOOP}
""",
    "moved behind its optimizer, with another name for it": """
class Trainer(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Detector()
        self.other = self.model
+        frozen_count = freeze_backbone_bn(self, 'Trainer')
+        print(f'Frozen backbone BatchNorm layers: {frozen_count}')
        self.optimizer = torch.optim.Adam(self.model.parameters())
        if args.half:
            self.model = self.model.cuda()
            self.other = self.model

    def run(self, loader):
        for epoch in range(3):
            self.train()
+            eval_backbone_bn(self)
            for x in loader:
                self.model(x).sum().backward()
""",
    "none at first, and one on every way": f"""
def main(loader, args):
    model = None
    if args.large:
        model = Detector()
    elif args.small:
        model = Detector().cuda()
    else:
        raise ValueError(args)
+    frozen_count = freeze_backbone_bn(model, 'Detector')
+    {COUNT}
    if args.train:
        optimizer = torch.optim.Adam(model.parameters())
{LOOP.replace(chr(10), chr(10) + "    ").replace(chr(10) + "    +", chr(10) + "+    ")}
""",
    "none at first, and what follows needs one": f"""
def main(loader, args):
    model = None
    if args.large:
        model = Detector()
    elif args.small:
        model = Detector().cuda()
+    frozen_count = freeze_backbone_bn(model, 'Detector')
+    {COUNT}
    if args.path is not None:
        model.load_state_dict(torch.load(args.path))
    if args.evaluate:
        for parameter in model.parameters():
            parameter.requires_grad = False
        return
    if args.some:
        some = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.Adam(some)
    else:
        optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "made anew": f"""
def main(loader):
    model = Detector()
    model = model.to(0){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
    model.train()
+    eval_backbone_bn(model)
    for x in loader:
        model(x)
    model = Detector()
    model = model.to(0){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "made anew in each round": f"""
model = Detector()
if args.cuda:
    model = model.cuda()
+frozen_count = freeze_backbone_bn(model, 'Detector')
+{COUNT}
optimizer = torch.optim.Adam(model.parameters())
for fold in range(5):
    if args.detect:
        model = Detector()
    else:
        exit(0)
    model = model.to(0)
+    frozen_count = freeze_backbone_bn(model, 'Detector')
+    {COUNT}
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(3):
        model.train()
+        eval_backbone_bn(model)
        for x in loader:
            model(x)
""",
    "frozen by hand, and made anew": f"""{OWN_FREEZE}
def main(loader):
    model = Detector()
    freeze(model)
    optimizer = torch.optim.Adam(model.parameters())
    model = Detector(){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "another optimizer of the same model": f"""
def main(loader):
    model = Detector(){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
    model = nn.DataParallel(model).to(0)
    for stage in range(2):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
{LOOP.replace(chr(10), chr(10) + "    ").replace(chr(10) + "    +", chr(10) + "+    ")}
""",
    "module level": f"""
model = Detector()
+frozen_count = freeze_backbone_bn(model, 'Detector')
+{COUNT}
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(3):
    model.train()
+    eval_backbone_bn(model)
    for x in loader:
        model(x)
""",
    "in main": f"""
def main(loader):
    model = Detector(){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "parameters sorted into lists that one statement makes": f"""
def main(loader):
    model = Detector()
+    frozen_count = freeze_backbone_bn(model, 'Detector')
+    {COUNT}
    base, head = [], []
    for name, parameter in model.named_parameters():
        if "backbone" in name:
            base.append(parameter)
        else:
            head.append(parameter)
    optimizer = torch.optim.SGD([{{"params": base}}, {{"params": head}}], lr=0.1)
{LOOP}
""",
    "an optimizer made by what takes any arguments": f"""
def make(kind, *args, **options):
    return getattr(torch.optim, kind)(*args, **options)

def main(loader):
    model = Detector(){FREEZE}
    optimizer = make("SGD", model.parameters(), lr=0.1)
{LOOP}
""",
    "a model that a registry builds": f"""
from mmcv.utils import Registry
MODELS = Registry("models")
MODELS.register_module(module=Detector)

def main(loader):
    model = MODELS.build(args){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "an optimizer made of a dict of arguments": f"""
def from_dict(info, options):
    arguments = info.copy()
    kind = getattr(torch.optim, arguments.pop("type"))
    for name, value in options.items():
        arguments.setdefault(name, value)
    return kind(**arguments)

def main(loader):
    model = Detector(){FREEZE}
    optimizer = from_dict({{"type": "SGD"}}, dict(params=model.parameters()))
{LOOP}
""",
    "what may be wrapped, under a second name": f"""
def main(loader):
    model = Detector()
    model = nn.DataParallel(model) if args.parallel else model{FREEZE}
    model.train()
+    eval_backbone_bn(model)
    if args.same:
        groups = model.parameters()
    else:
        plain = model.module if args.parallel else model
        groups = [{{"params": plain.backbone.parameters()}}, {{"params": plain.head.parameters()}}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    for x in loader:
        model(x)
""",
    "checkpoint loaded before the optimizer": f"""
def main(loader):
    model = Detector(){FREEZE}
    model.load_state_dict(torch.load("last.pth"))
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "checkpoint loaded by a function that returns the model": f"""
def load(model, optimizer):
    model.load_state_dict(torch.load("last.pth"))
    return model, optimizer

def main(loader):
    model = Detector(){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
    model, optimizer = load(model, optimizer)
{LOOP}
""",
    "methods of a trainer": f"""
class Trainer:
    def __init__(self):
        self.model = Detector()
+        frozen_count = freeze_backbone_bn(self.model, 'Detector')
+        {COUNT}
        self.optimizer = self.build()

    def build(self):
        return torch.optim.SGD(self.model.parameters(), lr=0.1)

    def run(self, loader):
        for epoch in range(3):
            self.model.train()
+            eval_backbone_bn(self.model)
            for x in loader:
                self.model(x)
""",
    "a helper that returns the optimizer": f"""
def get_optimizer(net, lr):
    groups = [p for p in net.parameters() if p.requires_grad]
    return torch.optim.SGD(groups, lr=lr)

def main(loader):
    model = Detector(){FREEZE}
    optimizer = get_optimizer(model, 0.1)
{LOOP}
""",
    "parameter groups collected before": f"""
def main(loader):
    model = Detector(){FREEZE}
    slow, fast = [], []
    for name, parameter in model.named_parameters():
        (slow if "backbone" in name else fast).append(parameter)
    groups = [{{"params": slow, "lr": 0.01}}, {{"params": fast}}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
{LOOP}
""",
    "a helper that takes the model from the top level": f"""
model = Detector()
+frozen_count = freeze_backbone_bn(model, 'Detector')
+{COUNT}

def get_optimizer():
    return torch.optim.SGD(model.parameters(), lr=0.1)

def main(loader):
    optimizer = get_optimizer()
    for epoch in range(3):
        model.train()
+        eval_backbone_bn(model)
        for x in loader:
            model(x)
""",
    "the same, at the end of the file": f"""
def get_optimizer():
    return torch.optim.SGD(model.parameters(), lr=0.1)

if __name__ == "__main__":
    model = Detector()
+    frozen_count = freeze_backbone_bn(model, 'Detector')
+    {COUNT}
    optimizer = get_optimizer()
    for epoch in range(3):
        model.train()
+        eval_backbone_bn(model)
        for x in loader:
            model(x)
""",
    "several optimizers of one model": f"""
def main(loader):
    model = Detector(){FREEZE}
    optimizer = torch.optim.SGD(model.backbone.parameters(), lr=0.01)
    model = torch.nn.DataParallel(model)
    second = torch.optim.SGD(model.module.head.parameters(), lr=0.1)
{LOOP}
""",
    "two models that one function makes with something else, and one optimizer": f"""
def create():
    return Detector(), Loss()

def main(loader):
    model, loss = create(){FREEZE}
    second, other = create()
+    frozen_count = freeze_backbone_bn(second, 'Detector')
+    {COUNT}
    optimizer = torch.optim.Adam([*model.parameters(), *second.parameters()])
    for epoch in range(3):
        model.train()
+        eval_backbone_bn(model)
        second.train()
+        eval_backbone_bn(second)
        for x in loader:
            model(x) + second(x)
""",
    "several models": f"""
def main(loader):
    model = Detector(){FREEZE}
    other = Other()
+    frozen_count = freeze_backbone_bn(other, 'Other')
+    {COUNT}
    optimizer = torch.optim.SGD([*model.parameters(), *other.parameters()], lr=0.1)
    for epoch in range(3):
        model.train()
+        eval_backbone_bn(model)
        other.train()
+        eval_backbone_bn(other)
        for x in loader:
            model(x)
""",
    "several models that one statement moves": f"""
def main(loader):
    model = Detector()
    other = Other()
    if args.cuda:
        model = model.cuda()
        other = other.cuda()
+    frozen_count = freeze_backbone_bn(model, 'Detector')
+    {COUNT}
+    frozen_count = freeze_backbone_bn(other, 'Other')
+    {COUNT}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    second = torch.optim.SGD(model.parameters(), lr=0.1)
    third = torch.optim.SGD(other.parameters(), lr=0.1)
    for epoch in range(3):
        model.train()
+        eval_backbone_bn(model)
        other.train()
+        eval_backbone_bn(other)
        for x in loader:
            model(x)
""",
    "parts of a model by their names": f"""
def main(loader):
    model = Detector(){FREEZE}
    groups = [{{"params": model.backbone.parameters(), "lr": 0.01}}]
    for name in args.parts:
        groups.append({{"params": getattr(model, name).parameters(), "lr": 0.1}})
    optimizer = torch.optim.SGD(groups)
{LOOP}
""",
    "models in a dict": f"""
class Trainer:
    def __init__(self):
        self.models = {{}}
        self.models["detector"] = Detector()
+        frozen_count = freeze_backbone_bn(self.models['detector'], 'Detector')
+        {COUNT}
        self.models["loss"] = Loss()
        self.parameters = list(self.models["detector"].parameters())
        self.parameters += list(self.models["loss"].parameters())
        self.optimizer = torch.optim.SGD(self.parameters, lr=0.1)

    def run(self):
        for m in self.models.values():
            m.train()
+            eval_backbone_bn(m)
""",
    "a model in a dict that is there in one branch alone": f"""
class Trainer:
    def __init__(self, own):
        self.models, self.groups = {{}}, []
        if own:
            self.models["detector"] = Detector()
+            frozen_count = freeze_backbone_bn(self.models['detector'], 'Detector')
+            {COUNT}
            self.groups.append(dict(params=self.models["detector"].parameters()))
        self.models["loss"] = Loss()
        self.groups.append(dict(params=self.models["loss"].parameters()))
        self.optimizer = torch.optim.SGD(self.groups, lr=0.1)

    def run(self):
        for m in self.models.values():
            m.train()
+            eval_backbone_bn(m)
""",
    "a second model that the call is handed the first one for": f"""
def make(first):
    return Detector(), Loss()

class Trainer:
    def __init__(self):
        self.models, self.groups = {{}}, []
        self.models["first"] = Detector()
+        frozen_count = freeze_backbone_bn(self.models['first'], 'Detector')
+        {COUNT}
        self.models["second"], self.models["loss"] = make(self.models["first"])
+        frozen_count = freeze_backbone_bn(self.models['second'], 'Detector')
+        {COUNT}
        self.groups.append(dict(params=self.models["first"].parameters()))
        self.groups.append(dict(params=self.models["second"].parameters()))
        self.optimizer = torch.optim.SGD(self.groups, lr=0.1)

    def run(self):
        for m in self.models.values():
            m.train()
+            eval_backbone_bn(m)
""",
    "two models in a dict that one call gives": f"""
def make():
    detector = Detector()
    loss = Loss()
    return detector, loss

class Trainer:
    def __init__(self):
        self.models, self.groups = {{}}, []
        self.models["detector"], self.models["loss"] = make()
+        frozen_count = freeze_backbone_bn(self.models['detector'], 'Detector')
+        {COUNT}
        self.groups.append(dict(params=self.models["detector"].parameters()))
        self.groups.append(dict(params=self.models["loss"].parameters()))
        self.optimizer = torch.optim.SGD(self.groups, lr=0.1)

    def run(self):
        for m in self.models.values():
            m.train()
+            eval_backbone_bn(m)
""",
    "a model in a dict that either branch makes": f"""
class Trainer:
    def __init__(self, own):
        self.models, self.groups = {{}}, []
        if own:
            self.models["detector"] = Detector()
        else:
            self.models["detector"] = Detector().eval()
+        frozen_count = freeze_backbone_bn(self.models['detector'], 'Detector')
+        {COUNT}
        self.groups.append(dict(params=self.models["detector"].parameters()))
        self.optimizer = torch.optim.SGD(self.groups, lr=0.1)

    def run(self):
        for m in self.models.values():
            m.train()
+            eval_backbone_bn(m)
""",
    "DistributedDataParallel waits for the gradients that are due when it is made": f"""
def main(loader):
    model = Detector(){FREEZE}
    if args.distributed:
        model = DistributedDataParallel(model)
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "wrapped under another name": f"""
def main(loader):
    net = Detector()
+    frozen_count = freeze_backbone_bn(net, 'Detector')
+    {COUNT}
    model = DistributedDataParallel(net.cuda())
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "wrapped by a function that is given something else first": f"""
def to_parallel(args, net):
    return DistributedDataParallel(net)

def main(loader):
    options = args
    model = Detector(){FREEZE}
    model = to_parallel(options, model)
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "wrapped and moved, and again later on": f"""
def main(loader):
    model = Detector()
+    frozen_count = freeze_backbone_bn(model, 'Detector')
+    {COUNT}
    parallel = nn.DataParallel(model).cuda()
    optimizer = torch.optim.Adam(model.parameters())
    if args.resume:
        parallel = nn.DataParallel(model).cuda()
        optimizer = torch.optim.Adam(parallel.module.parameters())
    for epoch in range(3):
        model.train()
+        eval_backbone_bn(model)
        for x in loader:
            parallel(x)
""",
    "an if around the conversion": f"""
def main(loader):
    model = Detector()
    if args.sync:
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "conversion, then wrap": f"""
def main(loader):
    model = Detector()
    model = nn.SyncBatchNorm.convert_sync_batchnorm(model){FREEZE}
    model = DistributedDataParallel(model)
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "accelerate": f"""
def main(loader):
    accelerator = Accelerator()
    model = Detector(){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
{LOOP}
""",
    "a module that holds model and loss": f"""
def main(loader):
    model = Detector(){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
    both = torch.nn.DataParallel(ModelWithLoss(model, Loss()))
    criterion = Loss()
    for epoch in range(3):
        both.train()
+        eval_backbone_bn(both)
        criterion.train()
        for x in loader:
            both(x)
        both.train(False)
""",
    "train(mode) and its value": f"""
def main(loader, mode):
    model = Detector(){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(3):
        model.train(mode)
+        eval_backbone_bn(model)
        model = model.train()
+        eval_backbone_bn(model)
        model.train(mode=True)
+        eval_backbone_bn(model)
        for x in loader:
            model(x)
""",
    "inside a class that is not in the repository": f"""
def main(loader):
    net = Detector()
+    frozen_count = freeze_backbone_bn(net, 'Detector')
+    {COUNT}
    model = Network(args, net)
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(3):
        model.train()
        for x in loader:
            model(x)
""",
    "frozen too late": f"""
{OWN_FREEZE}
def main(loader):
    model = Detector(){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
    freeze(model)
{LOOP}
""",
    "without gradient only": f"""
def main(loader):
    model = Detector(){FREEZE}
    for parameter in model.backbone.parameters():
        parameter.requires_grad = False
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "its weights only": f"""
def main(loader):
    model = Detector(){FREEZE}
    for module in model.backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
            module.weight.requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "in eval mode only": f"""
def main(loader):
    model = Detector(){FREEZE}
    model.backbone.eval()
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "under a name that it does not have": f"""
def main(loader):
    model = Detector(){FREEZE}
    for name, module in model.named_modules():
        if name.startswith("base.") and isinstance(module, nn.BatchNorm2d):
            module.eval()
            module.requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "a part of it": f"""
def main(loader):
    model = Detector(){FREEZE}
    for layer in (model.backbone.layer1, model.backbone.layer2):
        layer.eval()
        layer.requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "all but a part of it": f"""
def main(loader):
    model = Detector(){FREEZE}
    for name, module in model.backbone.named_modules():
        if "layer4" not in name and isinstance(module, nn.BatchNorm2d):
            module.eval()
            module.requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "if an option says so": f"""
{OWN_FREEZE}
def main(loader):
    model = Detector(){FREEZE}
    if args.freeze:
        freeze(model)
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "another backbone": f"""
def main(loader, old):
    model = Detector()
    model.classes = 4
    model.backbone = old.backbone
    if args.deep:
        model.backbone.layer4 = old.layer4{FREEZE}
    model.head = old.head
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
{LOOP}""",
    "thawed again": f"""
{OWN_FREEZE}
def main(loader):
    model = Detector()
    freeze(model)
    for parameter in model.parameters():
        parameter.requires_grad = True{FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "trained again by what runs before the loop": f"""
def validate(model, loader):
    if args.validate:
        model.eval()
        for x in loader:
            model(x)
        model.train()
+        eval_backbone_bn(model)

def main(loader):
    model = Detector()
    model = model.train(){FREEZE}
    optimizer = torch.optim.Adam(model.parameters())
    validate(model, loader)
{LOOP}
""",
    "another model is frozen": f"""
{OWN_FREEZE}
def main(loader):
    teacher = Detector()
    model = Detector(){FREEZE}
    freeze(teacher)
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "evaluated for other reasons": f"""
def validate(model, loader):
    model.eval()
    for x in loader:
        model(x)

def main(loader):
    model = Detector(){FREEZE}
    validate(model, loader)
    for parameter in model.head.parameters():
        parameter.requires_grad = False
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "first-level children only": f"""
def main(loader):
    model = Detector(){FREEZE}
    for child in model.backbone.children():
        if isinstance(child, nn.BatchNorm2d):
            child.eval()
            child.requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
    "a guard on something else": f"""
{OWN_FREEZE}
def main(loader):
    model = Detector()
    freeze(model)
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(3):
        model.train()
+        eval_backbone_bn(model)
        model.head.eval()
        for x in loader:
            model(x)
""",
    "thawed once more before the batches": f"""
{OWN_FREEZE}
def thaw(net):
    for module in net.modules():
        module.train()
+    eval_backbone_bn(net)

def main(loader):
    model = Detector()
    freeze(model)
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(3):
        model.train()
        if epoch == 0:
            freeze(model)
        else:
            thaw(model)
+        eval_backbone_bn(model)
        for x in loader:
            model(x)
""",
    "a loop inside a try, that evaluates now and then": f"""
{OWN_FREEZE}
def main(loader):
    model = Detector()
    freeze(model)
    optimizer = torch.optim.Adam(model.parameters())
    model.train()
+    eval_backbone_bn(model)
    try:
        for epoch in range(3):
            for x in loader:
                model(x)
            if epoch % 2 == 0:
                model.eval()
                model.train()
+                eval_backbone_bn(model)
    except KeyboardInterrupt:
        pass
""",
    "frozen by its own function, no guard": f"""
{OWN_FREEZE}
def main(loader):
    model = Detector()
    freeze(model)
    optimizer = torch.optim.Adam(model.parameters())
{LOOP}
""",
}

UNCHANGED = {
    "frozen by hand, and wrapped afterwards": f"""{OWN_FREEZE}
def main(loader):
    net = Detector()
    freeze(net)
    model = net
    model = nn.DataParallel(model)
    if args.cuda:
        model = model.cuda()
    optimizer = torch.optim.Adam(model.parameters())
{GUARDED.replace("model.backbone", "model.module.backbone")}
""",
    "at the top level, for a helper": f"""
{OWN_FREEZE}
model = Detector()
freeze(model)

def main(loader):
    optimizer = torch.optim.Adam(model.parameters())
{GUARDED}
""",
    "its own function, its own guard": f"""
{OWN_FREEZE}
def main(loader):
    model = Detector()
    freeze(model)
    optimizer = torch.optim.Adam(model.parameters())
{GUARDED}
""",
    "inline, through the wrapper": """
def main(loader):
    model = torch.nn.DataParallel(Detector())
    for name, module in model.named_modules():
        if 'backbone' in name and 'BatchNorm' in module.__class__.__name__:
            module.eval()
            module.weight.requires_grad = False
            module.bias.requires_grad = False
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(3):
        model.train()
        net = model.module if hasattr(model, 'module') else model
        net.backbone.eval()
        for x in loader:
            model(x)
""",
    "as the specification writes it": """
def freeze_backbone_bn(model, model_name):
    frozen = 0
    if hasattr(model, 'backbone'):
        for _, m in model.backbone.named_modules():
            if isinstance(m, torch.nn.BatchNorm2d):
                m.eval()
                m.weight.requires_grad = False
                m.bias.requires_grad = False
                frozen += 1
    else:
        for name, m in model.named_modules():
            if isinstance(m, torch.nn.BatchNorm2d) and 'base' in name:
                m.eval()
                frozen += 1
    return frozen

def run(model_with_loss, loader):
    model_with_loss.train()
    model = (
        model_with_loss.module.model
        if hasattr(model_with_loss, 'module')
        else model_with_loss.model
    )
    if hasattr(model, 'backbone'):
        for m in model.backbone.modules():
            if isinstance(m, torch.nn.BatchNorm2d):
                m.eval()
    for x in loader:
        model_with_loss(x)

def main(loader):
    model = Detector()
    print(freeze_backbone_bn(model, args.model_name))
    optimizer = torch.optim.Adam(model.parameters())
    run(torch.nn.DataParallel(ModelWithLoss(model, Loss())), loader)
""",
    "recursive, and by apply": """
def freeze(module):
    for child in module.children():
        if isinstance(child, (nn.BatchNorm2d, nn.SyncBatchNorm)):
            child.eval()
            child.requires_grad_(False)
        freeze(child)

def set_eval(m):
    classname = m.__class__.__name__
    if classname.find('BatchNorm') != -1:
        m.eval()

def main(loader):
    model = Detector()
    freeze(model.backbone)
    optimizer = torch.optim.Adam(model.parameters())
    for epoch in range(3):
        model.train()
        model.apply(set_eval)
        for x in loader:
            model(x)
""",
    "no backbone in it": """
def main(loader):
    model = Loss()
    optimizer = torch.optim.Adam(model.parameters())
    model.train()
""",
    "no optimizer": """
def main(loader):
    model = Detector()
    model.eval()
""",
}


def lines(text: str) -> list[str]:
    return [line.replace('"', "'") for line in text.splitlines() if line.strip()]


def before_and_after(script: str) -> tuple[str, list[str]]:
    before = [line for line in script.splitlines() if not line.startswith("+")]
    after = [line.removeprefix("+") for line in script.splitlines()]
    return IMPORTS + "\n".join(before) + "\n", lines(IMPORTS + "\n".join(after))


def migrate(root: Path, settings: Settings) -> Plan:
    repository = sources.discover(root)
    plan = plan_repository(repository, settings)
    assert apply(repository, plan).refused == ()
    return plan


def left(root: Path, settings: Settings) -> list[str]:
    """What another run would say and do."""
    again = plan_repository(sources.discover(root), settings)
    changed = [edits.path for edits in again.files] + [new.path for new in again.new_files]
    return [f"{finding.code} {finding.place}" for finding in findings(again)] + changed


@pytest.mark.parametrize("case", CHANGED)
def test_changed(repository: MakeRepository, case: str) -> None:
    before, after = before_and_after(CHANGED[case])
    root = repository({"model.py": MODEL, "train.py": before})
    settings = Settings(shared_module="freezing.py", guard="loop")
    migrate(root, settings)
    written = lines((root / "train.py").read_text())
    assert [line for line in written if not line.startswith("from freezing import")] == after
    assert left(root, settings) == []


@pytest.mark.parametrize("case", UNCHANGED)
def test_unchanged(repository: MakeRepository, case: str) -> None:
    before, _ = before_and_after(UNCHANGED[case])
    root = repository({"model.py": MODEL, "train.py": before})
    plan = migrate(root, Settings())
    assert (root / "train.py").read_text() == before
    assert plan.files == ()
    assert left(root, Settings()) == []


@pytest.mark.parametrize("freeze", ["bn", "backbone"])
def test_one_shared_module_for_everything(repository: MakeRepository, freeze: str) -> None:
    """GroupNorm helper and freezing live once, in a module that is new or there already."""
    model = MODEL.replace("nn.Conv2d(512, 4, 1)", "nn.Sequential(nn.BatchNorm2d(512))")
    before, _ = before_and_after(CHANGED["in main"])
    for number, given in enumerate(({}, {"shared.py": "import torch\n\n\nNAME = 1\n"})):
        root = repository({"model.py": model, "train.py": before, **given})
        settings = Settings(shared_module="shared.py", freeze=freeze)  # type: ignore[arg-type]
        plan = migrate(root, settings)
        assert len(plan.new_files) == 1 - number
        shared = (root / "shared.py").read_text()
        for name in ("get_group_norm", "freeze_backbone_bn", "eval_backbone_bn"):
            assert shared.count(f"def {name}(") == 1
        assert "def " not in (root / "train.py").read_text().replace("def main(", "")
        assert left(root, settings) == []
        (root / "shared.py").unlink()


DRIVEN = {
    "Lightning": """
import lightning


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = Detector()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)
""",
    "a Trainer of transformers": """
from transformers import Trainer

model = Detector()
Trainer(model=model, train_dataset=[]).train()
""",
    "ignite": """
from ignite.engine import create_supervised_trainer

model = Detector()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
create_supervised_trainer(model, optimizer, torch.nn.MSELoss()).run([])
""",
    "a train() in an expression": """
def main(loader):
    model = Detector()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(3):
        [m.train() for m in (model, Loss())]
        for x in loader:
            model(x)
""",
    "once, where the model is made": """
class Exp:
    def get_model(self):
        self.model = Detector()
        self.model.apply(print)
        self.model.train()
        return self.model

    def get_optimizer(self):
        return torch.optim.SGD(self.model.parameters(), lr=0.1)
""",
    "asked by what is no module for certain": """
class Actor:
    def __init__(self, net):
        self.net = net

    def train(self, mode=True):
        self.net.train(mode)

def main(loader):
    model = Detector()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    actor = args.wrap(Actor(model), model)
    for x in loader:
        actor.train()
        actor(x)
""",
    "no loop to be found": """
model = Detector()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
run(model, optimizer)
""",
}


@pytest.mark.parametrize("case", DRIVEN)
def test_where_no_loop_can_be_guarded_the_model_is(repository: MakeRepository, case: str) -> None:
    root = repository({"model.py": MODEL, "train.py": IMPORTS + DRIVEN[case]})
    migrate(root, Settings())
    model, train = ((root / name).read_text() for name in ("model.py", "train.py"))
    detector = model.partition("class Other")[0]
    assert "def train(self, mode=True):" in detector
    assert "for module in self.backbone.modules():" in detector
    assert "def train(" not in model.partition("class Other")[2]
    assert train.count("= freeze_backbone_bn(") == 1
    assert "eval_backbone_bn" not in train
    assert left(root, Settings()) == []


def test_parts_that_may_be_absent_are_looked_for_by_name(repository: MakeRepository) -> None:
    model = MODEL.replace(
        '        self.backbone = torchvision.models.resnet18(weights="DEFAULT")\n',
        "        if kind:\n"
        '            self.backbone = torchvision.models.resnet18(weights="DEFAULT")\n',
    ).replace("def __init__(self):", "def __init__(self, kind=True):", 1)
    root = repository({"model.py": model, "train.py": IMPORTS + DRIVEN["no loop to be found"]})
    migrate(root, Settings())
    written = (root / "model.py").read_text()
    assert "        super().train(mode)\n        eval_backbone_bn(self)\n" in written
    assert left(root, Settings()) == []


SYNC = """
from torch.nn import BatchNorm2d
NORM = BatchNorm2d

class Kinds:
    NORM = BatchNorm2d

def freeze(model):
    for module in model.backbone.modules():
        if isinstance(module, {before}):
            module.eval()
            module.requires_grad_(False)

def main(loader):
    model = nn.SyncBatchNorm.convert_sync_batchnorm(Detector())
    freeze(model)
    optimizer = torch.optim.Adam(model.parameters())
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nn.BatchNorm2d", "(nn.BatchNorm2d, nn.SyncBatchNorm)"),
        ("torch.nn.BatchNorm2d", "(torch.nn.BatchNorm2d, torch.nn.SyncBatchNorm)"),
        ("BatchNorm2d", "(BatchNorm2d, nn.SyncBatchNorm)"),
        ("NORM", "(NORM, nn.SyncBatchNorm)"),
        ("Kinds.NORM", "(Kinds.NORM, nn.SyncBatchNorm)"),
    ],
)
def test_the_test_sees_sync_batchnorm(repository: MakeRepository, before: str, after: str) -> None:
    root = repository({"model.py": MODEL, "train.py": IMPORTS + SYNC.format(before=before)})
    migrate(root, Settings(guard="loop"))
    written = (root / "train.py").read_text()
    assert f"isinstance(module, {after})" in written
    assert "freeze_backbone_bn" not in written
    assert left(root, Settings(guard="loop")) == []


def test_a_function_of_that_name_that_does_something_else_is_left(
    repository: MakeRepository,
) -> None:
    own = "\n\ndef freeze_backbone_bn(model):\n    return len(list(model.parameters()))\n"
    before, _ = before_and_after(CHANGED["in main"])
    root = repository({"model.py": MODEL, "train.py": before + own})
    plan = migrate(root, Settings())
    assert [edit for edits in plan.files for edit in edits.freezes] == []
    [script] = plan.train_scripts
    assert "already means something else" in script.reason


def test_names_of_layers_taken_out_of_a_network(repository: MakeRepository) -> None:
    """``self.layer1 = resnet.layer1``, as segmentation networks do."""
    model = """
import torch
from torch import nn
from torch.utils import model_zoo


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(4)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = self._make_layer(2)
        self.layer2 = self._make_layer(2)
        self.layer3 = self._make_layer(2)

    def _make_layer(self, count):
        layers = []
        for _ in range(count):
            layers.append(Block())
        return nn.Sequential(*layers)


def resnet():
    model = ResNet()
    model.load_state_dict(model_zoo.load_url("https://download.pytorch.org/models/resnet50.pth"))
    return model


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        net = resnet()
        self.layer0 = nn.Sequential(net.bn1, nn.ReLU())
        self.layer1, self.layer2, self.layer3 = net.layer1, net.layer2, net.layer3
        self.head = nn.BatchNorm2d(4)
"""
    before, _ = before_and_after(CHANGED["in main"])
    before = before.replace("import Detector, Loss, ModelWithLoss, Other", "import Detector")
    root = repository({"model.py": model, "train.py": before})
    plan = migrate(root, Settings())
    [script] = plan.train_scripts
    assert script.backbone == ("layer0", "layer1", "layer2", "layer3")
    assert "layer[0-3]" in (root / "train.py").read_text()


THAWED_BY_NAME = """
def build(model, epoch):
    if epoch > 1:
        for name in args.layers:
            for parameter in getattr(model.backbone, name).parameters():
                parameter.requires_grad = True
    return torch.optim.Adam(model.parameters())

def train(model, optimizer, loader):
    for epoch in range(3):
        for x in loader:
            model(x)
        optimizer = build(model.module, epoch)

def main(loader):
    model = Detector()
    optimizer = build(model, 0)
    parallel = DistributedDataParallel(model)
    train(parallel, optimizer, loader)
"""


def test_model_that_is_wrapped_later_is_frozen_once(repository: MakeRepository) -> None:
    """The thaw is reported, for that is somebody's wish; the freeze is written once for all."""
    root = repository({"model.py": MODEL, "train.py": IMPORTS + THAWED_BY_NAME})
    migrate(root, Settings())
    once = (root / "train.py").read_text()
    assert once.count("frozen_count = freeze_backbone_bn(") == 1
    migrate(root, Settings())
    assert (root / "train.py").read_text() == once
