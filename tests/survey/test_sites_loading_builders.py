"""Whole models that a builder loads, or that other modules train after the load."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

NET = """\
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
"""

_BUILDER = """\
-- build.py --
from net import Net
def fill(args, model):
    model.load_state_dict(torch.load(args.{option}), strict=False)
    return model
def fill_in_place(args, model):
    model.load_state_dict(torch.load(args.{option}))
def build(args, is_test=False, pretrained=False):
    model = Net()
{load}
    return model
"""
_TRAIN = """\
-- train.py --
from build import build
def main(args, loader):
    {make}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for x in loader:
        model(x).backward()
        optimizer.step()
"""


def built(load: str, verdict: str, make: str = "model = build(args)", option: str = "file") -> None:
    load = "\n".join(f"    {line}" for line in load.splitlines())
    builder = _BUILDER.format(load=load, option=option)
    check(NET.format(verdict=verdict) + builder + _TRAIN.format(make=make))


_ALWAYS = "model.load_state_dict(torch.load(args.file))"


@pytest.mark.parametrize(
    ("load", "option"),
    [
        (_ALWAYS, "file"),
        ("model.load_state_dict(torch.load('weights/det.pth'))", "file"),
        ("fill(args, model)", "file"),
        ("model = fill(args, model)", "file"),
        ("fill_in_place(args, model)", "file"),
        ("if args.pretrain:\n    model.load_state_dict(torch.load(args.pretrain))", "pretrain"),
        ("if args.pretrain:\n    model = fill(args, model)", "pretrain"),
        ("if args.pretrain:\n    fill_in_place(args, model)", "file"),
        ("if args.finetune:\n    model = fill(args, model)", "file"),
        # The load is another's than the one that goes on.
        (
            f"{_ALWAYS}\nif args.resume:\n    model.load_state_dict(torch.load(args.resume))",
            "file",
        ),
    ],
)
def test_builder_that_loads_for_a_training(load: str, option: str) -> None:
    built(load, "unknown", option=option)


@pytest.mark.parametrize(
    "make",
    [
        "model = nn.DataParallel(build(args))",
        "model = build(args).cuda()",
        "model, criterion = build(args), nn.MSELoss()",
    ],
)
def test_what_is_made_of_the_result(make: str) -> None:
    built(_ALWAYS, "unknown", make)


def test_builder_that_gives_more_than_the_model() -> None:
    text = """\
-- build.py --
from net import Net
def build(args):
    model = Net()
    model.load_state_dict(torch.load(args.file))
    return model, nn.MSELoss()
"""
    make = "model, criterion = build(args)"
    check(NET.format(verdict="unknown") + text + _TRAIN.format(make=make))


@pytest.mark.parametrize(
    ("load", "make"),
    [
        # It resumes, or need not load,
        (
            "if args.resume:\n    model.load_state_dict(torch.load(args.resume))",
            "model = build(args)",
        ),
        ("if args.file:\n    " + _ALWAYS, "model = build(args)"),
        ("if args.file:\n    fill(args, model)", "model = build(args)"),
        # or training does not ask for that.
        ("if is_test:\n    " + _ALWAYS, "model = build(args)"),
        (
            "if is_test:\n    model.load_state_dict(torch.load(args.pretrain))",
            "model = build(args)",
        ),
        ("if pretrained:\n    fill(args, model)", "model = build(args)"),
        ("if not is_test:\n    return model\n" + _ALWAYS, "model = build(args, is_test=False)"),
    ],
)
def test_builder_that_training_need_not_load_by(load: str, make: str) -> None:
    built(load, "convert", make)


def test_option_of_the_builder_that_training_gives() -> None:
    built(
        "if pretrained:\n    fill(args, model)", "unknown", "model = build(args, pretrained=True)"
    )
    built("if is_test:\n    fill(args, model)", "convert", "model = build(args, args.is_test)")


@pytest.mark.parametrize(
    ("restore", "verdict"),
    [
        ("optimizer.load_state_dict(saved['optimizer'])", "convert"),
        ("optimizer.load_state_dict(torch.load('other.pth'))", "unknown"),
        ("if args.resume:\n        optimizer.load_state_dict(saved['optimizer'])", "unknown"),
        ("pass", "unknown"),
    ],
)
def test_optimizer_that_the_caller_restores(restore: str, verdict: str) -> None:
    text = f"""\
-- build.py --
from net import Net
def build(args):
    model = Net()
    saved = torch.load(args.file)
    model.load_state_dict(saved["model"])
    return model, saved
-- train.py --
from build import build
def main(args, loader):
    model, saved = build(args)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    {restore}
    for x in loader:
        model(x).backward()
        optimizer.step()
"""
    check(NET.format(verdict=verdict) + text)


_EVALUATION = """\
-- evaluate.py --
from build import build
def main(args, loader):
    model = build(args, is_test=True)
    model.eval()
    for x in loader:
        print(model(x))
"""


def test_builder_that_only_a_test_uses() -> None:
    train = _TRAIN.format(make="model = Net()").replace("from build import build", "import net")
    train = train.replace("Net()", "net.Net()")
    builder = _BUILDER.format(load="    " + _ALWAYS, option="file")
    check(NET.format(verdict="convert") + builder + _EVALUATION + train)


def test_builder_that_loads_for_tests_alone() -> None:
    load = "    if is_test:\n        model.load_state_dict(torch.load(args.pretrain))"
    builder = _BUILDER.format(load=load, option="pretrain")
    train = _TRAIN.format(make="model = build(args)")
    check(NET.format(verdict="convert") + builder + _EVALUATION + train)


_ELSEWHERE = """\
-- learner.py --
def optimizer_for(args, model):
    groups = [{{"params": model.parameters()}}]
    return torch.optim.SGD(groups, lr=args.lr)
-- engine.py --
def train(model, optimizer, loader):
    model.train()
    for x in loader:
        model(x).backward()
        optimizer.step()
def evaluate(model, loader):
    model.eval()
    for x in loader:
        print(model(x))
    model.train()
def saliency(model, x):
    model(x).sum().backward()
    return x.grad
-- main.py --
import engine
import learner
from net import Net
def load_pretrained(model, path):
    model.load_state_dict(torch.load(path))
def main(args, loader):
    model = Net()
{script}
"""


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        (_ALWAYS + "\noptimizer = learner.optimizer_for(args, model)", "unknown"),
        (_ALWAYS + "\nengine.train(model, args.optimizer, loader)", "unknown"),
        (_ALWAYS + "\nengine.train(nn.DataParallel(model), args.optimizer, loader)", "unknown"),
        ("load_pretrained(model, args.file)\nlearner.optimizer_for(args, model)", "unknown"),
        ("if args.pretrain:\n    " + _ALWAYS + "\nlearner.optimizer_for(args, model)", "unknown"),
        # It is asked for, comes after the training, or is none:
        ("if args.file:\n    " + _ALWAYS + "\nlearner.optimizer_for(args, model)", "convert"),
        ("engine.train(model, args.optimizer, loader)\n" + _ALWAYS, "convert"),
        (_ALWAYS + "\nengine.evaluate(model, loader)", "convert"),
        (_ALWAYS + "\nengine.saliency(model, loader)", "convert"),
        ("load_pretrained(model, args.file)\nengine.evaluate(model, loader)", "convert"),
        # another model is trained,
        (_ALWAYS + "\nlearner.optimizer_for(args, nn.Linear(8, 8))", "convert"),
        # or training goes on.
        ("if args.resume:\n    " + _ALWAYS + "\nlearner.optimizer_for(args, model)", "convert"),
    ],
)
def test_training_in_other_modules(script: str, verdict: str) -> None:
    script = "\n".join(f"    {line}" for line in script.splitlines())
    check(NET.format(verdict=verdict) + _ELSEWHERE.format(script=script))


_HANDED = """\
-- main.py --
from learner import run
from net import Net
run(Net(), None)
-- learner.py --
def evaluate(model, args):
    model.load_state_dict(torch.load(args.pretrain))
def run(model, args):
    {load}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""


@pytest.mark.parametrize(
    ("load", "verdict"),
    [
        ("model.load_state_dict(torch.load(args.file))", "unknown"),
        (
            "if args.pretrain:\n        model.load_state_dict(torch.load(args.pretrain))",
            "unknown",
        ),
        ("if args.file:\n        model.load_state_dict(torch.load(args.file))", "convert"),
        ("if args.resume:\n        model.load_state_dict(torch.load(args.resume))", "convert"),
        ("pass", "convert"),
    ],
)
def test_trainer_that_is_handed_the_model(load: str, verdict: str) -> None:
    check(NET.format(verdict=verdict) + _HANDED.format(load=load))


_OBJECT = """\
-- runner.py --
from net import Net
class Runner:
    def __init__(self, args):
        self.model = Net()
        self.args = args
        {init}
    def load(self):
        self.model.load_state_dict(torch.load(self.args.file))
    def set_up(self):
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
    def train(self):
        self.set_up()
    def test(self):
        self.model.eval()
-- main.py --
from runner import Runner
def main(args):
    runner = Runner(args)
    {script}
"""


@pytest.mark.parametrize(
    ("init", "script", "verdict"),
    [
        ("self.load()", "runner.train()", "unknown"),
        ("pass", "runner.load()\n    runner.train()", "unknown"),
        ("self.load()\n        self.set_up()", "pass", "unknown"),
        ("pass", "if args.go_on:\n        runner.load()\n    runner.train()", "convert"),
        ("pass", "runner.load()\n    runner.test()", "convert"),
        ("pass", "runner.train()\n    runner.load()\n    runner.test()", "convert"),
    ],
)
def test_object_that_loads_and_trains(init: str, script: str, verdict: str) -> None:
    check(NET.format(verdict=verdict) + _OBJECT.format(init=init, script=script))


_REGISTRY = """\
-- steps.py --
STEPS = {{}}
def register(function):
    STEPS[function.__name__] = function
    return function
@register
def train(model, loader, optimizer=None):
    model(loader).backward()
    optimizer.step()
@register
def test(model, loader):
    print(model(loader))
-- evaluate.py --
from net import Net
from steps import STEPS
model = Net()
model.load_state_dict(torch.load(path))
{evaluates}
STEPS[cfg.step](model, loader)
other = Net()
"""


@pytest.mark.parametrize(
    ("evaluates", "verdict"), [("model.eval()", "convert"), ("print(model)", "unknown")]
)
def test_registry_that_gives_what_trains_and_what_tests(evaluates: str, verdict: str) -> None:
    check(NET.format(verdict=verdict) + _REGISTRY.format(evaluates=evaluates))


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("getattr(cfg.path, 'pretrained_checkpoint', None)", "unknown"),
        ("cfg.finetune", "unknown"),
        ("os.path.join('pretrained', cfg.name)", "unknown"),
        ("cfg.checkpoint", "convert"),
        # What a network was asked for says nothing of a file.
        ("find_file(Net(pretrained=True))", "convert"),
    ],
)
def test_variable_that_was_given_the_path(path: str, verdict: str) -> None:
    script = f"path = {path}\nif path is not None:\n    model.load_state_dict(torch.load(path))\n"
    script = "".join(
        f"    {line}\n" for line in f"{script}learner.optimizer_for(cfg, model)".splitlines()
    )
    check(NET.format(verdict=verdict) + _ELSEWHERE.format(script=script))


def test_helper_between_that_speaks_of_no_model() -> None:
    """Nothing in a file that is not short says that it bears on one, but for what it imports."""
    helper = "from fill import load\ndef prepare(net, args):\n    load(net, args.weights)\n"
    text = f"""\
-- fill.py --
def load(net, path):
    net.load_state_dict(torch.load(path))
-- prepare.py --
{helper}{50 * chr(10)}
-- train.py --
from net import Net
from prepare import prepare
def main(args, loader):
    model = Net()
    prepare(model, args)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""
    check(NET.format(verdict="unknown") + text)
