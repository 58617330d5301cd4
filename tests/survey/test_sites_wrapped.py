"""Backbones inside wrappers, and parts that reach a model by way of star imports."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check


def test_a_wrapper_that_is_all_backbone_is_one() -> None:
    check(
        """\
        import torchvision
        class resnet(nn.Module):
            def __init__(self, pretrained=False):
                super().__init__()
                model = torchvision.models.resnet18(pretrained=pretrained)
                self.conv1 = model.conv1
                self.bn1 = model.bn1
                self.layer1 = model.layer1
        class ParsingNet(nn.Module):
            def __init__(self, pretrained=True):
                super().__init__()
                self.model = resnet(pretrained=pretrained)
                self.aux = nn.Sequential(nn.BatchNorm2d(8))  #! convert
        """
    )


def test_a_wrapper_around_a_whole_model_makes_nothing_new() -> None:
    check(
        """\
        import torchvision
        class DetNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18(pretrained=True)
                self.head = nn.BatchNorm2d(8)  #! convert
        class Trainer(nn.Module):
            def __init__(self):
                super().__init__()
                self.model = DetNet()
                self.other = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        """
    )


@pytest.mark.parametrize(
    "listing",
    [
        "__all__ = ['_ConvBN']\n",
        "__all__ = ('_ConvBN',)\n",
        "__all__: list = ['_ConvBN']\n",
        "__all__ = []\n__all__ += ['_ConvBN']\n",
        "__all__ = []\n__all__.extend(['_ConvBN'])\n",
    ],
)
def test_star_import_of_an_underscore_name_that_is_listed(listing: str) -> None:
    check(
        f"""\
-- core/nn/basic.py --
{listing}class _ConvBN(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
-- core/nn/__init__.py --
from .basic import *
-- core/net.py --
import torchvision
from core.nn import _ConvBN
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = _ConvBN()
"""
    )


def test_layers_of_a_network_that_a_nested_function_makes() -> None:
    """``conv_bn`` stands in the constructor of the network whose layers are taken out."""
    check(
        """\
-- imagenet.py --
class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        def conv_bn(channels):
            return nn.Sequential(nn.Conv2d(3, channels, 3), nn.BatchNorm2d(channels))  #! keep
        self.model = nn.Sequential(conv_bn(32), conv_bn(64))
-- models.py --
from imagenet import MobileNet
def pointwise(channels):
    return nn.Sequential(nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels))  #! convert
class Depth(nn.Module):
    def __init__(self, pretrained=True):
        super().__init__()
        mobilenet = MobileNet()
        if pretrained:
            mobilenet.load_state_dict(torch.load('model_best.pth.tar')['state_dict'])
        self.mobilenet = nn.Sequential(*(mobilenet.model[i] for i in range(14)))
        self.decoder = pointwise(64)
"""
    )


@pytest.mark.parametrize(
    ("base", "wrapper", "attribute", "verdict"),
    [
        ("nn.Module", "DistributedDataParallel", "module", "unknown"),  # a copy of apex's
        ("nn.parallel.DistributedDataParallel", "Wrapper", "module", "unknown"),
        ("nn.Module", "Wrapper", "module", "unknown"),  # a whole model, by the attribute's name
        ("nn.Module", "Wrapper", "trunk", "keep"),  # part of a model, for all we know
    ],
)
def test_models_in_wrappers_of_one_class_say_nothing_of_each_other(
    base: str, wrapper: str, attribute: str, verdict: str
) -> None:
    check(
        f"""\
        import torchvision
        class {wrapper}({base}):
            def __init__(self, module):
                super().__init__()
                self.{attribute} = module
        class Scorer(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! {verdict}
        def main():
            return {wrapper}(Scorer())
        def benchmark():
            return {wrapper}(torchvision.models.resnet18(pretrained=True))
        """
    )


_MANY = """\
-- nets.py --
from torch.utils import model_zoo
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {block}
class VGG(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(Block(), Block())
        self.load_state_dict(model_zoo.load_url('https://a.org/vgg.pth'))
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.{attribute} = nn.Sequential(nn.BatchNorm2d(8))  #! {small}
-- train.py --
from nets import Small, VGG
def main(args):
    if args.arch == 'vgg':
        model = VGG()
    else:
        model = Small()
    model.features = {wrapped}
    return model
"""


def test_what_is_wrapped_in_its_place_is_in_no_model_that_has_no_such_place() -> None:
    wrapped = "torch.nn.DataParallel(model.features, device_ids=args.gpus)"
    check(_MANY.format(block="keep", small="unknown", attribute="stem", wrapped=wrapped))


@pytest.mark.parametrize(
    "wrapped",
    [
        # Another layer, or another place.
        "nn.Sequential(model.features, nn.BatchNorm2d(8))  #! conflict",
        "torch.nn.DataParallel(nn.BatchNorm2d(8))  #! conflict",
    ],
)
def test_what_is_put_there_anew_may_be_in_either_model(wrapped: str) -> None:
    text = _MANY.format(block="keep", small="unknown", attribute="stem", wrapped=wrapped)
    check(text)


_LOADED = """\
import torchvision
class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Net(nn.Module):
    def __init__(self, parts=None):
        super().__init__()
        self.backbone = torchvision.models.resnet50(pretrained=True)
        {inside}
def equip(net):
    net.mixer = Mixer()
def main(args):
    net = Net({{'mixer': Mixer()}})
    {outside}
    {wrap}
    net.mixer.module.load_state_dict(torch.hub.load_state_dict_from_url(args.url))
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
"""
_WRAP = "net.mixer = nn.DataParallel(net.mixer)"


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("self.mixer = Mixer()", "pass"),
        ("self.add_module('mixer', Mixer())", "pass"),
        ("self.register_module('mixer', Mixer())", "pass"),
        ("self._modules['mixer'] = Mixer()", "pass"),
        ("setattr(self, 'mixer', Mixer())", "pass"),
        ("for name in parts: setattr(self, name, parts[name])", "pass"),
        ("for name, part in parts.items(): self.add_module(name, part)", "pass"),
        ("equip(self)", "pass"),
        ("pass", "net.mixer = Mixer()"),
        ("pass", "equip(net)"),
        ("pass", "net.add_module('mixer', Mixer())"),
    ],
)
def test_what_is_loaded_after_it_was_wrapped(inside: str, outside: str) -> None:
    """However it came into the model: a load counts for it as it did before."""
    text = _LOADED.format(verdict="keep", inside=inside, outside=outside, wrap=_WRAP)
    check(text)


def test_what_comes_into_one_model_from_outside_is_wrapped_in_that_one() -> None:
    text = _MANY.format(
        block="keep", small="unknown", attribute="stem", wrapped="nn.DataParallel(model.features)"
    )
    own = "model = Small()\n        model.features = nn.Sequential(nn.BatchNorm2d(8))  #! unknown"
    check(text.replace("model = Small()", own))


def test_what_comes_into_both_models_from_outside_is_wrapped_in_both() -> None:
    text = _MANY.format(
        block="keep", small="unknown", attribute="stem", wrapped="nn.DataParallel(model.features)"
    )
    own = "    model.features = nn.Sequential(nn.BatchNorm2d(8))  #! conflict\n"
    check(text.replace("    model.features", f"{own}    model.features"))


def test_two_models_that_have_the_place_keep_their_own() -> None:
    """The one loads itself; the other one's layers are none of it, wrapped or not."""
    text = _MANY.format(
        block="keep",
        small="unknown",
        attribute="features",
        wrapped="nn.DataParallel(model.features)",
    )
    check(text)


def test_a_layer_that_is_wrapped_in_both_is_loaded_in_one() -> None:
    """What both hold by themselves stays in both."""
    text = _MANY.format(
        block="keep",
        small="unknown",
        attribute="stem",
        wrapped="nn.DataParallel(model.features)",
    )
    check(
        text.replace(
            "self.stem = nn", "self.features = nn.Sequential(Block())\n        self.stem = nn"
        )
    )
