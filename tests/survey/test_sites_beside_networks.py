"""Parts that stand beside a whole network in one attribute that is called the backbone."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

_LOADED = """\
from torchvision import models
class Encoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(c)  #! keep
    def init_weights(self, path):
        own = self.state_dict()
        own.update(torch.load(path))
        self.load_state_dict(own)
class Fuse(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.last = nn.Sequential(nn.Conv2d(c, c, 1), nn.BatchNorm2d(c))  #! {fuse}
def make(cfg):
    net = Encoder(8)
    net.init_weights("imagenet.pth")
{made}
    return net
class Net(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.{name} = net
        self.head = nn.BatchNorm2d(8)  #! convert
net = Net(make(1))
"""


def _loaded(made: str, fuse: str, name: str = "backbone") -> str:
    inner = textwrap.indent(textwrap.dedent(made), " " * 4)
    return _LOADED.format(made=inner, fuse=fuse, name=name)


@pytest.mark.parametrize("name", ["backbone", "encoder", "trunk"])
@pytest.mark.parametrize(
    "made",
    [
        "if cfg: net = nn.Sequential(net, Fuse(8))",
        "net = nn.Sequential(nn.Sequential(net), nn.Sequential(Fuse(8)))",
        "net = nn.ModuleList([net, Fuse(8)])",
        "from collections import OrderedDict\n"
        "net = nn.Sequential(OrderedDict([('body', net), ('fuse', Fuse(8))]))",
        "net = nn.ModuleList([net])\nnet.append(Fuse(8))",
        "net = nn.Sequential(Fuse(8), models.resnet18(pretrained=True))",
        "net = nn.Sequential(*list(models.resnet18(pretrained=True).children())[:-2], Fuse(8))",
    ],
)
def test_part_beside_a_loaded_network_in_a_container(made: str, name: str) -> None:
    check(_loaded(made, "conflict", name))


@pytest.mark.parametrize("name", ["backbone", "encoder", "trunk"])
def test_part_beside_a_loaded_network_under_a_key_of_its_own(name: str) -> None:
    check(_loaded("net = nn.ModuleDict({'body': net, 'fuse': Fuse(8)})", "convert", name))


def test_norm_itself_beside_a_loaded_network_in_a_container() -> None:
    made = "net = nn.Sequential(net, nn.BatchNorm2d(8))  #! conflict"
    text = _loaded(made, "unknown")
    check(text)


@pytest.mark.parametrize(
    "made",
    [
        # One or the other, in one place.
        "net = nn.Sequential(net if cfg else Fuse(8))",
        "net = nn.Sequential(net) if cfg else nn.Sequential(Fuse(8))",
        "net = net if cfg else Fuse(8)",
        # Weights are loaded into the part as well, or into the container.
        "fuse = Fuse(8)\nfuse.load_state_dict(torch.load('imagenet_fuse.pth'))\n"
        "net = nn.Sequential(net, fuse)",
    ],
)
def test_part_that_is_as_loaded_as_the_network(made: str) -> None:
    check(_loaded(made, "keep").replace("make(", "make_pretrained("))


def test_container_that_is_loaded_with_all_that_is_in_it() -> None:
    text = _loaded("net = nn.Sequential(net, Fuse(8))", "keep")
    load = "        self.backbone.load_state_dict(torch.load('imagenet_all.pth'))\n"
    check(text.replace("        self.head", f"{load}        self.head"))


_NAMED = """\
from collections import OrderedDict
-- model/backbone/nets.py --
from collections import OrderedDict
class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! keep
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.res2 = Block(8)
class Pan(nn.Module):
    def __init__(self):
        super().__init__()
        self.gau = nn.BatchNorm2d(8)  #! {pan}
class Msr(nn.Module):
    def __init__(self, body, pan=None):
        super().__init__()
        {body}
        {part}
def build():
    return {built}
-- model/rcnn.py --
from model.backbone.nets import build
class Rcnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = build()
        self.head = nn.BatchNorm2d(8)  #! convert
net = Rcnn()
"""
_BODY, _CUCS = "self.body = body", "self.cucs = nn.ModuleList([Pan(), Pan()])"


def _named(built: str, pan: str, body: str = _BODY, part: str = _CUCS) -> str:
    return _NAMED.format(built=built, pan=pan, body=body, part=part)


@pytest.mark.parametrize(
    ("built", "pan"),
    [
        ("nn.Sequential(OrderedDict([('body', ResNet()), ('pan', Pan())]))", "conflict"),
        ("nn.Sequential(ResNet(), Pan())", "conflict"),
        # What nothing but the attribute's name speaks for, and nothing against.
        ("Pan()", "keep"),
        ("nn.Sequential(Block(8), Pan())", "keep"),
        ("nn.Sequential(Pan(), Pan())", "keep"),
    ],
)
def test_part_beside_a_network_for_its_name_in_a_container(built: str, pan: str) -> None:
    check(_named(built, pan))


@pytest.mark.parametrize(
    ("body", "part", "pan"),
    [
        (_BODY, _CUCS, "unknown"),
        (_BODY, "self.pan = Pan()", "unknown"),
        ("self.encoder = body", _CUCS, "unknown"),
        # A stem or a stage may well be the network's.
        (_BODY, "self.stem = Pan()", "keep"),
        (_BODY, "self.stage5 = Pan()", "keep"),
        # The class is the network, whatever it calls its parts.
        ("self.block = Block(8)", _CUCS, "keep"),
        ("self.inner = body", _CUCS, "keep"),
    ],
)
def test_part_beside_a_network_for_its_name_in_a_class(body: str, part: str, pan: str) -> None:
    check(_named("Msr(ResNet())", pan, body, part))


def test_network_that_is_made_of_another_one_is_one_itself() -> None:
    check(_named("Msr(ResNet())", "keep").replace("Msr", "DenseNet"))


def test_the_first_of_several_networks_in_a_place_is_named() -> None:
    """The same one in every run: what may be there is no set."""
    names = ["resnet18", "resnet34", "resnet50", "vgg16_bn", "densenet121", "mobilenet_v2"]
    made = f"makers = [{', '.join(f'models.{name}' for name in names)}]\n"
    made += "net = nn.Sequential(makers[cfg](pretrained=True), Fuse(8))"
    plan = check(_loaded(made, "conflict"))
    [fuse] = [site for site in plan.sites if site.verdict == "conflict"]
    assert any("stands beside torchvision.models.resnet18 in" in words for words in fuse.reasons)


_BUILT = """\
from detectron2.modeling.backbone import build_backbone
from detectron2.layers import get_norm
class Fuse(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
        self.last = get_norm(norm, 8)  #! {made}
def build(cfg):
    backbone = build_backbone(cfg)
    fuse = Fuse(cfg.norm)
    {load}
    return {given}
class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone = build(cfg)
net = Net(load_config())
net.train()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for x in data:
    net(x).sum().backward()
    optimizer.step()
"""
_BESIDE = "nn.Sequential(backbone, fuse)"
_LOADS = "backbone.load_state_dict(torch.load(cfg.weights))"


@pytest.mark.parametrize("load", ["pass", _LOADS, f"if cfg.weights: {_LOADS}"])
def test_part_beside_what_a_toolbox_builds(load: str) -> None:
    text = _BUILT.format(verdict="conflict", made="unknown", load=load, given=_BESIDE)
    plan = check(text)
    assert not any(script.fix for script in plan.train_scripts)


def test_part_that_stands_in_the_way_of_a_freeze_is_named() -> None:
    text = _BUILT.format(verdict="conflict", made="unknown", load=_LOADS, given=_BESIDE)
    text = text.replace("        self.bn = nn.BatchNorm2d(8)  #! conflict\n", "")
    (script,) = check(text).train_scripts
    assert "what is put there (net.py:8)" in script.reason


def test_part_that_may_be_there_instead_of_what_a_toolbox_builds() -> None:
    given = "fuse if cfg.small else backbone"
    check(_BUILT.format(verdict="keep", made="keep", load=_LOADS, given=given))
