"""A parallel wrapper that the repository brings along: each object is around its own model."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

PARALLEL = """
from torch import nn

class DistributedDataParallel(nn.Module):
    def __init__(self, module, delay=False):
        super().__init__()
        self.{attribute} = module
        self.active = [p for p in module.parameters() if p.requires_grad]

    def forward(self, *inputs):
        return self.{attribute}(*inputs)
"""
NETS = """
import torchvision
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")

class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torchvision.models.resnet18(weights="DEFAULT")

class Toy(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

class Based(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = torchvision.models.resnet18(weights="DEFAULT")

class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
"""
TRAIN = """
import torch
import torchvision
from torch import nn
from nets import Based, Body, Mixed, Net, Toy
from parallel import DistributedDataParallel as DDP

def main(args, loader):
{body}
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x in loader:
        model.train()
        model(x).sum().backward()
"""


def plan_of(*bodies: str, attribute: str = "module") -> Plan:
    """The plan for scripts that make ``model``, each in a file of its own: ``train0.py``."""
    files = {"parallel.py": PARALLEL.format(attribute=attribute), "nets.py": NETS}
    for number, body in enumerate(bodies):
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        files[f"train{number}.py"] = TRAIN.format(body=lines)
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    return plan_repository(Repository(Path("/repository"), read), Settings())


def frozen(plan: Plan) -> set[str]:
    """The files in which something is frozen."""
    return {file.path for file in plan.files if file.freezes}


NET = "model = Net()\nmodel = DDP(model)"


@pytest.mark.parametrize(
    "toy",
    [
        "model = DDP(Toy())",
        "model = DDP(module=Toy())",
        "model = Toy().cuda()\nmodel = DDP(model, delay=True)",
        "model = nn.Linear(3, 3)\nmodel = DDP(model)",
        "model = torchvision.models.__dict__[args.arch]()\nif args.many:\n    model = DDP(model)",
        "model = args.make()\nmodel = DDP(model).cuda()",
        "model = DDP(DDP(Toy()))",
    ],
)
def test_a_wrapper_around_something_else(toy: str) -> None:
    plan = plan_of(NET, toy)
    assert frozen(plan) == {"train0.py"}
    scripts = [script for script in plan.train_scripts if script.state != "unfollowed"]
    assert [script.optimizer.path for script in scripts] == ["train0.py"]
    assert {call.place.path for call in plan.train_calls} == {"train0.py"}
    assert {file.path for file in plan.files if file.loop_guards} == {"train0.py"}


@pytest.mark.parametrize(
    "body",
    [
        NET,
        "model = Net().cuda()\nmodel = DDP(model)",
        "net = Net()\nmodel = DDP(net, delay=True)",
        "net = Net()\nmodel = DDP(module=net.cuda())",
        "net = Net() if args.big else Toy()\nmodel = DDP(net)",
    ],
)
def test_a_wrapper_around_a_model(body: str) -> None:
    plan = plan_of("model = DDP(Toy())", body)
    assert frozen(plan) == {"train1.py"}
    assert {file.path for file in plan.files if file.loop_guards} == {"train1.py"}


def test_each_has_the_names_of_its_own_model() -> None:
    plan = plan_of(NET, "model = Body()\nmodel = DDP(model)")
    assert frozen(plan) == {"train0.py", "train1.py"}
    scripts = {script.optimizer.path: script.backbone for script in plan.train_scripts}
    assert scripts == {"train0.py": ("backbone",), "train1.py": ("encoder",)}


def test_what_else_the_same_wrapper_may_be_around() -> None:
    """``base`` of the other one is not certain to be pretrained."""
    assert not frozen(plan_of("net = Based() if args.big else Mixed()\nmodel = DDP(net)"))
    assert frozen(plan_of("model = Based()\nmodel = DDP(model)", "model = DDP(Mixed())"))


def test_a_name_that_no_pattern_has() -> None:
    """The wrapper's own attribute goes into the pattern."""
    plan = plan_of("net = Net()\nmodel = DDP(net)", attribute="inner")
    [guard] = [edit for file in plan.files for edit in file.loop_guards]
    assert guard.model == "model"
    assert "inner" in guard.wrappers


_STAGES = """
import torch
import torchvision
from torch import nn

class Many({base}):
    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.module, name)

class Pyramid(nn.Module):
    def __init__(self):
        super().__init__()
        layers = torchvision.models.vgg16(pretrained=True).features.children()
        self.__dict__["_modules"] = {{"level_" + str(i): one for i, one in enumerate(layers)}}

class Base(nn.Module):
    def make_context(self, channels):
        self.ctx1 = nn.Sequential(nn.Conv2d(channels, 8, 1), nn.BatchNorm2d(8))

class Net(Base):
    def __init__(self):
        super().__init__()
        self.make_context(8)
        self.pyramid = Pyramid()

def partial_load(pretrained_dict, model):
    own = model.state_dict()
    own.update({{k: v for k, v in pretrained_dict.items() if k in own}})
    model.load_state_dict(own)

def main(settings, loader):
    model = Net()
    if settings.initial_pretrained_model:
        partial_load(torch.load(settings.initial_pretrained_model)["state_dict"], model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model = Many(model)
    model.train()
    for x in loader:
        model(x).sum().backward()
"""


@pytest.mark.parametrize(
    "base", ["nn.DataParallel", "nn.parallel.DataParallel", "nn.parallel.DistributedDataParallel"]
)
def test_what_a_subclass_of_one_is_around_is_a_whole_model(base: str) -> None:
    read = SourceFile.from_bytes("train.py", _STAGES.format(base=base).encode())
    plan = plan_repository(Repository(Path("/repository"), (read,)), Settings())
    assert [str(site.verdict) for site in plan.sites] == ["unknown"]
    assert not frozen(plan)
