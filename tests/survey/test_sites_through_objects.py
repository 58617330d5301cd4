"""Norm classes, layers and networks that lie in objects: configs, namespaces, plain modules."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, plan_of

CONFIGS = [
    "from easydict import EasyDict\ncfg = EasyDict()\ncfg.MODEL = EasyDict()\n",
    "from yacs.config import CfgNode\ncfg = CfgNode()\ncfg.MODEL = CfgNode()\n",
    "from settings import cfg\n",
    "import argparse\ncfg = argparse.ArgumentParser().parse_args()\n",
    """\
    class AttrDict(dict):
        def __getattr__(self, name):
            return self[name]
        def __setattr__(self, name, value):
            self[name] = value
    cfg = AttrDict()
    cfg.MODEL = AttrDict()
    """,
    "class cfg:\n    class MODEL:\n        pass\n",
]


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("read", ["cfg.MODEL.BNFUNC", "getattr(cfg.MODEL, 'BNFUNC')"])
def test_norm_class_in_a_config_that_both_sides_ask(config: str, read: str) -> None:
    # Of an object of another package it is not certain that it holds a norm class.
    is_known = "from settings" not in config
    stays, new = ("keep", "convert") if is_known else ("conflict", "conflict")
    text = f"""\
import torchvision
from mynn import Norm2d
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = Norm2d(64)  #! keep
        self.load_state_dict(torchvision.models.resnet18(pretrained=True).state_dict())
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet()
        self.head = Norm2d(8)  #! {new}
-- config.py --
{textwrap.dedent(config)}
def assert_and_infer(args):
    cfg.MODEL.BNFUNC = nn.BatchNorm2d if args.bn else nn.SyncBatchNorm  #! {stays}, {stays}
-- mynn.py --
from config import cfg
def Norm2d(in_channels, **kwargs):
    layer = {read}
    return layer(in_channels, **kwargs)  #! {stays}
"""
    check(text)


def test_norm_class_in_a_namespace_that_only_new_parts_ask() -> None:
    check(
        """\
import argparse
import torchvision
class Model(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.neck = nn.Sequential(args.norm_layer(8))  #! convert
def main():
    args = argparse.ArgumentParser().parse_args()
    args.norm_layer = nn.BatchNorm2d  #! convert
    return Model(args)
"""
    )


def test_norm_class_in_an_attribute_that_nothing_is_seen_to_read() -> None:
    plan = check(
        """\
import options
options.get().norm = nn.BatchNorm2d  #! unknown
unused = nn.BatchNorm2d  #! keep
"""
    )
    assert "stored" in plan.sites[0].reasons[0]


def test_network_class_in_a_config_object() -> None:
    plan = check(
        """\
class ResNetBackbone(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(64)  #! keep
    def init_backbone(self, path):
        self.load_state_dict(torch.load(path), strict=False)
class Config(object):
    def __init__(self, entries):
        for key, value in entries.items():
            self.__setattr__(key, value)
    def copy(self, entries={}):
        made = Config(vars(self))
        for key, value in entries.items():
            made.__setattr__(key, value)
        return made
resnet = Config({'type': None}).copy({'type': ResNetBackbone, 'args': ([3, 4, 23, 3],)})
cfg = Config({'backbone': resnet}).copy()
def construct_backbone(cfg):
    return cfg.type(*cfg.args)
class Yolact(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = construct_backbone(cfg.backbone)
        self.head = nn.Sequential(nn.BatchNorm2d(64))  #! convert
    def load_weights(self, path):
        self.load_state_dict(torch.load(path))
    def init_weights(self, path):
        self.backbone.init_backbone(path)
class NetLoss(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net
NetLoss(Yolact())
"""
    )
    assert "Yolact.backbone" in plan.sites[1].reasons[0]


def test_checkpoint_of_a_whole_model_whose_backbone_was_not_followed() -> None:
    plan = plan_of(
        """\
import zoo
class Detector(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.backbone = zoo.make(name)
        self.prediction = nn.Sequential(nn.BatchNorm2d(64))
    def load_weights(self, path):
        self.load_state_dict(torch.load(path))
class Wrapper(nn.Module):
    def __init__(self):
        super().__init__()
        self.detector = Detector('resnet')
        self.tracker = Detector('resnet')
"""
    )
    assert [str(site.verdict) for site in plan.sites] == ["unknown"]


PLAIN_MODULES = """\
import timm
from backbones.levit import make_pretrained, stem_transpose
class Fusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
def make_encoder(name):
    pretrained = make_pretrained(name)
    scratch = make_scratch()
    return pretrained, scratch
def make_scratch():
    scratch = nn.Module()
    scratch.layer1_rn = nn.BatchNorm2d(8)  #! convert
    return scratch
class DPT(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.pretrained, self.scratch = make_encoder(name)
        self.scratch.stem_transpose = None
        self.scratch.stem_transpose = stem_transpose()
        self.scratch.refinenet1 = Fusion()
-- backbones/levit.py --
import timm
class Up(nn.Sequential):
    def __init__(self):
        super().__init__()
        self.add_module('bn', nn.BatchNorm2d(8))  #! convert
def stem_transpose():
    return nn.Sequential(Up(), nn.ReLU())
def make_pretrained(name):
    pretrained = nn.Module()
    pretrained.model = timm.create_model(name, pretrained=True)
    pretrained.act_postprocess = nn.Sequential(nn.Identity())
    return pretrained
"""


def test_layers_set_on_a_plain_module_and_handed_out_in_a_tuple() -> None:
    check(PLAIN_MODULES)


def test_folder_does_not_decide_where_a_function_is_called_whose_result_was_not_followed() -> None:
    check(
        """\
import registry
from backbones.levit import stem_transpose
registry.put[0](stem_transpose())
-- backbones/levit.py --
class Up(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! unknown
class Idle(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
def stem_transpose():
    return nn.Sequential(Up(), nn.ReLU())
"""
    )


def test_load_made_lenient_by_a_migration_is_the_evidence_that_it_was() -> None:
    load = "self.load_state_dict(torch.load(path))"
    text = f"""\
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)
        self.layer1 = self.layer2 = self.layer3 = nn.BatchNorm2d(8)
        self.head = nn.BatchNorm2d(8)
    def load_pretrained(self, path):
        {load}
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = ResNet()
"""
    lenient = f"print('Checkpoint loaded:', {load[:-1]}, strict=False))"
    before, after = (plan_of(body).sites for body in (text, text.replace(load, lenient)))
    assert before == after


def test_a_name_that_is_not_known_calls_nothing_that_refuses_its_keywords() -> None:
    check(
        """\
        from torch.utils.model_zoo import load_url
        class ConvBN(nn.Module):
            def __init__(self, inner, outer):
                super().__init__()
                self.bn = nn.BatchNorm2d(outer)  #! convert
        class Shared(nn.Module):
            def __init__(self, **options):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! unknown
        class Net(nn.Module):
            def __init__(self, pretrained=True):
                super().__init__()
                self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
                self.load_state_dict(load_url('https://example.com/net.pth'))
        class Detector(nn.Module):
            def __init__(self, name):
                super().__init__()
                self.base = globals()[name](pretrained=True)
                self.neck = nn.Sequential(ConvBN(8, 8), Shared())
        """
    )


BARE = """\
-- blocks.py --
class Base(nn.Module):{base}
    def forward(self, x):
        return self.bn(x)
class Up(Base):
    def __init__(self, width):
        super().__init__()
        self.bn = nn.BatchNorm2d(width)  #! {up}
class Net(nn.Module):
    def __init__(self, pretrained=True):
        super().__init__()
        self.layer1 = nn.Sequential(nn.BatchNorm2d(8))  #! keep
-- net.py --
from torch.utils.model_zoo import load_url
import blocks
class Detector(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.base = getattr(blocks, name)({arguments})
        self.neck = blocks.Up(8)
        self.base.load_state_dict(load_url('https://example.com/net.pth'))
"""


@pytest.mark.parametrize("arguments", ["pretrained=True", "*name, pretrained=True"])
def test_nor_a_class_with_the_constructor_of_a_bare_module(arguments: str) -> None:
    check(BARE.format(base="", up="convert", arguments=arguments))


@pytest.mark.parametrize(
    ("base", "arguments"),
    [
        ("", ""),
        ("", "*name"),
        ("", "**name"),
        # who knows what it takes
        (
            "\n    def __new__(cls, **options):\n        return super().__new__(cls)",
            "pretrained=True",
        ),
    ],
)
def test_what_may_be_called_is_made(base: str, arguments: str) -> None:
    # One may be in the base, and the neck is another one.
    check(BARE.format(base=base, up="conflict", arguments=arguments))


@pytest.mark.parametrize(
    "head",
    [
        "@dataclasses.dataclass\nclass Base(nn.Module):",
        "class Base(nn.Module, metaclass=filled.Meta):",
        "class Base(nn.Module, filled.Filled):",
        "class Base(filled.filled(nn.Module)):",
        "class Base(nn.Sequential):",
    ],
)
def test_nor_is_a_class_whose_constructor_comes_from_elsewhere_left_out(head: str) -> None:
    is_list = head.startswith("class Base(nn.Seq")  # which is handed parts, and no number
    up = "keep" if is_list or "filled.F" in head or "filled.f" in head else "conflict"
    text = BARE.format(base="", up=up, arguments="pretrained=True")
    text = text.replace("class Base(nn.Module):", head)
    text = text.replace("blocks.py --\n", "blocks.py --\nimport dataclasses\nimport filled\n")
    check(text)


def test_class_that_a_builder_is_handed_need_not_know_the_keywords_of_that() -> None:
    check(
        """\
        import dataclasses
        import torchvision
        class Head(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! convert
        @dataclasses.dataclass
        class Config:
            head: nn.Module = dataclasses.field(default_factory=Head, repr=False)
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18(pretrained=True)
                self.head = Config().head
        """
    )
