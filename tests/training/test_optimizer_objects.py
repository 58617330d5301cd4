"""What is handed around together with a model is no model: an optimizer least of all."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

SCRIPT = """
import torch
import torchvision
from elsewhere import wrap
from torch import nn
from torch.optim.lr_scheduler import ExponentialLR


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = nn.Conv2d(512, 4, 1)


def resume(model, optimizer, path):
    found = torch.load(path)
    model.load_state_dict(found["model"])
    optimizer.load_state_dict(found["optimizer"])
    return model, optimizer, found["epoch"], found["best"], found["arch"]


def both(model, optimizer):
    return model, optimizer


def get_optimizer(parameters, args):
    return getattr(torch.optim, args.optimizer)(parameters, lr=args.lr)


def get_rates(optimizer, args):
    if args.decay:
        return ExponentialLR(optimizer, 0.9)
    return wrap(optimizer)


def move(x):
    return wrap(x)


class Solver:
    def __init__(self, model):
        self.optimizer = torch.optim.Adam(model.parameters())
        self.model, self.optimizer = wrap(model, self.optimizer)

    def again(self):
        return torch.optim.SGD(wrap(self.optimizer), lr=0.1)


def main(args, loader):
    model = Detector()
    {lines}
    for x in loader:
        model(x)
"""


def plan_of(*lines: str) -> Plan:
    text = SCRIPT.format(lines="\n    ".join(lines))
    read = (SourceFile.from_bytes("train.py", text.encode()),)
    return plan_repository(Repository(Path("/repository"), read), Settings())


def frozen(plan: Plan) -> list[str]:
    """What the freeze calls of a plan are called on."""
    return sorted({freeze.model for file in plan.files for freeze in file.freezes})


@pytest.mark.parametrize(
    "lines",
    [
        # all that was returned seems to be in each of the two that are not as many
        [
            "optimizer = get_optimizer(model.parameters(), args)",
            "model, optimizer, args.epoch, arch = resume(model, optimizer, args.path)",
            "rate = get_rates(optimizer, args)[0]",
            "optimizer = torch.optim.SGD(model.parameters(), rate)",
        ],
        [
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)",
            "model, optimizer = wrap(model, optimizer)",
            "second = torch.optim.SGD(wrap(optimizer), lr=0.1)",
        ],
        [
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)",
            "same = optimizer",
            "model, optimizer = wrap(model, same)",
            "second = torch.optim.SGD(wrap(same), lr=0.1)",
        ],
        ["Solver(model).again()"],
    ],
)
def test_an_optimizer_is_no_model(lines: list[str]) -> None:
    plan = plan_of(*lines)
    assert all("optimizer of model" in found for found in said(plan))
    assert said(plan) != []
    assert frozen(plan) == ["model"]


def said(plan: Plan) -> list[str]:
    return [found.message for found in findings(plan) if found.code == "BN201"]


def test_what_came_in_too_many_parts_is_reported() -> None:
    """Which of them the model is cannot be told, and none is frozen."""
    lines = ["net, arch = resume(model, 0, args.path)", "opt = torch.optim.SGD(arch, lr=0.1)"]
    plan = plan_of(*lines)
    assert frozen(plan) == []
    [found] = said(plan)
    assert "arch may be something else than a module" in found


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # as many as there are
        (["net, other = both(model, 0)", "opt = torch.optim.SGD(net.parameters(), lr=0.1)"], "net"),
        # a name that is set by something else as well
        (
            [
                "net = model",
                "opt = torch.optim.SGD(net.parameters(), lr=0.1)",
                "net, opt = resume(net, opt, args.path)",
            ],
            "net",
        ),
        # called by its name, and handed over as an optimizer is
        (["optimizer = model", "o = torch.optim.SGD(optimizer.parameters(), 0.1)"], "optimizer"),
        (
            [
                "net = move(model)",
                "opt = move(torch.optim.SGD(net.parameters(), lr=0.1))",
                "second = torch.optim.SGD(net.parameters(), lr=0.1)",
            ],
            "net",
        ),
    ],
)
def test_models_under_other_names(lines: list[str], expected: str) -> None:
    assert frozen(plan_of(*lines)) == [expected]


# ------------------------------------------------------- modules that train themselves

TRAINER = """
import torch
import torchvision
from accelerate import Accelerator; from lightning import Fabric
from apex import amp
from torch import nn
from elsewhere import swap


class Trainer(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.args = args
        self.net = torchvision.models.resnet18(weights="DEFAULT")
        self.critic = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
        self.opt = torch.optim.SGD({given}, self.args.lr)
        {more}
        self.net = self.net.cuda()
        if args.fp16:
            self.net, self.opt = {again}
"""
NET, CRITIC = "self.net.parameters()", "self.critic.parameters()"
BESIDE = f"self.other = torch.optim.SGD({CRITIC}, self.args.lr)"


def plan_of_trainer(
    given: str = NET, more: str = "pass", again: str = "self.net, self.opt"
) -> Plan:
    text = TRAINER.format(given=given, more=more, again=again)
    read = (SourceFile.from_bytes("train.py", text.encode()),)
    return plan_repository(Repository(Path("/repository"), read), Settings())


def parts(plan: Plan) -> set[str]:
    return {path for file in plan.files for freeze in file.freezes for path in freeze.backbone}


@pytest.mark.parametrize(
    "again",
    [
        "(self.net, self.opt)",
        "amp.initialize(self.net, self.opt)",
        "Accelerator().prepare(self.net, self.opt)",
        "Fabric(args).setup(self.net, self.opt)",
    ],
)
def test_what_gives_back_the_optimizer_as_well(again: str) -> None:
    assert parts(plan_of_trainer(again=again)) == {"net"}


def test_what_may_give_back_anything() -> None:
    assert parts(plan_of_trainer(again="swap(self.net, self.opt)")) == {"net", "opt"}


def test_the_freeze_stands_before_the_optimizer_that_a_module_builds() -> None:
    [edit] = [edit for file in plan_of_trainer().files for edit in file.freezes]
    assert (edit.model, edit.after.line) == ("self", 14)


def test_the_freeze_stands_where_the_whole_backbone_is() -> None:
    more = 'self.net = nn.Sequential(torchvision.models.resnet18(weights="DEFAULT"))'
    [edit] = [edit for file in plan_of_trainer(more=more).files for edit in file.freezes]
    assert (edit.model, edit.after.line) == ("self", 19)


@pytest.mark.parametrize(
    ("given", "more", "lines"),
    [
        (NET, BESIDE, [16]),
        (CRITIC, BESIDE.replace(CRITIC, NET), [17]),
        # it is the only one, and train() of the module wakes the backbone as well
        (CRITIC, "pass", [16]),
        (CRITIC, BESIDE, [16, 17]),
        # the backbone is among what it is given
        (f"[*{CRITIC}, *{NET}]", BESIDE, [16]),
        (NET, BESIDE.replace(CRITIC, "self.parameters()"), [16, 17]),
        (NET, BESIDE.replace(CRITIC, f"[*{CRITIC}, *{NET}]"), [16, 17]),
        (NET, BESIDE.replace(CRITIC, "get(self, self.critic)"), [16, 17]),
    ],
)
def test_optimizers_of_what_stands_beside_the_backbone(
    given: str, more: str, lines: list[int]
) -> None:
    plan = plan_of_trainer(given, more)
    assert [script.optimizer.line for script in plan.train_scripts] == lines


def test_parameters_that_are_collected_one_by_one() -> None:
    """The backbone's come first, and what stands beside it is only added."""
    plan = plan_of(
        "params = [{'params': model.backbone.parameters()}]",
        "params.append({'params': model.head.parameters()})",
        "optimizer = torch.optim.SGD(params, lr=0.1)",
    )
    assert frozen(plan) == ["model"]
    assert [script.optimizer.line for script in plan.train_scripts] == [
        SCRIPT[: SCRIPT.index("{lines}")].count("\n") + 3
    ]


def test_an_optimizer_for_the_head_in_another_script() -> None:
    whole = SCRIPT.format(lines="optimizer = torch.optim.SGD(model.parameters(), lr=0.1)")
    head = SCRIPT.format(lines="optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1)")
    head = "from train import Detector\n" + head.replace("class Detector", "class Unused")
    files = {"train.py": whole, "tune.py": head}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert sorted(script.optimizer.path for script in plan.train_scripts) == ["train.py", "tune.py"]


PARALLEL = """
def again(model, loader):
    for x in loader:
        optimizer = get_optimizer(model.module.{part}, x)
"""


@pytest.mark.parametrize("part", ["parameters()", "backbone.parameters()"])
def test_the_same_name_in_another_function(part: str) -> None:
    """What is in a parallel wrapper is the model as well."""
    text = SCRIPT.format(lines="optimizer = torch.optim.SGD(model.parameters(), lr=0.1)")
    text += PARALLEL.format(part=part)
    text += "\n\nagain(nn.DataParallel(Detector()), [])\n"
    read = (SourceFile.from_bytes("train.py", text.encode()),)
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert len(plan.train_scripts) == 2
