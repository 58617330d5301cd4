"""Who puts a model into train mode: calls that do not, trainers that never do."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

MODEL = """
import torch
import torchvision
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.head = nn.Conv2d(512, 4, 1)
"""
TRAINER = """
class Trainer:
    def __init__(self, conf):
        net = Net().cuda()
        self.net = nn.parallel.DistributedDataParallel(net)
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1)

    def {name}(self):
        {body}
        return self

    def val(self):
        self.net.eval()

    def step(self, x):
        self.net(x).sum().backward()
        self.optimizer.step()

def main(conf, loader):
    trainer = Trainer(conf)
    for epoch in range(3):
        trainer.{name}()
        for x in loader:
            trainer.step(x)
"""


def plan_of(text: str) -> Plan:
    read = SourceFile.from_bytes("train.py", (MODEL + text).encode())
    return plan_repository(Repository(Path("/repository"), (read,)), Settings())


def overrides(plan: Plan) -> list[str]:
    """The classes that get a ``train()`` of their own."""
    return [guard.class_ for file in plan.files for guard in file.model_guards]


@pytest.mark.parametrize("name", ["train", "train_epoch"])
def test_a_trainer_that_trains_in_eval_mode(name: str) -> None:
    plan = plan_of(TRAINER.format(name=name, body="self.net.eval()"))
    assert overrides(plan) == []
    assert [call for call in plan.train_calls if not call.guarded] == []


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("train", "self.training = True"),
        ("start", "self.net.eval()"),
        # not the model, or something else is put into train mode as well
        ("train", "self.optimizer.eval()"),
        ("train", "self.net.eval(); self.other.train()"),
        # the mode of what comes after the training
        ("train", "for _ in range(3): self.step(1)\n        self.net.eval()"),
    ],
)
def test_trainers_whose_mode_is_not_told(name: str, body: str) -> None:
    assert overrides(plan_of(TRAINER.format(name=name, body=body))) == ["Net"]


@pytest.mark.parametrize(
    "more",
    [
        "import transformers\ntransformers.Trainer(model=Trainer(0).net)",
        "for one in (Trainer(0).net, 1): one.train() or 1",
        # another one, of which it is not known
        "net = Net()\nrun(net, torch.optim.SGD(net.parameters(), 0.1))",
    ],
)
def test_train_mode_that_is_set_elsewhere(more: str) -> None:
    trainer = TRAINER.format(name="train", body="self.net.eval()")
    assert overrides(plan_of(f"{trainer}\n{more}\n")) == ["Net"]


EVALUATION = """
def train(loader):
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for x in loader:
        net.train()
        net(x).sum().backward()

def evaluate(loader, given):
    {made}
    net = Net()
    net.train({flag})
    for x in loader:
        elsewhere(net, x)
"""


def loops(made: str, flag: str) -> int:
    plan = plan_of(EVALUATION.format(made=made, flag=flag))
    return sum(len(file.loop_guards) for file in plan.files) - 1


@pytest.mark.parametrize(
    ("made", "flag"),
    [("pass", "False"), ("flag = False", "flag"), ("flag = False", "mode=flag")],
)
def test_train_mode_that_is_switched_off(made: str, flag: str) -> None:
    assert loops(made, flag) == 0


@pytest.mark.parametrize(
    ("made", "flag"),
    [
        ("pass", "True"),
        ("pass", "given"),
        ("flag = True", "flag"),
        ("flag = given", "flag"),
        ("flag = False\n    if given: flag = True", "flag"),
        ("flag = False\n    flag = True", "flag"),
        ("global flag\n    flag = False", "flag"),
    ],
)
def test_train_mode_that_may_be_switched_on(made: str, flag: str) -> None:
    assert loops(made, flag) == 1


LIBRARY = """
from mmcv.runner import Runner

def batch_processor(model, data, train_mode):
    if train_mode:
        model.train()
    return model(data)

def main(loader):
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    Runner(net, batch_processor, optimizer).run([loader], [("train", 1)], 10)
"""
TEST = """
from {module} import Net

def test_losses(batch):
    net = Net()
    net.train()
    for name, loss in net(batch).items():
        print(name, loss)
"""


def repository_of(files: dict[str, str]) -> Plan:
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    return plan_repository(Repository(Path("/repository"), read), Settings())


@pytest.mark.parametrize("path", ["tests/test_net.py", "test_net.py"])
def test_what_a_test_goes_through_is_no_train_loop(path: str) -> None:
    plan = repository_of({"net.py": MODEL + LIBRARY, path: TEST.format(module="net")})
    assert overrides(plan) == ["Net"]


def test_layers_that_are_gone_through_are_no_batches() -> None:
    walk = "    for m in net.modules():\n        print(m)\n"
    train = "    net.train()\n" + walk
    runner = "    Runner("
    plan = repository_of({"net.py": MODEL + LIBRARY.replace(runner, train + runner)})
    assert overrides(plan) == ["Net"]


def test_a_test_does_not_hide_the_train_loop() -> None:
    train = "net.train()\n    for x in loader:\n        net(x).sum().backward()\n    "
    files = {
        "net.py": MODEL + LIBRARY.replace("Runner(net", train + "run(net"),
        "tests/test_net.py": TEST.format(module="net"),
    }
    plan = repository_of(files)
    assert overrides(plan) == []
    assert [len(file.loop_guards) for file in plan.files if file.path == "net.py"] == [1]


SET_BY_MODULES = """
def set_train(model):
    {loop}

def validate(model):
    model.eval()
    set_train(model)

def main(loader):
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    net.train()
    for x in loader:
        net(x).sum().backward()
        validate(net)
"""


def guarded_loops(loop: str) -> list[tuple[str, str]]:
    """What is said of train mode in the helper, by model."""
    plan = plan_of(SET_BY_MODULES.format(loop=loop))
    return [(call.model, call.fix) for call in plan.train_calls if call.model != "net"]


@pytest.mark.parametrize(
    "loop",
    [
        "for m in model.modules():\n        m.train()",
        "for m in model.children():\n        m.train(True)",
        "for name, m in model.named_modules():\n        m.train()",
        "if model.training is False:\n        for m in model.modules():\n            m.train()",
    ],
)
def test_train_mode_that_is_set_module_by_module(loop: str) -> None:
    assert guarded_loops(loop) == [("model", "eval_backbone_bn(model) after it")]


@pytest.mark.parametrize(
    "loop",
    [
        "for m in model.modules():\n        m.train(False)",
        "for m in model.modules():\n        m.eval()",
        "for m in model.head.modules():\n        m.train()",
        # Only some are, or what is in the same loop puts them back.
        "for m in model.modules():\n        if isinstance(m, nn.Dropout):\n            m.train()",
        "for m in model.modules():\n        m.train()\n"
        "        if isinstance(m, nn.BatchNorm2d):\n            m.eval()",
        "for m in model.modules():\n        print(m)\n    for m in other():\n        m.train()",
        # The loop is for another variable.
        "for name, m in model.named_modules():\n        name.train()",
    ],
)
def test_modules_whose_mode_is_not_all_set(loop: str) -> None:
    assert guarded_loops(loop) == []


def test_a_freeze_behind_modules_that_are_set() -> None:
    loop = (
        "for m in model.modules():\n        m.train()\n    for m in model.backbone.modules():\n"
        "        if isinstance(m, nn.BatchNorm2d):\n            m.eval()"
    )
    plan = plan_of(SET_BY_MODULES.format(loop=loop))
    assert [call.guarded for call in plan.train_calls if call.model == "model"] == [True]


GUARDS = [
    # by the loop, and by the model
    "def run(loader):\n    net = {made}\n    optimizer = torch.optim.SGD(net.parameters(), 0.1)\n"
    "    for x in loader:\n        net.train()\n        net(x).sum().backward()\n",
    TRAINER.format(name="start", body="self.net.eval()").replace(
        "        net = Net().cuda()\n        self.net = nn.parallel.DistributedDataParallel(net)",
        "        self.net = {made}",
    ),
]


@pytest.mark.parametrize("text", GUARDS)
def test_no_guard_without_its_freeze(text: str) -> None:
    """Where the model is made and wrapped at once, the freeze is left to the user."""
    made = "nn.parallel.DistributedDataParallel(Net().cuda())"
    plan = plan_of(text.format(made=made))
    assert not any(file.loop_guards or file.model_guards for file in plan.files)
    [call] = [call for call in plan.train_calls if not call.guarded]
    assert call.reason.startswith("the freeze that it belongs to is not written (train.py:")


@pytest.mark.parametrize("text", GUARDS)
def test_a_guard_with_its_freeze(text: str) -> None:
    plan = plan_of(text.format(made="Net()"))
    assert any(file.freezes for file in plan.files)
    assert any(file.loop_guards or file.model_guards for file in plan.files)
