"""What is written asks for modules: it is written only where a module is, whatever happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

HEAD = """
import torch
import torchvision
from torch import nn
"""
MODEL = """
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.head = nn.Conv2d(512, 4, 1)
"""


def plan_of(body: str, settings: Settings = Settings()) -> Plan:  # noqa: B008
    read = SourceFile.from_bytes("train.py", (HEAD + body).encode())
    return plan_repository(Repository(Path("/repository"), (read,)), settings)


def freezes(plan: Plan) -> list[str]:
    """The lines after which a freeze is written, and what it is called with."""
    return [
        f"{edit.after.line - HEAD.count(chr(10))}: {edit.model}"
        for file in plan.files
        for edit in file.freezes
    ]


# One function that makes everything, so that everything seems to come together.
MADE_BY_ONE = """
class Data(torch.utils.data.Dataset):
    def __init__(self, images, transforms):
        self.images = images
        self.transforms = transforms
    def __getitem__(self, i):
        img = self.images[i]
        return self.transforms(img)

class Parts:
    def __init__(self, parts, kind):
        self.parts, self.kind = parts, kind

def make(cls, first, second):
    return cls(first, second)

def main(loader):
    model = Detector()
    data = make(Data, [model, 'a.png'], {transforms})
    parts = make(Parts, [model], torch.optim.SGD)
    optimizer = {optimizer}
    for epoch in range(3):
        model.train()
        for x in loader:
            model(x)
"""


@pytest.mark.parametrize("transforms", ["str.upper", "torch.relu", "Parts"])
def test_no_freeze_of_what_comes_to_a_crowded_callee(transforms: str) -> None:
    optimizer = "torch.optim.SGD(model.parameters(), 0.1)"
    plan = plan_of(MODEL + MADE_BY_ONE.format(transforms=transforms, optimizer=optimizer))
    assert [script.model for script in plan.train_scripts if script.fix] == ["model"]
    assert len(freezes(plan)) == 1


@pytest.mark.parametrize(
    ("given", "count"), [("model", 0), ("model.parameters()", 1), ("groups(model)", 0)]
)
def test_a_call_of_what_may_be_no_optimizer(given: str, count: int) -> None:
    """What is asked for its parameters is a module, whatever they are handed to."""
    body = f"""
def normalise(parameters):
    return sum(parameters)

def groups(net):
    return [p for n, p in net.named_parameters() if 'bias' in n]

def main(kind):
    model = Detector()
    make = {{'sgd': torch.optim.SGD, 'norm': normalise}}[kind]
    make({given})
"""
    assert len(freezes(plan_of(MODEL + body))) == count


@pytest.mark.parametrize(
    "optimizer",
    [
        "getattr(torch.optim, name)(model.parameters(), 0.1)",
        "{'sgd': torch.optim.SGD, 'adam': torch.optim.Adam}[name](model.parameters())",
        "{'sgd': torch.optim.SGD, 'own': Own}[name](model.parameters())",
        "torch.optim.SGD(groups(model), 0.1)",
    ],
)
def test_optimizers_for_certain(optimizer: str) -> None:
    body = f"""
class Own(torch.optim.Optimizer):
    pass

def groups(net):
    return [p for n, p in net.named_parameters() if 'bias' in n]

def main(name):
    model = Detector()
    optimizer = {optimizer}
"""
    assert freezes(plan_of(MODEL + body)) == ["15: model"]


@pytest.mark.parametrize(
    ("wrapped", "count"),
    [
        ("self.model = torch.nn.DataParallel(self.model)", 1),
        ("self.model = torch.nn.parallel.DistributedDataParallel(self.model)", 1),
        ("self.model = prepare(self.model)", 0),
        ("self.other = torch.nn.DataParallel(self.model)", 0),
        ("pass", 0),
    ],
)
def test_what_is_run_in_parallel_is_a_module(wrapped: str, count: int) -> None:
    """The helper that makes the optimizer makes whatever it is asked for."""
    assert len(freezes(plan_of(MODEL + trainer(wrapped, "make(kind, name, groups)")))) == count


def trainer(wrapped: str, optimizer: str) -> str:
    """A trainer that is given parameters by a method of its model's own."""
    return f"""
def make(package, name, *args):
    return getattr(package, name)(*args)

def make_more(package, name, *args):
    print(name)
    return make(package, name, *args)

class Trainer:
    def __init__(self, model, name, kind):
        self.model = model
        {wrapped}
        groups = [{{"params": self.model.groups()}}]
        self.optimizer = {optimizer}

Trainer(Detector(), "SGD", args.kind)
make(torch.optim, "Adam", [])
"""


@pytest.mark.parametrize(
    ("optimizer", "count"),
    [
        ("getattr(torch.optim, name)(groups)", 1),
        ("make(torch.optim, name, groups)", 1),
        ("make(*[torch.optim, name, groups])", 0),
        ("make(kind, torch.optim, groups)", 0),
        ("make(torch.optim.lr_scheduler, name, groups)", 0),
        ("make_more(kind, name, groups)", 0),
    ],
)
def test_what_is_looked_up_among_the_optimizers_is_one(optimizer: str, count: int) -> None:
    assert len(freezes(plan_of(MODEL + trainer("pass", optimizer)))) == count


def test_a_model_that_may_be_another_one_is_named_by_its_class() -> None:
    body = """
class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))

def main(name):
    if name == "detector":
        model = Detector()
    elif name == "plain":
        model = Plain()
    print(name)
    return torch.optim.SGD(model.parameters(), 0.1)
"""
    [edit] = [edit for file in plan_of(MODEL + body).files for edit in file.freezes]
    assert edit.model_name == "type(model).__name__"
    alone = body.replace("model = Plain()", "model = Detector()")
    [edit] = [edit for file in plan_of(MODEL + alone).files for edit in file.freezes]
    assert edit.model_name == "'Detector'"


# ------------------------------------------------------ there may be no model

NONE_AT_FIRST = """
class Trainer:
    def __init__(self):
        self.model = None

    def build_optimizer(self):
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.1)

    def build(self):
        self.model = Detector()
"""
IN_A_BRANCH = """
def main(a):
    net = None
    if a:
        net = Detector()
    opt = torch.optim.SGD(net.parameters(), 0.1)
"""
ELSE_NONE = """
def main(a):
    net = Detector() if a else None
    opt = torch.optim.SGD(net.parameters(), 0.1)
"""
ASKED_FOR = """
def main(net: Detector = None):
    print(1)
    if {test}:
        opt = torch.optim.SGD(net.parameters(), 0.1)

main(Detector())
"""
ASKED_BEFORE = """
def main(a):
    net = make(a)
    if net is not None:
        net = nn.DataParallel(net)
        opt = torch.optim.SGD(net.parameters(), 0.1)

def make(a):
    return Detector()
"""
OTHER_QUESTION = """
def main(a):
    net = Detector()
    if a is not None and hasattr(net, 'module'):
        opt = torch.optim.SGD(net.parameters(), 0.1)
"""


@pytest.mark.parametrize(
    ("body", "after"),
    [
        (NONE_AT_FIRST, ["16: self.model"]),
        (IN_A_BRANCH, ["11: net"]),
        (ELSE_NONE, []),
        (ASKED_BEFORE, ["11: net"]),
        (OTHER_QUESTION, ["9: net"]),
    ],
)
def test_models_that_may_be_none(body: str, after: list[str]) -> None:
    assert freezes(plan_of(MODEL + body)) == after


@pytest.mark.parametrize(
    "test", ["net", "net is not None", "1 and net is not None", "not (net is None)"]
)
def test_optimizer_only_where_there_is_a_model(test: str) -> None:
    plan = plan_of(MODEL + "\ndef main(net):\n    model = net\n" + ASKED_FOR.format(test=test))
    assert freezes(plan) == []


# ------------------------------------------------------- train() that is written

HELD = """
class Net(nn.Module):
    def __init__(self, backbone, kind=0):
        super().__init__()
        {assignment}
        self.head = nn.Conv2d(512, 4, 1)

{more}
def resnet(pretrained=True):
    net = torchvision.models.resnet18(weights="DEFAULT")
    return net

def perhaps(kind):
    if kind:
        return torchvision.models.resnet18(weights="DEFAULT")

net = Net(torchvision.models.resnet18(weights="DEFAULT"))
optimizer = torch.optim.SGD(net.parameters(), 0.1)
run(net, optimizer)
"""
CERTAIN = [
    'self.backbone = torchvision.models.resnet18(weights="DEFAULT")',
    'self.backbone = torchvision.models.resnet18(weights="DEFAULT").cuda()',
    "self.backbone = nn.Sequential(*list(resnet().children()))",
    "self.backbone = resnet()",
    "base = resnet()\n        self.backbone = base",
    "self.backbone = resnet() if kind else Net(1)",
]
MAY_BE_NONE = [
    "self.backbone = backbone",
    "self.backbone = None\n        if kind: self.backbone = resnet()",
    "self.backbone = resnet() if kind else None",
    "self.backbone = kind and resnet()",
    "self.backbone = [resnet()]",
    "self.backbone = perhaps(kind)",
    "self.backbone, self.kind = backbone, kind",
    "self.eval()\n        self.backbone = resnet()",
    "self.backbone = resnet()\n        if kind: del self.backbone",
]


def guards(body: str) -> list[tuple[tuple[str, ...], bool]]:
    plan = plan_of(body)
    return [(one.backbone, one.by_name) for file in plan.files for one in file.model_guards]


@pytest.mark.parametrize("assignment", CERTAIN)
def test_attributes_that_hold_a_module_for_certain(assignment: str) -> None:
    body = HELD.format(assignment=assignment, more="")
    assert guards(body) == [(("backbone",), False)]


@pytest.mark.parametrize("assignment", MAY_BE_NONE)
def test_attributes_that_may_hold_something_else(assignment: str) -> None:
    """``eval_backbone_bn(self)`` finds the backbone by its name, if there is one."""
    body = HELD.format(assignment=assignment, more="")
    assert all(by_name for _, by_name in guards(body))


def test_another_method_takes_the_backbone_away() -> None:
    more = "    def strip(self):\n        self.backbone = None\n"
    body = HELD.format(assignment=CERTAIN[0], more=more)
    assert guards(body) == [(("backbone",), True)]


@pytest.mark.parametrize(
    ("parameters", "count"), [("self", 0), ("self, mode=True", 1), ("self, *args", 1)]
)
def test_train_of_a_base_class(parameters: str, count: int) -> None:
    """``super().train(mode)`` must not fail."""
    body = HELD.replace("class Net(nn.Module)", "class Net(Base)")
    body = body.format(assignment=CERTAIN[0], more="")
    base = f"""
class Base(nn.Module):
    def train({parameters}):
        print('training')
"""
    assert len(guards(base + body)) == count


# -------------------------------------------------------------- loop guards

LOOP = """
class Runner:
    def __init__(self, model):
        self.model = model
    {method}
    def run(self):
        pass

def epoch(thing, loader):
    thing.train()
    for x in loader:
        thing(x)

def main(loader):
    model = Detector()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    epoch(model, loader)
    epoch(Runner(model), loader)
"""


@pytest.mark.parametrize(
    ("method", "count"), [("def train(self): pass", 0), ("def fit(self): pass", 1)]
)
def test_train_of_something_else(method: str, count: int) -> None:
    """What has no ``train()`` is not there, for the loop calls it."""
    plan = plan_of(MODEL + LOOP.format(method=method), Settings(guard="loop"))
    assert sum(len(file.loop_guards) for file in plan.files) == count


# ------------------------------------------------- base classes that are not known

TRACKER = """
{imported}

class Tracker(Base):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = self.parse(cfg)
        self.net = {net}
        self.optimizer = torch.optim.SGD({given}, self.cfg.lr)

    def parse(self, cfg):
        return cfg

    def epoch(self, loader):
        self.net.train()
        for x in loader:
            self.net(x).sum().backward()
            self.optimizer.step()
"""
PLAIN = "class Base(object):\n    pass"
UNKNOWN = "from got.trackers import Tracker as Base"
MODULES = [
    "from torch.nn import Module as Base",
    "class Base(nn.Module):\n    pass",
    "from lightning import LightningModule as Base",
    "from mmcv.runner import BaseModule as Base",
    "from timm.models.resnet import ResNet as Base",
    "class Base(Unknown):\n    def set(self, x):\n        self.register_buffer('mean', x)",
    "class Base(Unknown):\n    def set(self, name, x):\n        super().add_module(name, x)",
    "class Base(Unknown):\n    def eval(self):\n        nn.Module.train(self, False)",
]
NO_MODULES = [
    PLAIN,
    UNKNOWN,
    "from .base_model import *",
    "from .base_model import BaseModel as Base",
    "from pydantic import BaseModel as Base",
    "from lightning import LightningDataModule as Base",
    # it has a method of that name itself
    "class Base(Unknown):\n"
    "    def modules(self):\n        return [self.net]\n"
    "    def set(self):\n        return self.modules()",
]


def tracker(imported: str, net: str = "Detector()", given: str = "self.net.parameters()") -> str:
    head = "from somewhere import Unknown" if "Unknown" in imported else ""
    return f"{MODEL}\n{head}\n" + TRACKER.format(imported=imported, net=net, given=given)


@pytest.mark.parametrize("imported", MODULES)
def test_what_extends_a_module_is_frozen_as_a_whole(imported: str) -> None:
    [made] = freezes(plan_of(tracker(imported)))
    assert made.endswith(": self")


@pytest.mark.parametrize("imported", NO_MODULES)
def test_what_extends_something_else_is_asked_for_its_model(imported: str) -> None:
    plan = plan_of(tracker(imported))
    [made] = freezes(plan)
    assert made.endswith(": self.net")
    assert [call.model for call in plan.train_calls] == ["self.net"]
    assert [(script.model, script.state) for script in plan.train_scripts] == [
        ("self.net", "unfrozen")
    ]
    assert [guard.model for file in plan.files for guard in file.loop_guards] == ["self.net"]


@pytest.mark.parametrize("given", ["self.parameters()", "self.net.backbone.parameters()"])
def test_an_object_that_may_be_no_module_is_reported(given: str) -> None:
    """Its model is of a class that is not known, either."""
    body = tracker(UNKNOWN, given=given).replace(
        "class Detector(nn.Module)", "class Detector(Base)"
    )
    plan = plan_of(body.replace(MODEL[:6], UNKNOWN + MODEL[:6]))
    assert freezes(plan) == []
    assert [script.reason.partition(":")[0] for script in plan.train_scripts] == [
        "self may be something else than a module"
    ]


CRITIC = """
class Gan(Base):
    def setup(self, opt):
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3))
        self.critic = torchvision.models.resnet18(pretrained=True)
        self.critic.eval()
        self.optimizer = torch.optim.Adam(self.net.parameters(), opt.lr)
"""


@pytest.mark.parametrize("base", [UNKNOWN, "from .base_model import BaseModel as Base", PLAIN])
def test_a_critic_in_something_that_may_be_no_module(base: str) -> None:
    """No optimizer is given its parameters, and ``super().train(mode)`` may not be there."""
    plan = plan_of(f"{base}\n{CRITIC}")
    assert (plan.files, plan.train_scripts, plan.train_calls) == ((), (), ())


GRAPHS = """
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(4)
        self.load_state_dict(torch.hub.load_state_dict_from_url("https://example.org/trunk.pth"))

class Graphs(nn.Module):
    def __init__(self):
        super().__init__()
        self.edges = nn.Linear(4, 4)

class Tracker(nn.Module):
    def __init__(self, hparams):
        super().__init__()
        self.hparams = hparams
        self.model = {model}
        self.cnn = torchvision.models.resnet18(pretrained=True)
    def configure_optimizers(self):
        return torch.optim.Adam({given}, **self.hparams["options"])
"""


@pytest.mark.parametrize(
    ("model", "given", "owner"),
    [
        ("Graphs()", "self.model.parameters()", "other parts of self"),
        ("Graphs()", "self.parameters()", "self"),
        ("Graphs()", "self.cnn.parameters()", "self"),
        ("Graphs()", "[m.weight for m in self.children()]", "self"),
        ("Graphs()", "[*self.model.parameters(), *self.cnn.parameters()]", "self"),
        ("hparams['make']()", "self.model.parameters()", "self"),
        ("Detector()", "self.model.parameters()", "self"),
        ("Trunk()", "self.model.parameters()", "self"),  # which has no backbone, but is one
    ],
)
def test_an_optimizer_of_what_stands_beside_the_backbone(
    model: str, given: str, owner: str
) -> None:
    """Its statistics change all the same where nothing freezes it."""
    plan = plan_of(MODEL + GRAPHS.format(model=model, given=given))
    said = [one.message for one in findings(plan) if one.code == "BN201"]
    assert [one.partition(":")[0] for one in said] == [f"optimizer of {owner}"]


@pytest.mark.parametrize(
    ("base", "count"), [(UNKNOWN, 0), ("from torch.nn import Module as Base", 1)]
)
def test_train_of_a_class_that_may_be_no_module(base: str, count: int) -> None:
    """``super().train(mode)`` may be something else there."""
    held = HELD.replace("class Net(nn.Module)", "class Net(Base)")
    assert len(guards(f"{base}\n" + held.format(assignment=CERTAIN[0], more=""))) == count


# ------------------------------------------------- objects of classes that are not known

ACTORS = """
class Trainer:
    def __init__(self, actor, optimizer):
        self.actor = actor
        self.optimizer = optimizer

    def cycle(self, loader):
        self.actor.train(loader.training)
        for x in loader:
            self.actor(x).backward()
            self.optimizer.step()

def main(loaders):
    net = Detector()
    actor = {made}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    trainer = Trainer(actor, optimizer)
    for loader in loaders:
        trainer.cycle(loader)
"""


def guarded(imported: str, made: str) -> tuple[list[str], list[str]]:
    """What loops guard, and which classes get a ``train()``."""
    plan = plan_of(f"{imported}\n{MODEL}\n{ACTORS.format(made=made)}")
    assert len(freezes(plan)) == 1
    return (
        [guard.model for file in plan.files for guard in file.loop_guards],
        [guard.class_ for file in plan.files for guard in file.model_guards],
    )


@pytest.mark.parametrize(
    ("imported", "made"),
    [
        ("from actors import Actor", "Actor(net=net)"),
        ("import actors", "actors.tracking.Actor(net, None)"),
        ("from .actors import Actor", "Actor(net)"),
    ],
)
def test_what_is_made_with_a_model_may_be_none(imported: str, made: str) -> None:
    """An actor has a train() that calls the one of its model."""
    assert guarded(imported, made) == ([], ["Detector"])


@pytest.mark.parametrize(
    ("imported", "made"),
    [
        ("", "net"),
        ("", "nn.DataParallel(net)"),
        ("", "torch.nn.Sequential(net, nn.ReLU())"),
        ("from parallel import MyDataParallel", "MyDataParallel(net)"),
        ("from apex import amp", "amp.initialize(net)"),
        ("from sync import convert_model", "convert_model(net)"),
    ],
)
def test_what_gives_a_module(imported: str, made: str) -> None:
    assert guarded(imported, made) == (["self.actor"], [])


@pytest.mark.parametrize(
    ("base", "names"),
    [
        # ``named_modules`` does not come to what a plain object has.
        ("", ("backbone",)),
        ("(object)", ("backbone",)),
        ("(Base)", ("backbone",)),
        ("(nn.Module)", ("backbone", "log.net.backbone")),
        ("(parts.Anything)", ("backbone", "log.net.backbone")),
    ],
)
def test_what_a_plain_object_in_a_model_has(base: str, names: tuple[str, ...]) -> None:
    body = f"""
import parts
class Base:
    pass
class Log{base}:
    def __init__(self, net):
        super().__init__()
        self.net = net
class Task(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.log = Log(Detector())
def main(loader):
    model = Task()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
"""
    [script] = plan_of(MODEL + body).train_scripts
    assert script.backbone == names
