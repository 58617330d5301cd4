"""A model that several pieces of code load: what one of them is hides none of the others."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

MODEL = """\
import torchvision
class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = torchvision.models.resnet18(pretrained=True)
        self.head = nn.BatchNorm2d(8)  #! {head}
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 3, 1)
        self.inner = Inner()
"""
TRAINER = """\
class Trainer{base}:
    def __init__(self, args):
        self.net = {name}()
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1)
        {start}
"""
LOAD = """\
    def {load}(self, path):
        self.net.load_state_dict(torch.load(path)['net'])
"""
OFTEN_CALLED = ["load_pretrained", "init_weights", "from_pretrained", "load_it"]


def loaded(load: str, *, call: str = "if args.pretrained: self.{load}(args.pretrained)") -> str:
    trainer = TRAINER.format(name="Model", base="", start=call.format(load=load))
    return MODEL.format(name="Model", head="unknown") + trainer + LOAD.format(load=load)


@pytest.mark.parametrize("load", OFTEN_CALLED)
def test_name_of_the_method_that_loads_a_whole_model(load: str) -> None:
    check(loaded(load))


@pytest.mark.parametrize("name", ["ResNetPose", "Model"])
@pytest.mark.parametrize("load", OFTEN_CALLED)
def test_name_of_the_function_that_loads_a_whole_model(load: str, name: str) -> None:
    script = f"""\
def {load}(net, path):
    net.load_state_dict(torch.load(path)['net'])
def main(args):
    net = {name}()
    if args.pretrained:
        {load}(net, args.pretrained)
    torch.optim.SGD(net.parameters(), 0.1).step()
"""
    check(MODEL.format(name=name, head="unknown") + script)


@pytest.mark.parametrize("load", OFTEN_CALLED)
def test_method_that_nothing_calls_beside_a_load_that_begins_a_training(load: str) -> None:
    check(
        loaded(load, call="pass  # {load}")
        + """\
-- finetune.py --
from net import Model
def main(args):
    net = Model()
    if args.pretrained is not None:
        net.load_state_dict(torch.load(args.pretrained)['net'])
    torch.optim.SGD(net.parameters(), 0.1).step()
"""
    )


@pytest.mark.parametrize("load", OFTEN_CALLED)
def test_method_that_the_trainer_inherits(load: str) -> None:
    start = f"if args.pretrained: self.{load}(args.pretrained)"
    check(
        f"""\
-- base.py --
class Base:
{LOAD.format(load=load)}
-- net.py --
from base import Base
{MODEL.format(name="Model", head="unknown")}
{TRAINER.format(name="Model", base="(Base)", start=start)}
"""
    )


def test_models_in_a_dict_that_the_trainer_inherits() -> None:
    start = "self.nets = {'net': self.net}\n        if args.pretrained: self.begin(args.pretrained)"
    check(
        f"""\
-- base.py --
class Base:
    def begin(self, path):
        saved = torch.load(path)
        for name in self.nets:
            if name in saved:
                self.nets[name].load_state_dict(saved[name])
-- net.py --
from base import Base
{MODEL.format(name="Model", head="unknown")}
{TRAINER.format(name="Model", base="(Base)", start=start)}
"""
    )


@pytest.mark.parametrize("first", [0, 1])
def test_file_that_has_what_another_load_leaves_out(first: int) -> None:
    scripts = [
        """\
def start(net, path):
    saved = torch.load(path)
    saved = {key: value for key, value in saved.items() if 'head' not in key}
    net.load_state_dict(saved, strict=False)
""",
        "def start(net, path):\n    net.load_state_dict(torch.load(path))\n",
    ]
    main = """\
def main(args):
    net = Inner()
    if args.pretrained:
        start(net, args.pretrained)
    torch.optim.SGD(net.parameters(), 0.1).step()
"""
    files = [
        f"-- train_{n}.py --\nfrom net import Inner\n{one}{main}"
        for n, one in enumerate([scripts[first], scripts[1 - first]])
    ]
    check(MODEL.format(name="Model", head="unknown") + "".join(files))


@pytest.mark.parametrize("base", ["", "(Base)"])
def test_training_that_goes_on_is_none_that_begins(base: str) -> None:
    """Neither in the trainer nor in what it inherits."""
    start = "if args.resume: self.resume(args.resume)"
    method = LOAD.format(load="resume")
    trainer = TRAINER.format(name="Model", base=base, start=start)
    check(
        f"class Base:\n{method if base else '    pass'}\n"
        + MODEL.format(name="Model", head="convert")
        + trainer
        + ("" if base else method)
    )


def test_published_file_beside_one_of_the_whole_model() -> None:
    check(
        """\
import torchvision
from torch.hub import load_state_dict_from_url as load_url
URL = 'https://download.pytorch.org/models/resnet18-5c106cde.pth'
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = nn.BatchNorm2d(8)  #! unknown
        self.load_state_dict(load_url(URL), strict=False)
def load_pretrained(net, path):
    net.load_state_dict(torch.load(path)['net'])
def main(args):
    net = Model()
    if args.pretrained:
        load_pretrained(net, args.pretrained)
    torch.optim.SGD(net.parameters(), 0.1).step()
"""
    )


NETWORK = """\
from torch.hub import load_state_dict_from_url as load_url
URL = 'https://download.pytorch.org/models/resnet50-19c8e357.pth'
class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1 = nn.Conv2d(c, c, 1)
        self.bn1 = nn.BatchNorm2d(c)  #! keep
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7)
        self.bn1 = nn.BatchNorm2d(64)  #! keep
        self.layer1 = nn.Sequential(Block(64), Block(64))
        self.layer2 = nn.Sequential(Block(64), Block(64))
        self.layer3 = nn.Sequential(Block(64), Block(64))
        self.layer4 = nn.Sequential(Block(64), Block(64))
        self.reduce = nn.Sequential(nn.Conv2d(64, 32, 1), nn.BatchNorm2d(32))  #! {reduce}
"""
LENIENT = """\
def resnet50():
    net = ResNet()
    net.load_state_dict(load_url(URL), strict=False)
    return net
"""
MERGED = """\
def resnet50(pretrained=True):
    net = ResNet()
    if pretrained:
        own = net.state_dict()
        own.update({key: value for key, value in load_url(URL).items() if key in own})
        net.load_state_dict(own)
    return net
"""
STRICT = """\
def resnet152():
    net = ResNet()
    net.load_state_dict(load_url('https://download.pytorch.org/models/resnet152-b121ed2d.pth'))
    return net
"""
FITTING = """\
    saved, own = torch.load(args.file), net.state_dict()
    own.update({k: v for k, v in saved.items() if k in own and v.shape == own[k].shape})
    net.load_state_dict(own)
"""
TRAINING = """\
def main(args):
    net = resnet50()
{load}    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("load", "reduce"),
    [
        ("", "convert"),
        (FITTING, "unknown"),
        ("    net.load_state_dict(torch.load(args.file), strict=False)\n", "unknown"),
        (
            "    if args.pretrained:\n"
            "        net.load_state_dict(torch.load(args.pretrained), strict=False)\n",
            "unknown",
        ),
        (
            "    if args.resume:\n        net.load_state_dict(torch.load(args.resume)['net'])\n",
            "convert",
        ),
    ],
)
def test_file_of_the_whole_network_beside_a_published_one(load: str, reduce: str) -> None:
    check(NETWORK.format(reduce=reduce) + LENIENT + TRAINING.format(load=load))


@pytest.mark.parametrize(
    "builders", [LENIENT + STRICT, STRICT + LENIENT, MERGED + STRICT, STRICT + MERGED]
)
def test_strict_load_of_a_published_file_fails_where_something_was_added(builders: str) -> None:
    """Whichever builder stands first: what the file has not got is new for the other one."""
    check(NETWORK.format(reduce="convert") + builders + TRAINING.format(load=""))


def test_strict_load_alone_of_a_published_file() -> None:
    """It fails, if the file is the one that it is called; nothing says what is right then."""
    check(NETWORK.format(reduce="keep") + STRICT)
