"""What code puts into a network from outside may be loaded there, and is not new elsewhere."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, only, plan_of

LIBRARY = "import torchvision.models as models\nfrom torchvision.models import resnet18\n"
OWN = """\
class Basic(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 7), nn.BatchNorm2d(8)
        for i in range(1, 5):
            setattr(self, 'layer%d' % i, nn.Sequential(Basic(), Basic()))
def resnet18(pretrained=True):
    net = ResNet()
    url = 'https://download.pytorch.org/models/resnet18-5c106cde.pth'
    net.load_state_dict(torch.hub.load_state_dict_from_url(url), strict=False)
    return net
"""
MODEL = """\
class Block(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(c, c, 3), nn.BatchNorm2d(c){expected}
{helper}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet18(pretrained=True)
{body}
        self.backbone.load_state_dict(torch.load('resnet18_blocks.pth'))
        self.head = Block(8)
"""


def _text(network: str, helper: str, body: str, expected: str = "") -> str:
    body = textwrap.indent(body, " " * 8)
    return network + MODEL.format(helper=helper, body=body, expected=expected)


SWAP = """\
def swap(module):
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d):
            {store}
        else:
            swap(child)
"""
NAMES = """\
def swap(net):
    for name, m in list(net.named_modules()):
        if isinstance(m, nn.Conv2d):
            path, _, leaf = name.rpartition('.')
            net.get_submodule(path)._modules[leaf] = Block(m.out_channels)
"""


@pytest.mark.parametrize("network", [LIBRARY, OWN], ids=["library", "own"])
@pytest.mark.parametrize(
    ("helper", "body"),
    [
        (SWAP.format(store="setattr(module, name, Block(8))"), "swap(self.backbone)"),
        (SWAP.format(store="module._modules[name] = nn.Sequential(child, Block(8))"),
         "swap(self.backbone)"),
        (SWAP.format(store="new = Block(8)\n            module.add_module(name, new)"),
         "swap(self.backbone)"),
        (NAMES, "swap(self.backbone)"),
        ("", "for i in range(1, 5):\n    layer = getattr(self.backbone, f'layer{i}')\n"
         "    for n, b in layer.named_children():\n"
         "        setattr(layer, n, nn.Sequential(b, Block(8)))"),
        ("", "stages = [getattr(self.backbone, 'layer%d' % i) for i in (3, 4)]\n"
         "for s in stages:\n    s[0].conv2 = Block(8)"),
        ("", "self.backbone.layer4._modules['0'].add_module('att', Block(8))"),
        ("", "self.backbone.layer4[0].conv1.insert(1, Block(8))"),
        ("", "layers = list(self.backbone.layer1)\nlayers.insert(1, Block(8))\n"
         "self.backbone.layer1 = nn.Sequential(*layers)"),
        ("def inject(m):\n    if hasattr(m, 'conv2'):\n        m.conv2 = Block(8)",
         "self.backbone.apply(inject)"),
        ("def inject(m):\n    m.register_module('gate', Block(8))",
         "list(map(inject, [self.backbone.layer1, self.backbone.layer2]))"),
        ("TABLE = {'a': Block}\ndef patch(net, kind):\n    for i in range(1, 5):\n"
         "        stage = net._modules[f'layer{i}']\n        stage[-1] = TABLE[kind](8)",
         "patch(self.backbone, 'a')"),
        ("SURGERY = {}\ndef surgery(kind):\n    def register(f):\n        SURGERY[kind] = f\n"
         "        return f\n    return register\n"
         "@surgery(nn.Conv2d)\ndef conv(m):\n    return nn.Sequential(m, Block(8))\n"
         "def operate(net):\n    for m in list(net.modules()):\n"
         "        for n, c in m.named_children():\n            f = SURGERY.get(type(c))\n"
         "            if f:\n                m._modules[n] = f(c)",
         "operate(self.backbone)"),
        # What is in what is put there is there, too.
        ("class Outer(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
         "        self.inner = Block(8)", "setattr(self.backbone, 'layer' + '5', Outer())"),
    ],
)  # fmt: skip
def test_layers_that_are_put_in(network: str, helper: str, body: str) -> None:
    plan = plan_of(_text(network, helper, body))
    [site] = [site for site in plan.sites if site.class_ == "Block"]
    assert site.verdict in ("unknown", "conflict"), site.reasons


@pytest.mark.parametrize("network", [LIBRARY, OWN], ids=["library", "own"])
@pytest.mark.parametrize(
    "body",
    [
        "for name in ('layer1', 'layer2'):\n"
        "    setattr(self.backbone, name, Wrap(getattr(self.backbone, name)))",
        "for i, b in enumerate(list(self.backbone.layer1.children())):\n"
        "    b.conv1 = Wrap(b.conv1)",
    ],
)
def test_wrapper_that_is_put_in_place_of_what_it_holds(network: str, body: str) -> None:
    wrap = (
        "class Wrap(nn.Module):\n    def __init__(self, inner):\n        super().__init__()\n"
        "        self.inner, self.post = inner, nn.BatchNorm2d(8)"
    )
    plan = plan_of(_text(network, wrap, body))
    assert "Wrap" not in {site.class_ for site in only(plan, "convert")}


@pytest.mark.parametrize(
    "before",
    [
        "import torchvision.models.resnet as R\nR.BasicBlock = Block",
        "import torchvision\nsetattr(torchvision.models.resnet, 'BasicBlock', Block)",
        "nn.Conv2d = Block",
    ],
)
def test_what_a_library_builds_its_networks_of(before: str) -> None:
    assert not only(plan_of(_text(LIBRARY, before, "pass")), "convert")


def test_what_a_patch_builds_a_network_of() -> None:
    body = "with mock.patch('net.Basic', Block):\n    self.backbone = resnet18()"
    assert not only(plan_of(_text(OWN, "from unittest import mock", body)), "convert")


def test_the_reason_names_the_network_and_the_place() -> None:
    plan = plan_of(_text(LIBRARY, "", "self.backbone.layer1[0].conv2 = Block(8)"))
    [site] = only(plan, "unknown")
    assert site.reasons == (
        "net.py:14 puts Block, or what holds it, into torchvision.models.resnet18: "
        "whether weights are loaded there, too, is not known",
    )
    assert site.settles


@pytest.mark.parametrize("network", [LIBRARY, OWN], ids=["library", "own"])
@pytest.mark.parametrize(
    ("helper", "body"),
    [
        # What is made for what a network gives, or beside it.
        ("", "self.neck = Block(self.backbone.out_channels)"),
        ("def make_neck(net):\n    return Block(net.out_channels)",
         "self.neck = make_neck(self.backbone)"),
        ("def add_neck(model, net):\n    model.neck = Block(net.out_channels)",
         "add_neck(self, self.backbone)"),
        ("", "self.parts = nn.ModuleDict()\nself.parts['backbone'] = self.backbone\n"
         "self.parts['neck'] = Block(8)"),
        ("", "parts = {}\nparts['backbone'] = self.backbone\nparts['neck'] = Block(8)\n"
         "self.neck = parts['neck']"),
        ("", "nets, parts = {}, {}\nnets['backbone'] = self.backbone\n"
         "parts['backbone'] = self.backbone\nparts['neck'] = Block(8)"),
        # What other branches give a variable is not what is put in.
        ("", "if self.training:\n    model = Block(8)\nelse:\n    model = self.backbone\n"
         "    self.backbone.width = model.out_channels"),
        ("", "stages = [self.backbone.layer1]\nnecks = []\nfor s in stages:\n"
         "    necks.append(Block(8))\nself.necks = nn.ModuleList(necks)"),
        # What a forward pass does with what a network gives.
        ("class Head(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
         "        self.block = Block(8)\n    def forward(self, net, x):\n"
         "        feats = list(net(x))\n        feats.append(self.block(feats[-1]))\n"
         "        x.feats = self.block(feats[0])\n        return feats",
         "self.neck = Head()"),
        # Weights are no layers.
        ("", "weights = self.backbone.state_dict()\nweights.update(Block(8).state_dict())\n"
         "weights['fc'] = Block(8).conv.weight"),
        # Nothing with layers is put in.
        ("", "self.backbone.fc = nn.Identity()"),
        ("", "self.backbone.layer4[0].conv1.stride = (1, 1)"),
        ("", "self.backbone.layer4[0].conv1 = nn.Conv2d(8, 8, 3)"),
        ("def start(m):\n    if isinstance(m, (nn.Conv2d, Block)):\n"
         "        m.bias = nn.Parameter(torch.zeros(8))", "self.backbone.apply(start)"),
        ("def swap(m):\n    if isinstance(m, Block):\n        m.conv = nn.Conv2d(8, 8, 1)",
         "self.apply(swap)"),
        # Into new parts alone.
        ("", "self.neck = nn.Sequential(nn.Conv2d(8, 8, 1))\n"
         "setattr(self.neck, 'last', Block(8))"),
    ],
)  # fmt: skip
def test_what_puts_nothing_into_a_network(network: str, helper: str, body: str) -> None:
    plan = plan_of(_text(network, helper, body))
    [site] = [site for site in plan.sites if site.class_ == "Block"]
    assert site.verdict == "convert", site.reasons


def test_what_a_model_puts_into_its_other_parts() -> None:
    check(
        LIBRARY
        + """\
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Block()
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet18(pretrained=True)
        self.neck = Neck()
        self.neck.second = Block()
        for i in range(2):
            setattr(self.neck, f'extra{i}', Block())
"""
    )


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        # Nobody resumes a part of a model: what it loads is made for the network as it is.
        ("self.backbone.load_state_dict(torch.load('resnet18_blocks.pth'))", "unknown"),
        ("self.load_state_dict(torch.load('last.pth'))", "convert"),
        ("pass", "convert"),
    ],
)
def test_part_that_is_replaced_before_a_second_load(after: str, verdict: str) -> None:
    body = "self.backbone.layer4 = nn.Sequential(nn.Conv2d(8, 8, 1), Last())"
    last = (
        "class Last(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.bn = nn.BatchNorm2d(8)"
    )
    text = _text(OWN, last, body)
    plan = plan_of(
        text.replace("self.backbone.load_state_dict(torch.load('resnet18_blocks.pth'))", after)
    )
    [site] = [site for site in plan.sites if site.class_ == "Last"]
    assert site.verdict == verdict, site.reasons
