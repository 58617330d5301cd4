"""Layers that other code puts in the place of a part of a network that was loaded."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check

_LOADED = """\
from torch.utils.model_zoo import load_url
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.fc = nn.Linear(8, 8)
def resnet(pretrained=True):
    model = ResNet()
    if pretrained:
        model.load_state_dict(load_url('https://example.com/resnet.pth'))
    return model
"""


@pytest.mark.parametrize(
    "text",
    [
        # The head of a loaded network is replaced.
        """\
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                net = resnet(pretrained=True)
                net.fc = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
                self.resnet8s = net
                self.out = nn.BatchNorm2d(8)  #! convert
        """,
        """\
        class Neck(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! convert
        def make_neck():
            return Neck()
        def main():
            net = resnet()
            net.fc = make_neck()
            return net
        """,
        # Parts of the network itself are handed about.
        """\
        def main():
            net = resnet()
            net.low = net.layer1
            net.high = nn.Sequential(net.layer2, net.layer3)
        """,
        # It is replaced before the load, or nobody knows.
        """\
        def main():
            net = ResNet()
            net.fc = nn.Sequential(nn.BatchNorm2d(8))  #! keep
            net.load_state_dict(load_url('https://example.com/whole.pth'))
        """,
        """\
        net = ResNet()
        def add_head():
            net.fc = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        def load():
            net.load_state_dict(load_url('https://example.com/whole.pth'))
        """,
        # All of the model around it is loaded from a URL as well.
        """\
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = resnet(pretrained=True)
                self.net.fc = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        def net():
            model = Net()
            model.load_state_dict(load_url('https://example.com/net.pth'))
            return model
        """,
    ],
)
def test_what_other_code_puts_into_a_loaded_network(text: str) -> None:
    check(_LOADED + textwrap.dedent(text))


_HEAD = "nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))"
_IN_MODEL = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet()
        {store}
"""


@pytest.mark.parametrize(
    "store",
    [
        "self.backbone._modules['fc'] = {head}",
        "self.backbone.add_module('fc', {head})",
        "self.backbone.register_module('fc', {head})",
        "setattr(self.backbone, 'fc', {head})",
    ],
)
def test_a_part_is_replaced_by_its_name(store: str) -> None:
    line = store.format(head=_HEAD)
    check(_LOADED + _IN_MODEL.format(store=f"{line}  #! convert"))
    before = _IN_MODEL.format(store=f"{line}  #! keep")
    before = before.replace("resnet()", "ResNet()") + (
        "        self.backbone.load_state_dict(load_url('https://example.com/whole.pth'))\n"
    )
    check(_LOADED + before)


@pytest.mark.parametrize(
    "store",
    [
        "self.backbone._modules['fc'] = wrap(self.backbone.fc)",
        "self.backbone.add_module('fc', wrap(self.backbone.fc))",
        "setattr(self.backbone, 'fc', wrap(getattr(self.backbone, 'fc')))",
    ],
)
def test_what_stood_there_may_be_put_back_by_its_name(store: str) -> None:
    wrap = (
        "def wrap(old):\n    if old is None:\n        return {head}  #! unknown\n    return old\n"
    )
    check(_LOADED + wrap.format(head=_HEAD) + _IN_MODEL.format(store=store))


def test_blocks_of_a_part_that_is_put_there_by_its_name_are_not_loaded() -> None:
    check(
        _LOADED.replace("nn.Sequential(nn.BatchNorm2d(8))  #! keep", "Block()")
        + """\
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! conflict
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet()
        self.backbone._modules['layer4'] = nn.Sequential(Block(), Block())
"""
    )


_TWO = """\
class SENet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer0 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        self.load_state_dict(load_url('https://example.com/senet.pth'))
def build(name, device):
    if name == 'senet':
        net = SENet()
    else:
        net = resnet()
    net.layer0 = {value}
    return net
"""


@pytest.mark.parametrize(
    "value",
    [
        "nn.Sequential(net.bn1, net.layer1)",
        "nn.DataParallel(net.layer0, device_ids=list(range(device)))",
        "nn.Sequential(nn.Sequential(*net.layer1[:1]), net.bn1)",
        "net.bn1",
    ],
)
def test_own_layers_of_an_object_by_another_name_are_put_there_by_nobody(value: str) -> None:
    check(_LOADED + _TWO.format(value=value))


_ONE = """\
from torch.utils.model_zoo import load_url
def part():
    return nn.Sequential(nn.BatchNorm2d(8))  #! {part}
def add(inner):
    return nn.Sequential(inner, nn.BatchNorm2d(8))  #! {add}
class SENet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer0 = nn.Sequential(nn.BatchNorm2d(8))  #! {layer0}
        self.layer1 = part()
        self.load_state_dict(load_url('https://example.com/senet.pth'))
def build(layer=None):
    net = SENet()
    {text}
    return net
"""


@pytest.mark.parametrize(
    ("text", "layer0", "part", "add"),
    [
        # What was there stays loaded; what was added shares its attribute.
        ("net.layer0 = nn.Sequential(net.layer0, nn.BatchNorm2d(8))  #! conflict",
         "keep", "keep", "unknown"),
        ("net.layer0 = add(net.layer0)", "keep", "keep", "conflict"),
        ("was = net.layer0\n    net.layer0 = add(was)", "keep", "keep", "conflict"),
        # Where a function made it, for the class or for others, that is not told apart.
        ("net.layer1 = nn.Sequential(net.layer1, nn.BatchNorm2d(8))  #! unknown",
         "keep", "unknown", "unknown"),
        ("was = net.layer1\n    net.layer1 = add(was)", "keep", "unknown", "unknown"),
        ("net.layer1 = part()", "keep", "unknown", "unknown"),
        # Nothing of it was there.
        ("net.layer0 = add(nn.ReLU())", "keep", "keep", "conflict"),
        ("net.layer2 = add(nn.ReLU())", "keep", "keep", "convert"),
        ("net.layer2 = nn.Sequential(nn.ReLU(), nn.BatchNorm2d(8))  #! convert",
         "keep", "keep", "unknown"),
    ],
)  # fmt: skip
def test_loaded_layers_that_are_put_back_are_not_new(
    text: str, layer0: str, part: str, add: str
) -> None:
    check(_ONE.format(text=text, layer0=layer0, part=part, add=add))


@pytest.mark.parametrize(
    ("put", "verdict"),
    [
        ("net.backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))", "conflict"),
        ("net.backbone = nn.Sequential(net.backbone, nn.BatchNorm2d(8))", "conflict"),
        ("setattr(net, 'backbone', nn.Sequential(nn.BatchNorm2d(8)))", "conflict"),
        # A library makes its network of them.
        ("net.backbone = resnet18(pretrained=True, norm_layer=nn.BatchNorm2d)", "keep"),
    ],
)
def test_what_other_code_puts_in_the_place_of_a_librarys_network(put: str, verdict: str) -> None:
    check(
        f"""\
        from torchvision.models import resnet18
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = resnet18(pretrained=True)
        def main():
            net = Net()
            {put}  #! {verdict}
        """
    )
