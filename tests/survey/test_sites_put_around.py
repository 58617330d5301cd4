"""What is put around a child in the place where it stands, by a name that callers give."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, plan_of

NETWORKS = """\
from collections import OrderedDict
from torch.hub import load_state_dict_from_url
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(64, 64, 3)
        self.bn = nn.BatchNorm2d(64){keep}
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7)
        self.bn1 = nn.BatchNorm2d(64){keep}
        self.layer1 = nn.Sequential(Block(), Block())
def resnet50():
    net = ResNet()
    net.load_state_dict(load_state_dict_from_url('https://example.com/resnet50.pth'))
    return net
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(64, 8, 1)
        self.bn = nn.BatchNorm2d(8){new}
class Extra(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8){extra}
    def forward(self, x):
        return x.max(2)[0]
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet50()
        self.head = Head()
{function}
net = Net()
for name, child in net.backbone.named_children():
    put_around(net.backbone, name, net.backbone, 'layer1')
    for block in child.children():
        put_around(block, 'conv', block, 'conv')
for name, child in net.head.named_children():
    put_around(net.head, name, net.head, 'bn')
put_around(net.backbone, 'layer1', net.backbone, 'layer1')
put_around(net.head, 'bn', net.head, 'bn')
"""


def _code(function: str, keep: str = "", new: str = "", extra: str = "") -> str:
    function = textwrap.dedent(function)
    return NETWORKS.format(function=function, keep=keep, new=new, extra=extra)


@pytest.mark.parametrize(
    "body",
    [
        "setattr(module, name, nn.Sequential(getattr(module, name), Extra()))",
        "setattr(module, name, nn.Sequential(OrderedDict([\n"
        "        ('extra0', Extra()), ('extra1', getattr(module, name))])))",
        "parts = OrderedDict([('extra0', getattr(module, name)), ('extra1', Extra())])\n"
        "    new = nn.Sequential(parts)\n    print(name)\n    setattr(module, name, new)\n"
        "    return module",
        "if other is None:\n"
        "        old = getattr(module, name)\n"
        "        module.add_module(name, nn.Sequential(*[Extra(), old, Extra()]))\n"
        "    else:\n"
        "        module._modules[name] = nn.ModuleList([getattr(module, name), Extra()])",
    ],
)
def test_what_is_wrapped_stays_where_it_was(body: str) -> None:
    function = f"def put_around(module, name, other=None, its=None):\n    {body}\n"
    keep, new, extra = "  #! keep", "  #! convert", "  #! conflict"
    check(_code(function, keep, new, extra))


@pytest.mark.parametrize(
    "body",
    [
        # It comes from somewhere else,
        "setattr(module, name, nn.Sequential(getattr(other, 'bn'), Extra()))",
        "setattr(module, name, nn.Sequential(getattr(other, its), Extra()))",
        "setattr(module, name, nn.Sequential(getattr(module, name), getattr(other, its)))",
        # or may do so, for a name is given something else in between,
        "old = getattr(module, name)\n    module = other\n"
        "    setattr(module, name, nn.Sequential(old, Extra()))",
        "old = getattr(module, name)\n    if its:\n        module = other\n"
        "    setattr(module, name, nn.Sequential(old, Extra()))",
        "old = getattr(other, its)\n    new = nn.Sequential(old, getattr(module, name))\n"
        "    setattr(module, name, new)",
        "old = getattr(module, name)\n    for old in getattr(other, its):\n        pass\n"
        "    setattr(module, name, nn.Sequential(old, Extra()))",
        "new = [getattr(module, name)]\n    new.append(getattr(other, its))\n"
        "    setattr(module, name, nn.Sequential(*new))",
        # and the repository's own class may hold more.
        "setattr(module, name, Sequential(getattr(module, name), Extra()))",
        "setattr(module, name, nn.Sequential(getattr(module, name), getattr(net, 'head')))",
    ],
)
def test_what_may_come_from_elsewhere_is_in_both_places(body: str) -> None:
    function = f"""\
class Sequential(nn.Sequential):
    def __init__(self, *parts):
        super().__init__(*parts, net.head.bn)
def put_around(module, name, other=None, its=None):
    {body}
net = Net()
put_around(net.backbone, 'layer1', net.head, 'bn')
"""
    plan = plan_of(_code(function))
    verdicts = {site.class_: site.verdict for site in plan.sites}
    assert verdicts["Head"] not in ("convert", "keep")
    assert "convert" not in (verdicts["Block"], verdicts["ResNet"])


@pytest.mark.parametrize("extra", ["Extra()", "nn.Sequential(Extra())", "Extra().cuda()"])
@pytest.mark.parametrize(
    "put",
    [
        "put_around(net.backbone, 'layer1')",
        "put_around(resnet50(), 'layer1')",
        "for name, child in net.backbone.named_children():\n    put_around(net.backbone, name)",
        "for name, child in net.backbone.layer1.named_children():\n    put_around(child, 'conv')",
    ],
)
def test_what_is_put_beside_a_loaded_part_is_not_known_to_be_loaded(put: str, extra: str) -> None:
    function = f"""\
def put_around(module, name):
    setattr(module, name, nn.Sequential(getattr(module, name), {extra}))
"""
    text = _code(function).partition("for name, child in net.backbone")[0]
    verdicts = {site.class_: site.verdict for site in plan_of(text + put).sites}
    assert verdicts.pop("Extra") in ("unknown", "conflict")
    assert verdicts == {"Block": "keep", "ResNet": "keep", "Head": "convert"}
