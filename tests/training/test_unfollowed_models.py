"""Optimizers over models that were not followed, in repositories with pretrained backbones."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

NETS = """
import torch
import torchvision
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained={pretrained})
        self.head = nn.Conv2d(512, 4, 1)

def build(conf):
    return Net()

def sizes(conf):
    def inner():
        return Net()
    return [3, 8]

class Maker:
    def body(self):
        return Net()

class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)
"""
SCRIPT = """
import imp
import importlib
import importlib.util
import apex
import torch
from torch import nn
import nets

def load(path):
    spec = importlib.util.spec_from_file_location('net', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

def by_name(name, *given):
    module, function = name[:name.rfind('.')], name[name.rfind('.') + 1:]
    return getattr(importlib.import_module(module), function)(*given)

class FocalLoss(nn.Module):
    def forward(self, x):
        return x

def get_optimizer(args, net):
    groups = net.parameters()
    return torch.optim.SGD(groups, 0.1)

def make_optimizer(args, target):
    groups = filter(lambda p: p.requires_grad, target.parameters())
    if hasattr(target, 'groups'):
        groups = target.groups
    return torch.optim.SGD(groups, lr=0.1)

def over(groups, args):
    return torch.optim.SGD(groups, **args)

class PolyOptimizer(torch.optim.SGD):
    def __init__(self, params, lr):
        super().__init__(params, lr)

class Builder(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.encoder = self._build(args.encoder)
        self.decoder = self._build(args.decoder)

    def _build(self, name):
        return getattr(importlib.import_module(name), 'Net')()

def make_layers(sizes):
    layers = []
    for size in sizes:
        layers += [nn.Conv2d(3, size, 1), nn.ReLU()]
    return nn.Sequential(*layers)

class Plain(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.backbone = make_layers([8, 8])
        self.frontend = self._layers()
        self.layer1 = make_layers([8, 8])

    def _layers(self):
        layers = make_layers([8])
        return layers

class MyDataParallel(nn.DataParallel):
    pass

class Timer(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = nn.Linear(3, 3)

class Wrapper(nn.Module):
    def __init__(self, args):
        super().__init__()
        module = importlib.import_module('nets.' + args.name)
        self.model = module.make(args).to(args.device)
        self.model = nn.DataParallel(self.model)

class Trainer:
    def __init__(self, args, net):
        self.net = net
        self.optimizer = get_optimizer(args, self.net)

def pick(net, kind):
    for name, parameter in net.named_parameters():
        if kind in name:
            yield parameter

get_params = pick

def main(args, loader):
"""


def said(body: str, nets: str = NETS) -> list[str]:
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    files = {"nets.py": nets.format(pretrained=True), "train.py": SCRIPT + indented}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert not any(file.freezes for file in plan.files)
    found = findings(plan)
    return [f"{one.code} {one.message}" for one in found if "was not followed" in one.message]


@pytest.mark.parametrize(
    "body",
    [
        "net = load(args.path).build(args)\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = by_name(args.arch)\nopt = torch.optim.Adam(net.parameters(), 0.1)",
        "net = nn.DataParallel(by_name(args.arch))\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = by_name(args.arch)\nopt = get_optimizer(args, net)",
        "net = by_name(args.arch, FocalLoss())\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = by_name(args.arch)\nps = [p for p in net.parameters()]\nopt = torch.optim.SGD(ps)",
        # whoever makes it, it is one
        "net = args.build()\nopt = args.solver.create_optimizer(net.parameters())",
        "net = by_name(args.arch)\nopt = args.get_optim(params=net.parameters(), lr=0.1)",
        "net = by_name(args.arch)\nps = []\nfor p in net.parameters():\n"
        "    ps += [p]\nopt = torch.optim.SGD(ps)",
        "net = by_name(args.arch)\nps = []\nfor name, p in net.named_parameters():\n"
        "    if p.requires_grad:\n        ps += [{'params': [p]}]\nopt = torch.optim.SGD(ps, 0.1)",
        # in one expression
        "net = imp.load_source('net', args.path).build()\nopt = torch.optim.SGD(net.parameters())",
        "net = importlib.import_module(args.arch).build()\nopt = torch.optim.SGD(net.parameters())",
        # of a file that is not there, by the name of a class that is
        "from network import Net\nnet = Net()\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "from lib.nets import Net\nnet = Net(3).cuda()\nopt = torch.optim.SGD(net.parameters())",
        # of such a file, by the name of a function that makes one
        "from network import build\nnet = build(3)\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "from network import build\nnet = nn.DataParallel(build(3))\n"
        "opt = torch.optim.SGD([{'params': get_params(net, 'bn')}], 0.1)",
        # in wrappers of the repository's own
        "net = by_name(args)\nnet = MyDataParallel(net).cuda()\nopt = get_optimizer(args, net)",
        "net = Wrapper(args)\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "Trainer(args, Wrapper(args))",
        "Trainer(args, by_name(args.arch))",
        "net = by_name(args.arch, torch.load(args.path))\nopt = get_optimizer(args, net)",
        # with what a config of another file has for it
        "from conf import config\nmake = getattr(importlib.import_module(config.m), config.net)\n"
        "net = make(**config.model.kwargs)\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "from conf import config\nmake = getattr(importlib.import_module(config.m), config.net)\n"
        "net = make(**config.model.kwargs).to(args.device)\nopt = get_optimizer(args, net)",
        # by an optimizer that is told by its class alone
        "net = by_name(args.arch)\nmake = torch.optim.SGD\nopt = make(net.parameters())",
        # by functions that pick some
        "net = by_name(args.arch)\nopt = torch.optim.SGD([{'params': get_params(net, 'bn')}])",
        "net = nn.DataParallel(by_name(args.arch))\n"
        "opt = torch.optim.SGD([{'params': args.get_params(net.module, 'bn')}])",
    ],
)
def test_one_line_for_a_model_that_was_not_followed(body: str) -> None:
    [line] = said(body)
    assert line.startswith("BN201 optimizer of net: what model this is was not followed; if it")


BY_NAME = "net = by_name(args.arch)\n"
PARTS = """
parts = [net.encoder]
if args.all:
    parts = [net.encoder, net.decoder]
groups = []
for part in parts:
    groups.append(dict(params=part.parameters()))
opt = PolyOptimizer(groups, 0.1)
"""


@pytest.mark.parametrize(
    ("body", "model"),
    [
        # a helper calls it something else
        (BY_NAME + "opt = make_optimizer(args, net)", "target"),
        (BY_NAME + "net, opt = apex.amp.initialize(net)\nmake_optimizer(args, net)", "target"),
        # a class of the repository that is an optimizer
        (BY_NAME + "opt = PolyOptimizer(net.parameters(), 0.1)", "net"),
        # methods of the model itself that give its parameters
        (BY_NAME + "opt = torch.optim.SGD(net.trainable_parameters(), 0.1)", "net"),
        (BY_NAME + "some = net.trainable()\nopt = PolyOptimizer([{'params': some[0]}], 1)", "net"),
        (BY_NAME + "opt = torch.optim.SGD(params=net.get_params(args), lr=1)", "net"),
        # around what is made by a computed name
        ("net = Builder(args)\nopt = torch.optim.SGD(net.parameters(), 0.1)", "net"),
        ("net = Builder(args)\nopt = torch.optim.SGD(net.encoder.parameters(), 1)", "net.encoder"),
        ("net = Builder(args)\n" + PARTS, "part"),
        ("net = Builder(args)\n" + PARTS.replace("PolyOptimizer", "over"), "part"),
    ],
)
def test_what_its_parameters_come_through(body: str, model: str) -> None:
    [line] = said(body)
    assert line.startswith(f"BN201 optimizer of {model}: what model this is was not followed")


TWO_NETS = """
import torch
from torch import nn
from script import by_name

class Two:
    def prepare(self, args):
        self.model = by_name(args.arch)
        self.other = nn.Linear(3, 3)

    @property
    def depth_net(self):
        return self.model.depth_net

    @property
    def pose_net(self):
        return self.model.pose_net

    @property
    def other_net(self):
        return self.other

    def configure(self, name):
        optimizer = getattr(torch.optim, name)
        params = []
        if self.depth_net is not None:
            params.append({{'params': self.depth_net.parameters()}})
        if self.pose_net is not None:
            params.append({{'params': self.{second}.parameters()}})
        return optimizer(params)

"""


@pytest.mark.parametrize(("second", "count"), [("pose_net", 1), ("other_net", 0), ("disc", 0)])
def test_two_models_that_were_not_followed(second: str, count: int) -> None:
    files = {
        "nets.py": NETS.format(pretrained=True),
        "script.py": SCRIPT + "    pass\n",
        "train.py": TWO_NETS.format(second=second),
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    found = [script.model for script in plan.train_scripts if script.state == "unfollowed"]
    assert found == ["self.depth_net"] * count


def test_one_line_for_each_file() -> None:
    optimizers = [f"torch.optim.{name}(net.parameters())" for name in ("SGD", "Adam", "AdamW")]
    assert len(said("\n".join(["net = by_name(args.arch)", *optimizers]))) == 1


@pytest.mark.parametrize(
    "body",
    [
        # of no backbone
        "net_d = nets.Discriminator()\nopt = torch.optim.SGD(net_d.parameters(), 0.1)",
        "net = nn.Sequential(nn.Conv2d(3, 3, 1))\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = nn.Linear(3, 3)\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = nn.Linear(3, 3).cuda()\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = nn.Linear(3, 3).to(args.device)\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = nn.DataParallel(nn.Linear(3, 3))\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "net = by_name(args.arch, nets.Discriminator())\nopt = get_optimizer(args, net)",
        # of no model, by its name
        "disc = load(args.path).build(args)\nopt = torch.optim.SGD(disc.parameters(), 0.1)",
        "loss_net = load(args.path).build()\nopt = torch.optim.SGD(loss_net.parameters(), 0.1)",
        "criterion = load(args.path).build()\nopt = torch.optim.SGD(criterion.parameters(), 0.1)",
        # of who knows what
        "opt = torch.optim.SGD(args.net.parameters(), 0.1)",
        "net = by_name(args.arch)\nopt = args.make(net.parameters(), 0.1)",
        "net = by_name(args.arch)\nopt = args.make_optimizer(args, 0.1)",
        "net = by_name(args.arch)\nnn.utils.clip_grad_norm_(net.parameters(), 0.1)",
        "net = by_name(args.arch)\nargs.optimizer.load(list(net.parameters()))",
        "net = by_name(args.arch)\nreturn net",
        "net = by_name(args.arch)\nopt = torch.optim.SGD([*net.parameters(), *args.parameters()])",
        # of a library, whatever the repository calls its own
        "from torch.nn import Linear as Net\nnet = Net()\nopt = torch.optim.SGD(net.parameters())",
        "from lib import Other\nnet = Other()\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        # of a function that makes no model here
        "from lib import sizes\nnet = sizes(3)\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "from lib import body\nnet = body(3)\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "from lib import inner\nnet = inner(3)\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        "from torch.nn import build\nnet = build()\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        # around a model that is known
        "net = MyDataParallel(nn.Linear(3, 3)).cuda()\nopt = get_optimizer(args, net)",
        "net = nn.Linear(3, 3)\nnet = MyDataParallel(net)\nopt = get_optimizer(args, net)",
        "net = Timer(by_name(args.arch))\nopt = get_optimizer(args, net)",
        "Trainer(args, nets.Discriminator())",
        # what is built by a function that is no optimizer, for all that is known
        "net = by_name(args.arch)\nfor make in [torch.optim.SGD, args.x, print, load]:\n"
        "    opt = make(net.parameters())",
        "net = by_name(args.arch)\nopt = torch.optim.SGD([{'params': get_params(args, 'bn')}])",
        "net = Plain(args)\nopt = torch.optim.SGD(net.parameters(), 0.1)",
        # in a helper
        "disc = by_name(args.arch)\nopt = make_optimizer(args, disc)",
        "net = nn.Linear(3, 3)\nopt = make_optimizer(args, net)",
        "net = by_name(args.arch)\nmake_optimizer(args, net)\n"
        "disc_net = nets.Discriminator()\nmake_optimizer(args, disc_net)",
        "disc = by_name(args.arch)\nopt = over(disc.parameters(), args)",
        "opt = over(args.groups, args)",
        # through other methods and classes
        "loss_net = by_name(args.arch)\nopt = PolyOptimizer(loss_net.parameters(), 0.1)",
        "net = by_name(args.arch)\nopt = PolyOptimizer(args.groups(), 0.1)",
        "net = nets.Discriminator()\nopt = torch.optim.SGD(net.trainable_parameters(), 0.1)",
        "for part in [args.encoder]:\n    opt = torch.optim.SGD(part.parameters(), 1)",
        "net = by_name(args.arch)\nopt = torch.optim.SGD(net.criterion.parameters(), 0.1)",
    ],
)
def test_other_optimizers(body: str) -> None:
    assert said(body) == []


PUT_TOGETHER = """
class PartsNet(nn.Module):
    def __init__(self, args):
        super().__init__()
        for name in ["body", "neck"]:
            part = {part}
            self.{keep}

    def build_body(self, args):
        return nn.Linear(3, 3)

    def body(self):
        return nn.Linear(3, 3)

class Derived(PartsNet):
    pass
"""


@pytest.mark.parametrize(
    ("part", "keep", "count"),
    [
        ("getattr(self, 'build_%s' % name)(args)", "add_module(name, part)", 1),
        ("getattr(self, f'build_{{name}}')(args)", "add_module(name, part)", 1),
        ("getattr(self, args.builder)(args)", "add_module(name, part)", 1),
        # A method that is known, a part that is none, and a name that is written out.
        ("self.build_body(args)", "add_module(name, part)", 0),
        ("getattr(self, 'build_%s' % name)(args)", "add_module(name, nn.ReLU())", 0),
        ("getattr(self, 'build_%s' % name)(args)", "kind = part", 0),
        ("getattr(self, 'body')()", "add_module(name, part)", 0),
        ("getattr(nn, args.activation)()", "add_module(name, part)", 0),
    ],
)
def test_a_model_whose_parts_are_made_by_methods_that_are_looked_up(
    part: str, keep: str, count: int
) -> None:
    nets_ = NETS + PUT_TOGETHER.format(part=part, keep=keep)
    for made in ("PartsNet", "Derived"):
        body = f"net = nets.{made}(args)\nopt = torch.optim.SGD(net.parameters(), 0.1)"
        assert len(said(body, nets_)) == count


def test_a_repository_without_pretrained_weights() -> None:
    nets = NETS.replace("torchvision.models.resnet18(pretrained={pretrained})", "nn.BatchNorm2d(8)")
    body = "net = by_name(args.arch)\nopt = torch.optim.SGD(net.parameters(), 0.1)"
    assert said(body, nets) == []


@pytest.mark.parametrize(("attribute", "count"), [("backbone", 1), ("head", 0)])
def test_weights_that_are_loaded_into_the_backbone_of_who_knows_what(
    attribute: str, count: int
) -> None:
    nets = NETS.replace("torchvision.models.resnet18(pretrained={pretrained})", "nn.BatchNorm2d(8)")
    nets += f"""
def init(net):
    net.{attribute}.load_state_dict(torch.utils.model_zoo.load_url('https://a.b/resnet.pth'))
"""
    body = "net = by_name(args.arch)\nopt = torch.optim.SGD(net.parameters(), 0.1)"
    assert len(said(body, nets)) == count


def test_a_script_that_is_reached_by_no_import() -> None:
    """What imports by computed names may import any file with norm layers."""
    body = "net = by_name(args.arch)\nopt = torch.optim.SGD(net.parameters(), 0.1)"
    script = SCRIPT.replace("import nets\n", "")
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    files = {"nets.py": NETS.format(pretrained=True), "train.py": script + indented}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert [script.state for script in plan.train_scripts] == ["unfollowed"]


FOLLOWED = """
import torch
import nets
from elsewhere import setup

class Engine:
    def __init__(self, net, optimizer):
        self.net, self.optimizer = net, optimizer

    def run(self, loader):
        self.net.train()
        for x in loader:
            self.net(x).backward()
            self.optimizer.step()

def main(args, loader):
    net = nets.Net()
    {body}
    Engine(net, optimizer).run(loader)
"""


def plan_of_followed(*body: str) -> Plan:
    script = FOLLOWED.format(body="\n    ".join(body))
    files = {"nets.py": NETS.format(pretrained=True), "train.py": script}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    return plan_repository(Repository(Path("/repository"), read), Settings())


@pytest.mark.parametrize(
    "body",
    [
        ["optimizer = args.solver.create_optimizer(net.parameters())"],
        ["args.optim.params = net.parameters()", "optimizer = args.make(**args.optim)"],
        ["args.optim['params'] = net.parameters()", "optimizer = args.make(**args.optim)"],
    ],
)
def test_optimizers_of_followed_models_that_were_not_followed(body: list[str]) -> None:
    """Its parameters are for an optimizer, whoever makes it."""
    plan = plan_of_followed(*body)
    [file] = [file for file in plan.files if file.path == "train.py"]
    assert [(freeze.model, freeze.after.line) for freeze in file.freezes] == [("net", 17)]
    assert [guard.model for guard in file.loop_guards] == ["self.net"]


def test_parameters_that_are_followed_as_well() -> None:
    """The optimizer is named, not the dict in which it is handed the parameters."""
    plan = plan_of_followed(
        "options = {'lr': 0.1}",
        "options['params'] = net.parameters()",
        "optimizer = torch.optim.SGD(**options)",
    )
    assert [script.optimizer.line for script in plan.train_scripts] == [20]


@pytest.mark.parametrize(
    "body",
    [
        "optimizer = setup(net)",
        "optimizer = setup(net.parameters())",
        "optimizer, args.parameters = setup(net), sum(p.numel() for p in net.parameters())",
    ],
)
def test_models_that_are_trained_by_who_knows_what(body: str) -> None:
    plan = plan_of_followed(body)
    assert plan.files == ()
    said = [f"{one.code} {one.message}" for one in findings(plan)]
    assert said == [
        "BN202 train() on self.net puts its backbone's BatchNorm into train mode; not fixed: "
        "no optimizer was followed that it is trained by: freeze it by hand"
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # tried out, and nothing more
        ("            self.net(x).backward()\n            self.optimizer.step()", "    pass"),
        ("self.net.train()", "self.net.train(False)"),
        # in eval mode again
        ("self.net.train()", "self.net.train()\n        self.net.backbone.eval()"),
        ("nets.Net()", "nets.Discriminator()"),
    ],
)
def test_models_that_are_not_trained(old: str, new: str) -> None:
    script = FOLLOWED.format(body="optimizer = setup(net)")
    assert old in script
    files = {"nets.py": NETS.format(pretrained=True), "train.py": script.replace(old, new)}
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert findings(plan) == ()


def test_a_wrapper_of_a_file_that_was_not_read() -> None:
    """It has nothing to do with norm layers, and goes around the model as the one of torch."""
    script = FOLLOWED.replace("import nets", "import nets\nfrom parallel import MyDataParallel")
    body = [
        "net = MyDataParallel(net)",
        "optimizer = torch.optim.SGD(net.parameters(), lr=0.1)",
    ]
    files = {
        "nets.py": NETS.format(pretrained=True),
        "train.py": script.format(body="\n    ".join(body)),
        "parallel.py": "from base import Base\nclass MyDataParallel(Base):\n    pass\n",
    }
    read = tuple(SourceFile.from_bytes(path, text.encode()) for path, text in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert [script.model for script in plan.train_scripts] == ["net"]


_TOPOLOGY = """
import torch
from torch import nn
{imported}

class Trunk(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone = {backbone}
        self.backbone.init_weights(pretrained=cfg.path)
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))

class Stereo(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        for name in cfg.parts:
            module = getattr(self, 'build_%s' % name)(cfg)
            self.add_module(name, module)

    def build_trunk(self, cfg):
        return Trunk(cfg)

    def build_head(self, cfg):
        return nn.Conv2d(8, 8, 1)

def main(cfg):
    model = Stereo(cfg)
    return torch.optim.SGD(model.parameters(), 0.1)
"""


@pytest.mark.parametrize(
    ("imported", "backbone", "count"),
    [
        ("from mmdet.models.builder import build_backbone", "build_backbone(cfg.backbone)", 1),
        ("from torchvision.models import resnet18", "resnet18(pretrained=True)", 1),
        ("", "nn.Conv2d(3, 8, 3)", 0),
    ],
)
def test_parts_by_their_names_with_a_pretrained_backbone(
    imported: str, backbone: str, count: int
) -> None:
    text = _TOPOLOGY.format(imported=imported, backbone=backbone)
    read = (SourceFile.from_bytes("net.py", text.encode()),)
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert [one.code for one in findings(plan) if one.code == "BN201"] == ["BN201"] * count
