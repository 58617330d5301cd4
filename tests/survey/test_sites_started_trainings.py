"""Trainings that begin with a model: its optimizer, its trainer, or the loop that takes steps."""

from __future__ import annotations

import pytest

from tests.survey.test_sites_loading_builders import NET
from tests.survey.verdicts import check

_ENGINE = """\
-- engine.py --
class Base:
    def run(self, loader):
        for x in loader:
            self.step(x)
class Engine(Base):
    def __init__(self, model, args):
        self.model = model
        self.hook = args.hook
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    def step(self, x):
        self.model(x).backward()
        self.optimizer.step()
    def test(self, loader):
        self.show(loader)
    def show(self, loader):
        self.model.eval()
        print(self.model(loader))
    def look(self, loader):
        print(self.model(loader))
    def call(self, loader):
        self.hook(loader)
    def hand_on(self, loader):
        self.hook.parts.run(loader)
    def back(self, x):
        self.model(x).backward()
    def update(self):
        self.optimizer.step()
    def in_parts(self, loader):
        self.back(loader)
        self.update()
def fit(engine, loader):
    engine.run(loader)
-- main.py --
from net import Net
from engine import Engine, fit
def main(args, loader):
    model = Net()
    model.load_state_dict(torch.load(args.file))
    engine = Engine(model, args)
    {script}
"""


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        ("engine.test(loader)", "convert"),
        ("for x in loader:\n        print(engine.test(x))", "convert"),
        ("engine.run(loader)", "unknown"),
        ("engine.test(loader)\n    engine.run(loader)", "unknown"),
        # Nothing says that it is a test.
        ("engine.look(loader)", "unknown"),
        # What else is done with it is not followed.
        ("fit(engine, loader)", "unknown"),
        ("engine.test(loader)\n    return engine", "unknown"),
        ("engine.call(loader)", "unknown"),
        ("engine.hand_on(loader)", "unknown"),
        ("engine.in_parts(loader)", "unknown"),
        ("getattr(engine, args.mode)(loader)", "unknown"),
        ("args.go(engine.optimizer)", "unknown"),
    ],
)
def test_trainer_whose_constructor_makes_the_optimizer(script: str, verdict: str) -> None:
    check(NET.format(verdict=verdict) + _ENGINE.format(script=script))


_STEPS = """\
-- steps.py --
class Scaler:
    def __call__(self, loss, solver):
        loss.backward()
        solver.step()
def update(solver, loss):
    loss.backward()
    solver.step()
-- trainer.py --
from elsewhere import fit_one_epoch, Wrapper
from steps import Scaler, update
class Trainer:
    def __init__(self, model, args):
        self.model = model
        self.args = args
        self.solver = torch.optim.SGD(model.parameters(), lr=0.1)
        self.scaler = Scaler()
        self.wrapper = Wrapper(self.solver)
        solver = self.wrapper
        self.second = Wrapper(solver)
        self.later = Wrapper()
        self.later.take(self.solver)
        self.hooks = [Wrapper(self)]
        self.phases = [self.learn, self.check]
        self.criterion = nn.CrossEntropyLoss()
    def learn(self, x):
        update(self.solver, self.model(x))
    def check(self, x):
        self.model.eval()
        with torch.no_grad():
            for image in x:
                print(self.criterion(self.model(image)).item())
    def run(self, x):
        self.check(x)
        {step}
-- main.py --
from net import Net
from trainer import Trainer
def main(args, loader):
    model = Net()
    model.load_state_dict(torch.load(args.file))
    trainer = Trainer(model, args)
    trainer.run(loader)
"""


@pytest.mark.parametrize(
    ("step", "verdict"),
    [
        ("print(self.args.name, torch.max(self.model(x)))", "convert"),
        ("score = self.criterion(self.model(x))", "convert"),
        ("self.model.train(False)", "convert"),
        # A step that code makes which gets the optimizer, or what has it;
        ("self.learn(x)", "unknown"),
        ("self.scaler(self.model(x), self.solver)", "unknown"),
        ("self.wrapper.update(self.model(x))", "unknown"),
        ("self.second.update(self.model(x))", "unknown"),
        ("self.later.update(self.model(x))", "unknown"),
        # code that is handed the object, or is not here and is handed the model;
        ("for hook in self.hooks:\n            hook.after(self.model(x))", "unknown"),
        ("fit_one_epoch(self, x)", "unknown"),
        ("fit_one_epoch(self.model, x)", "unknown"),
        ("fit_one_epoch([self.model], x)", "unknown"),
        ("fit_one_epoch(self.model.parameters(), x)", "unknown"),
        # a method that is chosen;
        ("{'a': self.learn, 'b': self.check}[self.args.mode](x)", "unknown"),
        ("for phase in self.phases:\n            phase(x)", "unknown"),
        ("go = getattr(self, self.args.mode)\n        go(x)", "unknown"),
        # weights that are changed by hand.
        ("for p in self.model.parameters():\n            p.data -= x", "unknown"),
        ("self.model.train()", "unknown"),
    ],
)
def test_object_that_proves_to_test_alone(step: str, verdict: str) -> None:
    check(NET.format(verdict=verdict) + _STEPS.format(step=step))


_TWO = """\
-- other.py --
from net import Net
class Other(nn.Module):
    def __init__(self, part=None):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)
        self.part = part
class Kin(Net):
    pass
-- first.py --
from net import Net
net = Net()
optimizer = {first}
-- train.py --
from net import Net
from other import Kin, Other
def main(args, loader):
    model = Net()
    {script}
"""
_LOAD = "model.load_state_dict(torch.load(args.weights))"
_OTHERS = "other = Other()\n    optimizer = torch.optim.SGD({parameters}, 0.1)"
_TRAINS_OTHERS = _LOAD + "\n    " + _OTHERS


@pytest.mark.parametrize(
    ("script", "verdict"),
    [
        # The file is what came of the other script,
        (_TRAINS_OTHERS.format(parameters="other.parameters()"), "convert"),
        (
            _TRAINS_OTHERS.format(parameters="[p for p in other.parameters() if p.requires_grad]"),
            "convert",
        ),
        (
            _TRAINS_OTHERS.format(parameters="[{'params': other.parameters(), 'lr': args.lr}]"),
            "convert",
        ),
        # but not where this model may be trained as well,
        (_TRAINS_OTHERS.format(parameters="args.choose(other, model)"), "unknown"),
        (
            _TRAINS_OTHERS.format(
                parameters="list(other.parameters()) + list(model.neck.parameters())"
            ),
            "unknown",
        ),
        (
            _TRAINS_OTHERS.format(parameters="other.parameters()")
            + "\n    optimizer.add_param_group({'params': model.parameters()})",
            "unknown",
        ),
        (
            _LOAD + "\n    params = list(Other().parameters())\n    params.extend(args.more(model))"
            "\n    optimizer = torch.optim.SGD(params, 0.1)",
            "unknown",
        ),
        # or a part of it, what holds it, or one of its kind.
        (
            _LOAD + "\n    optimizer = torch.optim.SGD(Other(model.trunk).parameters(), 0.1)",
            "unknown",
        ),
        (_LOAD + "\n    optimizer = torch.optim.SGD(Other(model).parameters(), 0.1)", "unknown"),
        (_LOAD + "\n    optimizer = torch.optim.SGD(Kin().parameters(), 0.1)", "unknown"),
        (_LOAD + "\n    optimizer = torch.optim.SGD(args.get(model).parameters(), 0.1)", "unknown"),
        # It may as well be given layers that this one has.
        (
            _LOAD + "\n    other = Other(model.neck)\n"
            "    optimizer = torch.optim.SGD(other.parameters(), 0.1)",
            "unknown",
        ),
        # An optimizer before the load is none of this model's, either.
        (
            _OTHERS.format(parameters="other.parameters()") + f"\n    {_LOAD}\n"
            "    optimizer = torch.optim.SGD(model.parameters(), 0.1)",
            "unknown",
        ),
    ],
)
def test_optimizer_of_another_model(script: str, verdict: str) -> None:
    first = "torch.optim.SGD(net.parameters(), 0.1)"
    check(NET.format(verdict=verdict) + _TWO.format(script=script, first=first))


def test_optimizer_of_another_model_where_nothing_trains_this_one() -> None:
    script = _TRAINS_OTHERS.format(parameters="other.parameters()")
    check(NET.format(verdict="unknown") + _TWO.format(script=script, first="None"))


_OF_LIBRARY = """\
-- other.py --
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)
-- first.py --
from net import Net
net = Net()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
-- system.py --
import deepspeed
import hydra
from toolkit import Mean, Novel, build_optimizer, create, optimize, show_parameters
class System:
    def __init__(self, model, other, cfg):
        self.model = model
        self.solver = {solver}
    def run(self, loader):
        for x in loader:
            self.solver.advance(self.model(x))
-- main.py --
from net import Net
from other import Other
from system import System
def main(cfg, loader):
    model = Net()
    {loads}
    system = System(model, Other(), cfg)
    system.run(loader)
"""


@pytest.mark.parametrize(
    ("solver", "verdict"),
    [
        ("Novel(model.parameters(), lr=0.1)", "unknown"),
        ("Novel([{'params': model.trunk.parameters()}, {'params': cfg.more}])", "unknown"),
        ("build_optimizer(cfg, model)", "unknown"),
        ("hydra.utils.instantiate(cfg.solver, params=model.parameters())", "unknown"),
        ("hydra.utils.instantiate(cfg.solver)(model.parameters())", "unknown"),
        ("deepspeed.initialize(model=model, config=cfg.deep)[0]", "unknown"),
        # It is for what nothing is known of,
        ("Novel(cfg.choose(model).parameters())", "unknown"),
        # for another model,
        ("Novel(other.parameters(), lr=0.1)", "convert"),
        ("build_optimizer(cfg, other)", "convert"),
        # or is none.
        ("Mean(cfg)", "convert"),
        ("optimize(model)", "convert"),
        ("show_parameters(model.parameters())", "convert"),
        ("nn.utils.parameters_to_vector(model.parameters())", "convert"),
    ],
)
def test_optimizer_that_is_not_known_by_name(solver: str, verdict: str) -> None:
    text = NET.format(verdict=verdict) + _OF_LIBRARY.format(solver=solver, loads=_LOAD)
    check(text)


def test_optimizer_that_is_not_known_by_name_before_a_load_that_is_asked_for() -> None:
    loads = "if cfg.file:\n        model.load_state_dict(torch.load(cfg.file))"
    solver = "build_optimizer(cfg, model)"
    check(NET.format(verdict="convert") + _OF_LIBRARY.format(solver=solver, loads=loads))


_LOOP = """\
-- other.py --
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)
-- first.py --
from net import Net
net = Net()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
-- main.py --
from net import Net
from other import Other
from toolkit import make
def main(args, loader):
    model = Net()
    model.load_state_dict(torch.load(args.weights))
    other = Other()
    first = torch.optim.SGD(other.parameters(), 0.1)
    second = make(args)
    for x in loader:
        {begin}
        loss = other(model(x))
        loss.backward()
        second.step()
"""


@pytest.mark.parametrize(
    ("begin", "verdict"),
    [
        ("model.train()", "unknown"),
        ("model.train(args.full)", "unknown"),
        # A teacher is none that is trained.
        ("model.eval()", "convert"),
        ("model.train(False)", "convert"),
        ("other.train()", "convert"),
    ],
)
def test_loop_that_sets_a_model_to_train_mode(begin: str, verdict: str) -> None:
    check(NET.format(verdict=verdict) + _LOOP.format(begin=begin))


_SCRIPT = """\
-- build.py --
from net import Net
def build():
    return Net()
-- train.py --
from build import build
net = build()
trained_by = torch.optim.SGD(net.parameters(), lr=0.1)
net(loader).backward()
trained_by.step()
-- evaluate.py --
from build import build
model = build()
model.load_state_dict(torch.load("best.pth"))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
def run(loader):
    model.eval()
    for x in loader:
        print(model(x){more})
"""


@pytest.mark.parametrize(
    ("more", "other", "verdict"),
    [
        ("", "", "convert"),
        (", optimizer", "", "unknown"),
        (", globals()['optimizer']", "", "unknown"),
        ("", "-- more.py --\nimport evaluate\nevaluate.optimizer.step()\n", "unknown"),
        ("", "-- more.py --\nimport importlib\nimportlib.import_module(name).run()\n", "unknown"),
    ],
)
def test_optimizer_that_a_script_makes_and_leaves_alone(
    more: str, other: str, verdict: str
) -> None:
    check(NET.format(verdict=verdict) + _SCRIPT.format(more=more) + other)
