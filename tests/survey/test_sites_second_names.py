"""Second names of what a class holds already: ``self.entry = nn.Sequential(self.conv1, ...)``."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

_XCEPTION = """\
from torch.utils.model_zoo import load_url
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {block}
class Xception(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)  #! {first}
        self.conv2 = nn.Conv2d(8, 8, 3)
        self.bn2 = nn.BatchNorm2d(8)  #! keep
        self.block1 = Block()
        self.block2 = Block()
        self.block3 = Block()
        {more}
        own = self.state_dict()
        own.update(load_url('https://example.com/x.pth'))
        self.load_state_dict(own)
    def make(self):
        return Block()
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Xception()
        self.head = nn.BatchNorm2d(8)  #! convert
"""


@pytest.mark.parametrize(
    "more",
    [
        "self.entry = nn.Sequential(self.conv1, self.bn1, self.block1)",
        "self.entry = [self.block1, self.block2]",
        "self.entry = nn.Sequential(nn.Conv2d(3, 3, 1), self.bn1, self.block1)",
        "self.first = self.bn1; self.entry = nn.Sequential(self.first, self.block3)",
        "self.low, self.high = nn.Sequential(self.bn1, self.block1), nn.Sequential(self.block2)",
    ],
)
def test_layers_that_stand_in_several_attributes(more: str) -> None:
    check(_XCEPTION.format(block="keep", first="keep", more=more))


@pytest.mark.parametrize(
    ("more", "block", "first"),
    [
        # Another layer besides.
        (
            "self.entry = nn.Sequential(self.bn1, self.block1, nn.BatchNorm2d(8))  #! unknown",
            "conflict",
            "conflict",
        ),
        ("self.entry = nn.Sequential(self.bn1, Block())", "conflict", "conflict"),
        # Nothing but another one.
        ("self.entry = nn.Sequential(Block(), nn.Conv2d(8, 8, 1))", "conflict", "keep"),
        # What else a method made may be there.
        ("self.entry = nn.Sequential(self.bn1, self.make())", "conflict", "conflict"),
    ],
)
def test_a_layer_of_its_own_beside_them(more: str, block: str, first: str) -> None:
    check(_XCEPTION.format(block=block, first=first, more=more))


# Two that may stand in one place: of the second nothing is known but that.
_EXTRACTOR = """\
-- backbones/net.py --
class Extractor(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network
        {own}
class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! keep
class First(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.inner = MobileNetV2()
        own = self.inner.state_dict()
        own.update({{k: v for k, v in torch.load(path).items() if k in own}})
        self.inner.load_state_dict(own)
        self.taken = Extractor({given})
-- backbones/other.py --
class Extractor(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network
class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {other}
class Second(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.inner = Layers()
        own = self.inner.state_dict()
        own.update({{k: v for k, v in torch.load(path).items() if k in own}})
        self.inner.load_state_dict(own)
        self.taken = Extractor(self.inner)
-- net.py --
from backbones.net import First
from backbones.other import Second
class Model(nn.Module):
    def __init__(self, path, is_first):
        super().__init__()
        self.backbone = First(path) if is_first else Second(path)
        self.neck = nn.BatchNorm2d(8)  #! convert
"""


def test_an_object_around_what_is_there_holds_no_other_network() -> None:
    check(_EXTRACTOR.format(other="keep", given="self.inner", own="pass"))


@pytest.mark.parametrize(
    ("given", "own", "network"),
    [
        # Of two networks of a class one is loaded.
        ("MobileNetV2()", "pass", "conflict"),
        ("self.inner", "self.more = MobileNetV2()", "conflict"),
        ("self.inner", "self.bn = nn.BatchNorm2d(8)  #! convert", "keep"),
    ],
)
def test_an_object_with_layers_of_its_own_may_be_added_in_either(
    given: str, own: str, network: str
) -> None:
    text = _EXTRACTOR.replace("#! keep", f"#! {network}")
    check(text.format(other="conflict", given=given, own=own))


# A function makes other layers by each call, though they are written once.
_MADE_BY_FUNCTION = """\
def conv_bn(c):
    return nn.Sequential(nn.Conv2d(c, c, 3), nn.BatchNorm2d(c))  #! {made}
class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = conv_bn(8)
        self.layer2 = self._make(8)
        {more}
    def _make(self, c):
        return nn.Sequential(nn.Conv2d(c, c, 3), nn.BatchNorm2d(c))  #! {method}
    def _first(self):
        return self.layer1
def net(path):
    model = MobileNet()
    own = model.state_dict()
    own.update({{k: v for k, v in torch.load(path).items() if k in own}})
    model.load_state_dict(own)
    return model
"""


@pytest.mark.parametrize(
    "more",
    [
        "self.low = self.layer1",
        "self.low = self.layer1[:1]",
        "self.low = nn.Sequential(self.layer1, self.layer2)",
        "self.low = [self.layer1, self.layer2]",
        "self.low = nn.ModuleList([self.layer1]); self.low.append(self.layer2)",
        "self.low = nn.ModuleDict({'a': self.layer1})",
        "self.low = self._first()",
        "first = self.layer1; self.low = first",
        "self.low = nn.Sequential(*self.layer1.children())",
        "self.low = [one for one in self.layer1]",
    ],
)
def test_a_second_name_of_what_a_function_made(more: str) -> None:
    check(_MADE_BY_FUNCTION.format(made="keep", method="keep", more=more))


@pytest.mark.parametrize(
    ("more", "made", "method"),
    [
        ("self.decode = conv_bn(8)", "conflict", "keep"),
        ("self.decode = self._make(8)", "keep", "conflict"),
        ("self.decode = nn.Sequential(self._make(8), conv_bn(8))", "conflict", "conflict"),
        ("self.decode = nn.Sequential(self.layer2, conv_bn(8))", "conflict", "conflict"),
        ("self.decode = self.layer1 if path else conv_bn(8)", "conflict", "keep"),
        ("self.decode = nn.ModuleList([conv_bn(8) for _ in range(2)])", "conflict", "keep"),
        ("self.decode = nn.ModuleList(); self.decode.append(self._make(8))", "keep", "conflict"),
        ("self.decode = [conv_bn(8), self._make(8)]", "conflict", "conflict"),
    ],
)
def test_another_one_that_the_function_made(more: str, made: str, method: str) -> None:
    check(_MADE_BY_FUNCTION.format(made=made, method=method, more=more))


_SLICED = """\
def conv_bn(c):
    return nn.Sequential(nn.Conv2d(c, c, 3), nn.BatchNorm2d(c))  #! {made}
class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! {block}
def make(block, c):
    return [conv_bn(c), block(c), block(c)]
def same(layers):
    return layers
class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(*make(Residual, 8))
        self.load_state_dict({load}, strict=False)
        self.low = {low}
"""
_LOADS = ["torch.load(torch.path)", "torch.load('mobilenet_v2-6a65762b.pth')"]


@pytest.mark.parametrize("load", _LOADS)
@pytest.mark.parametrize(
    "low",
    [
        "self.features[0:2]",
        "nn.Sequential(*list(self.features.children())[:2])",
        "nn.Sequential(*[one for one in self.features][:2])",
        "same(self.features)[:2]",
        "same(layers=nn.ModuleList(self.features))",
        "nn.ModuleList(self.features[:2].cuda())",
    ],
)
def test_slice_of_what_functions_made(low: str, load: str) -> None:
    check(_SLICED.format(made="keep", block="keep", low=low, load=load))


@pytest.mark.parametrize("load", _LOADS)
@pytest.mark.parametrize(
    ("low", "made", "block"),
    [
        ("nn.Sequential(*make(Residual, 8)[:2])", "conflict", "conflict"),
        ("nn.Sequential(*self.features[:2], conv_bn(8))", "conflict", "conflict"),
        ("same(make(Residual, 8))", "conflict", "conflict"),
        ("same(self.features) if torch else make(Residual, 8)", "conflict", "conflict"),
    ],
)
def test_slice_with_layers_of_its_own(low: str, made: str, block: str, load: str) -> None:
    check(_SLICED.format(made=made, block=block, low=low, load=load))


_NAMED = """\
class Bottleneck(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! {block}
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {stem}
        self.layer1 = Bottleneck(8)
        self.layer2 = Bottleneck(8)
def make():
    return ResNet()
class Fuse(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnet = ResNet()
        {more}
        self.head = nn.BatchNorm2d(8)  #! convert
"""


@pytest.mark.parametrize(
    "more",
    [
        "self.first = nn.Sequential(self.resnet.bn1, self.resnet.layer1)",
        "self.second = self.resnet.layer2",
        "self.both = nn.ModuleList([self.resnet.layer1, self.resnet.layer2])",
        "net = self.resnet; self.first = nn.Sequential(net.bn1, net.layer1)",
        "self.first = nn.Sequential(*list(self.resnet.children())[:2])",
        "self.first = nn.Sequential(*[one for one in self.resnet.children()])",
    ],
)
def test_parts_of_a_network_that_is_known_by_its_name(more: str) -> None:
    check(_NAMED.format(block="keep", stem="keep", more=more))


@pytest.mark.parametrize(
    ("more", "block", "stem"),
    [
        # A block of its own.
        ("self.fuse = Bottleneck(8)", "conflict", "keep"),
        ("self.fuse = nn.Sequential(self.resnet.layer1, Bottleneck(8))", "conflict", "keep"),
        ("self.fuse = nn.Sequential(self.resnet.bn1, nn.BatchNorm2d(8))  #! convert",
         "keep", "conflict"),
        # Another network's, which is not known to be one.
        ("self.fuse = ResNet().layer1", "conflict", "keep"),
        ("self.fuse = make().layer1; self.resnet = make()", "conflict", "keep"),
        ("self.fuse = nn.Sequential(*list(make().children())[1:])", "conflict", "conflict"),
        ("self.depth_resnet = ResNet(); self.fuse = self.depth_resnet.layer2",
         "conflict", "conflict"),
    ],
)  # fmt: skip
def test_more_than_parts_of_such_a_network(more: str, block: str, stem: str) -> None:
    check(_NAMED.format(block=block, stem=stem, more=more))


def test_second_name_of_what_may_be_added() -> None:
    check(
        """\
class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! unknown
class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.fpn = Neck()
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Own()
        self.neck = self.backbone.fpn
        self.head = nn.BatchNorm2d(8)  #! convert
"""
    )
