"""What a backbone is: by loads, by attribute, by who reaches whom."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check, only, plan_of

URL = "load_url('https://download.pytorch.org/models/resnet18-5c106cde.pth')"

RESNET = f"""\
-- resnet.py --
from torch.utils.model_zoo import load_url
class BasicBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1 = nn.Conv2d(c, c, 3)
        self.bn1 = nn.BatchNorm2d(c)  #! keep
class ResNet(nn.Module):
    def __init__(self, block, layers):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7)
        self.bn1 = nn.BatchNorm2d(64)  #! keep
        self.layer1 = self._make_layer(block, layers[0])
        self.layer2 = self._make_layer(block, layers[1])
        self.layer3 = self._make_layer(block, layers[2])
    def _make_layer(self, block, n):
        downsample = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! keep
        return nn.Sequential(*[block(8) for _ in range(n)], downsample)
def resnet18(pretrained=True):
    model = ResNet(BasicBlock, [2, 2, 2])
    if pretrained:
        model.load_state_dict({URL})
    return model
"""
HEAD = """\
class Head(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! convert
"""


@pytest.mark.parametrize(
    "built",
    [
        "self.backbone = resnet.resnet18()",
        "self.base = resnet.resnet18()",
        "self.resnet = resnet.resnet18(pretrained=False)",
        "self.img_net = resnet.resnet18()",
        "self.encoder = getattr(resnet, 'resnet18')()",
        "self.encoder = getattr(resnet, name)()",
        "self.encoder = resnet.__dict__[name]()",
        "self.encoder = resnet.__dict__['resnet' + depth]()",
        "self.encoder = vars(resnet)['resnet18']()",
        "self.encoder = {'resnet18': resnet.resnet18, 'none': None}[name]()",
        "self.encoder = eval('resnet.' + name)()",
        "self.encoder = eval('resnet.resnet18')(True)",
        "import resnet as own; self.encoder = eval(f'own.resnet{depth}()')",
        "encoder = resnet.resnet18(); self.encoder = encoder",
        "make = resnet.resnet18; self.encoder = make()",
        "self.encoder = nn.Sequential(resnet.resnet18(), nn.ReLU())",
        "setattr(self, 'encoder', resnet.resnet18())",
        "self.add_module('encoder', resnet.resnet18())",
        "net = resnet.resnet18(); self.layer1 = net.layer1; self.stem = nn.Sequential(net.bn1)",
        "self.encoder = nn.ModuleList([resnet.resnet18() for _ in range(2)])",
        "self.encoder = build(name)",
        "self.encoder = ENCODERS[name]()",
        "self.encoder = self.make()",
        "self.encoder = resnet.resnet18().cuda().eval()",
        "self.encoder = nn.DataParallel(resnet.resnet18())",
        "self.encoder = list(resnet.resnet18().children())[0]",
        "self.encoder = globals()['make_resnet{}'.format(depth)]()",
        "self.cp = Context(); self.resnet = self.cp.resnet",
        "self.encoder = functools.partial(resnet.resnet18, pretrained=True)()",
        "make = lambda: resnet.resnet18(); self.encoder = make()",
        "self.encoder = None or resnet.resnet18()",
        "if (encoder := resnet.resnet18()) is not None: self.encoder = encoder",
    ],
)
def test_however_a_pretrained_network_gets_into_the_model(built: str) -> None:
    check(
        f"""\
-- model.py --
import functools
import resnet
ENCODERS = {{'resnet18': resnet.resnet18}}
def make_resnet18():
    return resnet.resnet18()
class Context(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnet = resnet.resnet18()
def build(name):
    if name == 'resnet18':
        return resnet.resnet18()
    raise ValueError(name)
class Model(nn.Module):
    def __init__(self, name, depth='18'):
        super().__init__()
        {built}
        self.head = Head(8)
        self.final_bn = nn.BatchNorm2d(8)  #! convert
    def make(self):
        return resnet.resnet18()
{HEAD}{RESNET}"""
    )


@pytest.mark.parametrize(
    "load",
    [
        f"self.load_state_dict({URL}, strict=False)",
        f"state = {URL}; self.load_state_dict(state, False)",
        f"state = self.state_dict(); state.update({URL}); self.load_state_dict(state)",
        f"for k, v in {URL}.items(): self.state_dict()[k].copy_(v)",
        "load_checkpoint(self, pretrained, strict=False, logger=None)",
        "load_pretrained_weights(self, pretrained)",
        "self.load_state_dict(torch.load(pretrained), strict=False)",
        "self.load_state_dict(torch.load(pretrained)['state_dict'], strict=False)",
        "state = torch.load(pretrained); self.load_state_dict(state['model'], strict=False)",
        "self.load_state_dict({k: v for k, v in torch.load(pretrained).items()}, strict=False)",
        "self.load_state_dict(torch.hub.load_state_dict_from_url(pretrained), strict=False)",
        "self.load_state_dict(torchvision.models.resnet18(True).state_dict(), strict=False)",
        "self.load_param(pretrained)",
    ],
)
def test_model_that_is_its_backbone(load: str) -> None:
    """bn1 and layer1..3 come with the weights; deconv_layers in the same class do not."""
    check(
        f"""\
import numpy as np
import torchvision
from mmcv.runner import load_checkpoint
from weights import load_pretrained_weights
from torch.utils.model_zoo import load_url
class PoseResNet(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7)
        self.bn1 = nn.BatchNorm2d(64)  #! keep
        self.layer1 = self._make_layer(block)
        self.layer2 = self._make_layer(block)
        self.layer3 = self._make_layer(block)
        self.deconv_layers = self._make_deconv_layer(3)
    def _make_layer(self, block):
        return nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), block(8))  #! keep
    def _make_deconv_layer(self, n):
        layers = []
        for i in range(n):
            layers.append(nn.BatchNorm2d(8))  #! convert
        return nn.Sequential(*layers)
    def load_param(self, path):
        for k, v in torch.load(path).items():
            self.state_dict()[k].copy_(v)
    def init_weights(self, pretrained):
        {load}
class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! keep
def get_pose_net(heads, pretrained):
    model = PoseResNet(Block)
    model.init_weights(pretrained)
    return model
"""
    )


_INHERITED = """\
import torchvision
from torch.utils.model_zoo import load_url
class BaseModel(nn.Module):
    def __init__(self, heads):
        super().__init__()
        self.embedding = nn.Sequential(nn.BatchNorm2d(8))  #! {embedding}
        for head in heads:
            setattr(self, head, nn.Sequential(nn.BatchNorm2d(8)))  #! {embedding}
class PoseResNet(BaseModel):
    def __init__(self, heads):
        super().__init__(heads)
        self.conv1 = nn.Conv2d(3, 64, 7)
        self.bn1 = nn.BatchNorm2d(64)  #! keep
        self.layer1 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
        self.layer2 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
        self.layer3 = nn.Sequential(nn.BatchNorm2d(64))  #! keep
        self.load_state_dict(load_url('https://download.pytorch.org/models/resnet18.pth'), False)
class Detector(BaseModel):
    def __init__(self, heads):
        super().__init__(heads)
        self.base = torchvision.models.resnet18(pretrained=True)
        self.neck = nn.Sequential(nn.BatchNorm2d(8))  #! convert
{another}
"""
_ANOTHER = """\
class Whole(BaseModel):
    def __init__(self, heads, pretrained):
        super().__init__(heads)
        self.load_state_dict(torch.load(pretrained))
"""


@pytest.mark.parametrize(("embedding", "another"), [("convert", ""), ("unknown", _ANOTHER)])
def test_what_a_subclass_loads_says_what_it_inherits(embedding: str, another: str) -> None:
    """A ResNet file has no embedding and no head, in whichever class; another's may have."""
    check(_INHERITED.format(embedding=embedding, another=another))


@pytest.mark.parametrize(
    "built",
    [
        "torchvision.models.resnet18(pretrained=True)",
        "torchvision.models.resnet18(weights='DEFAULT')",
        "timm.create_model('resnet18', pretrained=True, features_only=True)",
        "smp.encoders.get_encoder('resnet18', weights='imagenet')",
        "smp.Unet('resnet18', encoder_weights='imagenet').encoder",
        "torch.hub.load('pytorch/vision', 'resnet18', pretrained=True)",
    ],
)
@pytest.mark.parametrize("attribute", ["backbone", "body"])
def test_network_of_a_library_is_a_backbone(attribute: str, built: str) -> None:
    check(
        f"""\
import timm
import torchvision
import segmentation_models_pytorch as smp
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.{attribute} = {built}
        self.fusion = nn.Sequential(nn.BatchNorm2d(8))  #! convert
"""
    )


def test_attribute_of_the_model_is_loaded_from_outside() -> None:
    """SSD: a function makes the layers, the train script fills ``net.vgg``."""
    check(
        """\
-- ssd.py --
def vgg():
    return [nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()]  #! keep
class SSD(nn.Module):
    def __init__(self, base, extras):
        super().__init__()
        self.vgg = nn.ModuleList(base)
        self.extras = nn.ModuleList(extras)
def build_ssd():
    return SSD(vgg(), [nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8)])  #! convert
-- train.py --
from ssd import build_ssd
net = build_ssd()
net.vgg.load_state_dict(torch.load('vgg16_reducedfc.pth'))
"""
    )


@pytest.mark.parametrize(
    ("attribute", "verdict"),
    [
        ("denseBlocksUp", "unknown"),
        ("upConv", "unknown"),
        ("convUp", "unknown"),
        ("transUpBlocks", "unknown"),
        ("segHead", "unknown"),
        ("upSample", "unknown"),
        ("lastConv", "unknown"),
        ("conv_up", "unknown"),
        # No word of its own says that the part was added.
        ("denseBlocks", "keep"),
        ("groups", "keep"),
        ("Group", "keep"),
        ("denseBlocksDown", "keep"),
        ("supConv", "keep"),
    ],
)
def test_words_in_the_name_of_an_attribute_that_a_file_may_not_fill(
    attribute: str, verdict: str
) -> None:
    check(
        f"""\
class Pose(nn.Module):
    def __init__(self, pretrained):
        super().__init__()
        self.base = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! keep
        self.{attribute} = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))  #! {verdict}
        self.load_state_dict(torch.load(pretrained), strict=False)
"""
    )


ANY_CLASS = """\
class TrunkBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {trunk}
class LeafBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {leaf}
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(TrunkBlock(), TrunkBlock())
class TopDown(nn.Module):
    def __init__(self):
        super().__init__()
        self.lat = LeafBlock()
{function}
class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone = {backbone}
        self.neck = {neck}
"""


@pytest.mark.parametrize(
    ("backbone", "neck", "trunk", "leaf"),
    [
        # Any class of the file may be in both: that is no fact about any of them.
        ("eval(cfg.trunk)()", "eval(cfg.neck)()", "unknown", "unknown"),
        ("build(cfg.trunk)", "build(cfg.neck)", "unknown", "unknown"),
        ("globals()[cfg.trunk]()", "globals()[cfg.neck]()", "unknown", "unknown"),
        ("Trunk()", "eval(cfg.neck)()", "unknown", "convert"),
        ("eval(cfg.trunk)()", "TopDown()", "keep", "unknown"),
        # What is known is a fact.
        ("Trunk()", "TopDown()", "keep", "convert"),
        ("eval('Trunk')()", "eval('TopDown')()", "keep", "convert"),
        ("nn.Sequential(Trunk(), LeafBlock())", "TopDown()", "keep", "conflict"),
        ("nn.Sequential(eval(cfg.a)(), LeafBlock())", "TopDown()", "keep", "conflict"),
    ],
)
def test_a_name_that_is_not_known_may_be_any_class(
    backbone: str, neck: str, trunk: str, leaf: str
) -> None:
    function = (
        "def low():\n    return LeafBlock()\n"
        "def build(name):\n    cls = eval(name)\n    return cls()"
    )
    plan = check(
        ANY_CLASS.format(backbone=backbone, neck=neck, trunk=trunk, leaf=leaf, function=function)
    )
    for site in only(plan, "unknown"):
        assert any(
            "of all that a name that is not known may mean" in reason for reason in site.reasons
        )
    for site in only(plan, "conflict"):
        assert not any("not known" in reason for reason in site.reasons)


def test_classes_of_a_module_of_their_own_are_what_an_unknown_name_means() -> None:
    plan = check(
        """\
-- encoders.py --
from parts import Shared
class A(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
        self.shared = Shared()
class B(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
-- decoders.py --
from parts import Shared
class C(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
class D(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = Shared()
-- parts.py --
class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! conflict
-- net.py --
import encoders, decoders
class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone = encoders.__dict__[cfg.encoder]()
        self.decoder = getattr(decoders, cfg.decoder)()
"""
    )
    assert not any("not known" in reason for site in plan.sites for reason in site.reasons)


def test_backbone_two_levels_down() -> None:
    check(
        f"""\
-- bisenet.py --
from resnet import resnet18
class ContextPath(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnet = resnet18()
        self.arm = Head(8)
class BiSeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.cp = ContextPath()
        self.sp = Head(8)
        self.ffm = nn.BatchNorm2d(8)  #! convert
{HEAD}{RESNET}"""
    )


def test_attribute_that_only_lists_the_parts_of_the_model() -> None:
    check(
        f"""\
-- model.py --
from resnet import resnet18
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = resnet18()
        self.downsample = Head(8)
        self.parts = [self.downsample, self.features.layer2, self.features.layer3]
{HEAD}{RESNET}"""
    )


def test_file_loaded_onto_a_model_with_a_backbone_deep_inside_is_a_checkpoint() -> None:
    check(
        f"""\
-- model.py --
from resnet import resnet18
class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnet = resnet18()
class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = Features()
        self.rpn_model = Head(8)
def load_pretrain(model, path):
    model.load_state_dict(torch.load(path), strict=False)
    return model
def main(path):
    return load_pretrain(Siamese(), path)
{HEAD}{RESNET}"""
    )


def test_class_that_serves_both_sides_is_a_conflict() -> None:
    plan = check(
        f"""\
-- model.py --
from resnet import resnet18, BasicBlock
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet18()
        self.head = BasicBlock(8)
        self.bn = nn.BatchNorm2d(8)  #! convert
{RESNET.replace("BatchNorm2d(c)  #! keep", "BatchNorm2d(c)  #! conflict")}"""
    )
    conflict = only(plan, "conflict")[0]
    assert any("Model.head" in step for step in conflict.evidence)
    assert any("load_url" in step for step in conflict.evidence)
    assert conflict.settles == ("# bn2gn: keep   or   # bn2gn: convert   on this line",)


def test_class_in_a_backbone_of_one_file_and_a_neck_of_another() -> None:
    check(
        """\
-- common.py --
class ConvBN(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! conflict
-- one.py --
from common import ConvBN
class One(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = ConvBN(3)
-- two.py --
import torchvision
from common import ConvBN
class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18()
        self.head = ConvBN(3)
"""
    )


def test_stem_beside_the_backbone_is_kept_with_it() -> None:
    check(
        f"""\
-- model.py --
from resnet import resnet18
class PoseResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.base_layer = nn.Sequential(nn.Conv2d(3, 8, 7), nn.BatchNorm2d(8))  #! keep
        self.backbone = resnet18()
        self.smooth_layer2 = nn.BatchNorm2d(8)  #! convert
{RESNET}"""
    )


def test_evidence_is_named_once() -> None:
    plan = plan_of(
        f"""\
-- model.py --
from resnet import resnet18
class PoseResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.base_layer = nn.Sequential(nn.Conv2d(3, 8, 7), nn.BatchNorm2d(8))
        self.backbone = resnet18()
{RESNET}"""
    )
    [stem] = [site for site in plan.sites if site.attribute == "base_layer"]
    [reason] = stem.reasons
    assert reason.count("PoseResNet.backbone holds ResNet") == 1


def test_registry_hands_out_backbones_and_heads() -> None:
    check(
        """\
-- registry.py --
class Registry:
    def __init__(self):
        self._modules = {}
    def register_module(self):
        def inner(cls):
            self._modules[cls.__name__] = cls
            return cls
        return inner
    def build(self, cfg):
        return self._modules[cfg['type']]()
BACKBONES = Registry()
HEADS = Registry()
-- backbones/net.py --
from registry import BACKBONES
@BACKBONES.register_module()
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
-- heads/head.py --
from registry import HEADS
@HEADS.register_module()
class MyHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
-- detector.py --
import backbones.net
import heads.head
from registry import BACKBONES, HEADS
class Detector(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone = BACKBONES.build(cfg.backbone)
        self.bbox_head = HEADS.build(cfg.head)
"""
    )


# One class of registry, of which every object holds its own classes.
_REGISTRIES = """\
-- registry.py --
class Registry(dict):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
    def register(self, name, module=None):
        if module is not None:
            self[name] = module
            return None
        def inner(fn):
            self[name] = fn
            return fn
        return inner
BACKBONES = Registry()
HEADS = Registry()
"""


def test_registries_of_one_class_hold_what_each_was_given() -> None:
    plan = check(
        f"""\
{_REGISTRIES}-- backbones/net.py --
from registry import BACKBONES, Registry
NORMS = Registry({{"BN": nn.BatchNorm2d}})  #! keep
class Net(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.bn = norm(8)  #! keep
@BACKBONES.register("net")
def build_net(cfg):
    return Net(NORMS["BN"])
-- heads/head.py --
from registry import HEADS, Registry
NORMS = Registry({{"BN": nn.BatchNorm2d}})  #! convert
class MyHead(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.bn = NORMS[cfg.norm](8)
class OtherHead(MyHead):
    pass
HEADS.register("mine", MyHead)
HEADS.register("other", module=OtherHead)
-- detector.py --
import backbones.net
import heads.head
from registry import BACKBONES, HEADS
class Detector(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone = BACKBONES[cfg.backbone](cfg)
        self.bbox_head = HEADS.get(cfg.head)(cfg)
"""
    )
    [head] = only(plan, "convert")
    assert head.reasons == (
        "MyHead is held by Detector.bbox_head; Detector.bbox_head stands beside the backbone "
        "(Detector.backbone is a backbone by its name)",
    )


@pytest.mark.parametrize(
    "builder",
    [
        """\
def build(cfg, registry, default_args=None):
    if isinstance(cfg, list):
        return nn.Sequential(*[build_from_cfg(one, registry, default_args) for one in cfg])
    return build_from_cfg(cfg, registry, default_args)
""",
        """\
def build(cfg, registry):
    kind = cfg.pop("type")
    return registry[kind](**cfg)
""",
        """\
def build(cfg, registry):
    found = registry.get(cfg["type"])
    return found(cfg)
""",
    ],
)
def test_one_builder_for_registries_of_backbones_and_of_heads(builder: str) -> None:
    check(
        f"""\
{_REGISTRIES}-- build.py --
from mmcv.utils import build_from_cfg
from registry import BACKBONES, HEADS
{builder}
def build_backbone(cfg):
    return build(cfg, BACKBONES)
def build_head(cfg):
    return build(cfg, HEADS)
-- backbones/net.py --
from registry import BACKBONES
@BACKBONES.register("net")
class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
-- heads/head.py --
from registry import HEADS
@HEADS.register("head")
class MyHead(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
-- detector.py --
import backbones.net
import heads.head
from build import build_backbone, build_head
class Detector(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone = build_backbone(cfg.backbone)
        self.bbox_head = build_head(cfg.head)
"""
    )


@pytest.mark.parametrize(
    "listed",
    [
        "self.trained = [self.trunk, self.top]",
        "self.trained = nn.ModuleList([self.trunk, self.top])",
        "self.trained = (self.trunk, self.top)\n        self.others = [self.top, self.trunk]",
    ],
)
def test_list_of_attributes_gives_them_no_role(listed: str) -> None:
    check(
        f"""\
{RESNET}-- model.py --
from resnet import resnet18
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = resnet18()
        self.top = Head()
        {listed}
"""
    )


def test_list_that_weights_are_loaded_into_speaks_for_what_it_lists() -> None:
    check(
        """\
from torch.utils.model_zoo import load_url
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.BatchNorm2d(8)  #! keep
        self.second = nn.BatchNorm2d(8)  #! keep
        self.top = nn.BatchNorm2d(8)  #! convert
        self.encoder = nn.Sequential(self.first, self.second)
        self.encoder.load_state_dict(load_url("https://example.org/encoder.pth"))
"""
    )


def test_package_roots_relative_and_star_imports() -> None:
    check(
        f"""\
-- src/lib/models/model.py --
from models.networks import *
from .heads import Head
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = resnet18()
        self.head = Head(8)
-- src/lib/models/heads.py --
{HEAD}-- src/lib/models/networks/__init__.py --
from .resnet import *
-- src/lib/models/networks/resnet.py --
{RESNET.split("--", 2)[2].lstrip()}"""
    )


def test_vendored_copy_does_not_stand_in_for_the_original() -> None:
    check(
        f"""\
-- app/model.py --
from .resnet import resnet18
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet18()
        self.head = nn.BatchNorm2d(8)  #! convert
-- app/resnet.py --
{RESNET.split("--", 2)[2].lstrip()}-- third_party/app/resnet.py --
{RESNET.split("--", 2)[2].lstrip()}"""
    )


def test_reasons_can_be_checked_and_evidence_is_the_whole_chain() -> None:
    plan = check(
        f"""\
-- model.py --
from resnet import resnet18
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = resnet18()
        self.head = Head(8)
{HEAD}{RESNET}"""
    )
    block = next(site for site in plan.sites if site.class_ == "BasicBlock")
    assert block.attribute == "bn1"
    assert "BasicBlock is held by ResNet.layer1" in block.reasons[0]
    assert any("load_url (resnet.py:" in step for step in block.evidence)
    head = next(site for site in plan.sites if site.class_ == "Head")
    assert head.evidence[0] == "Head is held by Model.head"
    assert "stands beside the backbone" in head.evidence[-1]


def test_reason_names_what_loads_the_whole_model() -> None:
    head = HEAD.replace("convert", "unknown")
    plan = check(
        f"""\
-- hubconf.py --
from torch.hub import load_state_dict_from_url
from model import Model
def model():
    net = Model()
    net.load_state_dict(load_state_dict_from_url("https://example.org/matting.pth"))
    return net
-- model.py --
from resnet import resnet18
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = resnet18()
        self.head = Head(8)
{head}{RESNET}"""
    )
    [reason] = only(plan, "unknown")[0].reasons
    assert "hubconf.py:7" in reason
    assert "Model.base" in reason


def test_stem_of_a_network_is_not_beside_its_own_blocks() -> None:
    check(
        """\
-- backbone/irse.py --
from torch import nn
class Unit(nn.Module):
    def __init__(self):
        super().__init__()
        self.res_layer = nn.BatchNorm2d(8)  #! keep
class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layer = nn.BatchNorm2d(8)  #! keep
        self.body = nn.Sequential(*[Unit() for _ in range(3)])
-- base_models/hrnet.py --
from torch import nn
class HighResolutionModule(nn.Module):
    def __init__(self):
        super().__init__()
        self.fuse = nn.BatchNorm2d(8)  #! unknown
class HighResolutionNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        self.stage2 = nn.Sequential(HighResolutionModule())
        self.transition1 = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
"""
    )


@pytest.mark.parametrize(
    "replace",
    [
        "new.add_module(name, convert_model(child))",
        "replaced = convert_model(child)\n        if replaced is not child:\n"
        "            new.add_module(name, replaced)",
    ],
)
def test_function_that_replaces_layers_mixes_no_models(replace: str) -> None:
    check(
        f"""\
import torchvision
class Block(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! keep
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = Block()
class SyncBatchNorm2d(nn.modules.batchnorm._BatchNorm):
    pass
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Net()
        self.backbone.load_state_dict(torch.hub.load_state_dict_from_url("https://example.com/n"))
        self.head = Head()
def convert_model(module):
    new = module
    if isinstance(module, nn.BatchNorm2d):
        new = SyncBatchNorm2d(module.num_features)  #! keep
        new.weight.data = module.weight.data
    for name, child in module.named_children():
        {replace}
    return new
model = convert_model(Model())
"""
    )


def test_batchnorm_of_another_framework_is_no_site() -> None:
    check(
        """\
import paddle
class Head(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.bn = paddle.nn.BatchNorm2D(8)
"""
    )


def test_what_a_builder_named_after_its_backbone_makes_besides() -> None:
    """``tracker_resnet50()`` gives a tracker: the encoder in it is no ResNet."""
    check(
        """\
import torchvision
class Masks(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! unknown
class Tracker(nn.Module):
    def __init__(self, feature_extractor, encoder):
        super().__init__()
        self.feature_extractor = feature_extractor
        self.encoder = encoder
def tracker_resnet50():
    backbone = torchvision.models.resnet50(pretrained=True)
    masks = Masks()
    net = Tracker(backbone, masks)
    return net
"""
    )


def test_code_that_fuses_layers_moves_none_from_one_model_into_another() -> None:
    check(
        """\
        from torch.utils.model_zoo import load_url
        class ResNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn1 = nn.BatchNorm2d(8)  #! keep
        class Head(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! convert
        def resnet():
            model = ResNet()
            model.load_state_dict(load_url('https://example.com/resnet.pth'))
            return model
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = resnet()
                self.det_head = Head()
        def fuse(conv, bn):
            conv.bias = nn.Parameter(bn.bias)
            return conv
        def fuse_module(m):
            last = None
            for name, child in m.named_children():
                if isinstance(child, nn.BatchNorm2d) and last is not None:
                    m._modules[last_name] = fuse(last, child)
                    m._modules[name] = nn.Identity()
                elif isinstance(child, (nn.Conv2d, torch.nn.Linear)):
                    last = child
                    last_name = name
                else:
                    fuse_module(child)
            return m
        fuse_module(Net())
        """
    )


def test_a_layer_made_in_the_place_of_a_pretrained_one_is_not_pretrained() -> None:
    check(
        """\
        import torchvision
        class Depth(nn.Module):
            def __init__(self, channels):
                super().__init__()
                resnet = torchvision.models.resnet18(pretrained=True)
                if channels == 3:
                    self.bn1 = resnet._modules['bn1']
                else:
                    self.bn1 = nn.BatchNorm2d(64)  #! conflict
                self.layer1 = resnet._modules['layer1']
                self.bn2 = nn.BatchNorm2d(256)  #! convert
        """
    )


_NECKS = """\
import torchvision
class ConvBN(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class UpNode(nn.Module):
    def __init__(self):
        super().__init__()
        self.node = ConvBN()
class {other}(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = UpNode(), UpNode()
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.neck = ConvBN()
"""


@pytest.mark.parametrize(
    ("other", "verdict"),
    [("OtherNeck", "convert"), ("SpatialPath", "convert"), ("Tracker", "unknown")],
)
def test_what_only_an_unused_neck_builds_makes_nothing_doubtful(other: str, verdict: str) -> None:
    check(_NECKS.format(other=other, verdict=verdict))


def test_a_loader_of_any_model_may_load_the_checkpoint_of_a_whole_one() -> None:
    check(
        """\
        def load(model, pretrain_path):
            model.load_state_dict(torch.load(pretrain_path), strict=False)
        class Hourglass(nn.Module):
            def __init__(self):
                super().__init__()
                self.pre = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        class Trunk(nn.Module):
            def __init__(self):
                super().__init__()
                self.pre = nn.Sequential(nn.BatchNorm2d(8))  #! keep
        class Detector(nn.Module):
            def __init__(self):
                super().__init__()
                self.trunk = Trunk()
                load(self.trunk, 'trunk.pth')
                self.neck = nn.Sequential(nn.BatchNorm2d(8))  #! convert
        load(Hourglass(), 'hourglass.pth')
        """
    )


def test_what_was_added_to_one_network_was_added_to_those_in_its_place() -> None:
    check(
        """\
        from torch.utils.model_zoo import load_url
        class ResNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn1 = nn.BatchNorm2d(8)  #! keep
                self.layer1, self.layer2, self.layer3 = nn.ReLU(), nn.ReLU(), nn.ReLU()
                self.pre_head = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
                self.load_state_dict(load_url('https://example.com/resnet.pth'), strict=False)
        class Small(nn.Module):
            def __init__(self):
                super().__init__()
                self.stem = nn.BatchNorm2d(8)  #! keep
                self.pre_head = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        class Detector(nn.Module):
            def __init__(self, is_small):
                super().__init__()
                self.backbone = Small() if is_small else ResNet()
        """
    )


FUNCTION_OF_BACKBONES = """\
-- {made}/layers.py --
def down(c, norm=None):
    norm = norm or nn.BatchNorm2d  #! {verdict}
    return nn.Sequential(nn.Conv2d(c, c, 1), norm(c))  #! {verdict}
-- {held}/net.py --
from {made}.layers import down
class Deformable(nn.Module):
    def __init__(self, c, downsample=None):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! {own}
        self.downsample = downsample
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        for i in range(4):
            self.add_module(f'layer{{i}}', Deformable(8, down(8)))
def build(cfg):
    return Net()
"""


@pytest.mark.parametrize(
    ("made", "held", "own", "verdict"),
    [
        ("backbones", "backbones", "keep", "keep"),
        ("lib/backbones", "lib/backbones", "keep", "keep"),
        # Either may be for other models as well.
        ("layers", "backbones", "keep", "unknown"),
        ("backbones", "models", "unknown", "unknown"),
    ],
)
def test_what_a_function_makes_for_classes_of_the_backbones_folder(
    made: str, held: str, own: str, verdict: str
) -> None:
    text = FUNCTION_OF_BACKBONES.format(made=made, held=held, own=own, verdict=verdict)
    check(text.replace("from lib/", "from lib."))


def test_function_of_the_backbones_folder_that_others_use_as_well() -> None:
    text = FUNCTION_OF_BACKBONES.format(
        made="backbones", held="backbones", own="keep", verdict="unknown"
    )
    other = """\
-- models.py --
from backbones.layers import down
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = down(8)
model = Model()
"""
    check(text + other)


def test_words_for_layers_that_are_not_followed_are_true() -> None:
    plan = check(
        """\
        class _Transition(nn.Sequential):
            def __init__(self, c):
                super().__init__()
                self.add_module('norm', nn.BatchNorm2d(c))  #! keep
        class _DenseLayer(nn.Sequential):
            def __init__(self, c):
                super().__init__()
                self.add_module('norm', nn.BatchNorm2d(c))  #! keep
        class DenseNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.features = nn.Sequential(nn.BatchNorm2d(8))  #! keep
                nn.Module.add_module(self.features, 'transition', _Transition(8))
                nn.Module.add_module(self.features, 'norm5', nn.BatchNorm2d(8))  #! keep
        def densenet():
            net = DenseNet()
            net.load_state_dict(torch.hub.load_state_dict_from_url('https://e.org/densenet.pth'))
            return net
        """
    )
    transition, layer, _, last = (site.reasons[0] for site in plan.sites)
    assert transition.startswith("_Transition is followed to no known model;")
    assert layer.startswith("_DenseLayer is not used;")
    assert last.startswith("where DenseNet.__init__() puts it is not followed, in a backbone class")


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("mobilenet.py", "keep"),
        ("backbones/small.py", "keep"),
        ("modules.py", "unknown"),  # layers for all kinds of use
    ],
)
def test_unused_function_beside_a_backbone(path: str, verdict: str) -> None:
    check(
        f"""\
-- {path} --
def down(c):
    return nn.Sequential(nn.Conv2d(c, c, 1), nn.BatchNorm2d(c))  #! {verdict}
class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.BatchNorm2d(8))  #! keep
def mobilenet():
    net = MobileNet()
    net.load_state_dict(torch.hub.load_state_dict_from_url('https://e.org/mobilenet.pth'))
    return net
"""
    )


LISTED = """\
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 1)
        self.bn1 = nn.BatchNorm2d(8)  #! {bn1}
        self.layer1 = self._make(8)
        self.layer2 = self._make(8)
        self.layer3 = self._make(8)
        self.layer4 = self._make(8)
        self.head = nn.BatchNorm2d(8)  #! convert
        {listed}
    def _make(self, width):
        return nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(width))  #! {layer}
def resnet():
    net = ResNet()
    url = "https://download.pytorch.org/models/resnet18-5c106cde.pth"
    net.load_state_dict(torch.hub.load_state_dict_from_url(url), strict=False)
    return net
"""


@pytest.mark.parametrize(
    "listed",
    [
        "self.fine_tune = [self.conv1, self.bn1, self.layer1]",
        "self.fine_tune = (self.bn1, self.layer1)\n        self.random_init = [self.head]",
        "self.fine_tune = [self.layer1]\n        self.fine_tune += [self.bn1]",
        "self.fine_tune = []\n        self.fine_tune.append(self.bn1)\n"
        "        self.fine_tune.extend([self.layer1, self.layer2])",
        # What is found among its own modules stands somewhere else in it.
        "self.backbone_modules = [m for m in self.modules() if isinstance(m, nn.Conv2d)]",
        "self.norms = [m for m in self.modules() if isinstance(m, nn.BatchNorm2d)]",
        "self.named = [(n, m) for n, m in self.named_modules() if 'bn' in n]",
        "self.parts = list(self.children())",
        "self.parts = []\n        self.parts += [m for _, m in self.named_children()]",
    ],
)
def test_plain_list_of_parts_of_a_network_is_none_that_a_checkpoint_lacks(listed: str) -> None:
    check(LISTED.format(listed=listed, bn1="keep", layer="keep"))


@pytest.mark.parametrize(
    "listed",
    [
        # made anew, as far as anything tells
        "self.extra = self._make(8)",
        "self.extra = [self._make(8)]",
        "self.extra = nn.ModuleList([self._make(8)])",
        "self.extra = [self.layer1]\n        self.extra += [self._make(8)]",
        "self.extra = [self.layer1]\n        self.extra.append(self._make(8))",
        "self.extra = [self.layer1] + [self._make(8)]",
        "self.extra = [self._make(8) for m in self.children()]",
        "self.extra = [m for m in self._make(8).modules()]",
    ],
)
def test_list_with_parts_of_its_own(listed: str) -> None:
    check(LISTED.format(listed=listed, bn1="keep", layer="conflict"))


@pytest.mark.parametrize(
    "listed",
    [
        "self.extra = list(self.modules())\n        self.extra.append(self._make(8))",
        "self.extra = list(self.children()) + [self._make(8)]",
        "self.extra = nn.ModuleList([m for m in self.children()])",
    ],
)
def test_list_of_own_modules_with_others(listed: str) -> None:
    check(LISTED.format(listed=listed, bn1="conflict", layer="conflict"))


MODULES_LISTED = """\
class Backbone(nn.Module):
    def __init__(self, extra=()):
        super().__init__()
        self.layers = nn.ModuleList([nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))])  #! keep
        self.norms = nn.ModuleList([nn.BatchNorm2d(8) for _ in extra])  #! unknown
        self.{listed}
    def init_backbone(self, path):
        weights = {{'layers.' + k: v for k, v in torch.load(path).items()}}
        self.load_state_dict(weights, strict=False)
class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
-- train.py --
from net import Detector
def main(data):
    net = Detector()
    net.backbone.init_backbone('resnet50.pth')
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net.train()
    for x in data:
        net(x).sum().backward()
        optimizer.step()
"""


@pytest.mark.parametrize(
    "listed",
    [
        "convs = [m for m in self.modules() if isinstance(m, nn.Conv2d)]",
        "backbone_modules = [m for m in self.modules() if isinstance(m, nn.Conv2d)]",
        "backbone_modules = list(self.modules())",
    ],
)
def test_list_of_own_modules_is_no_part_that_a_load_leaves_out(listed: str) -> None:
    plan = check(MODULES_LISTED.format(listed=listed))
    (freeze,) = [freeze for file in plan.files for freeze in file.freezes]
    assert freeze.backbone == ("backbone.layers",)


GROUPED = """\
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet50(pretrained=True)
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {neck}
    def first(self):
        return self.backbone.parameters()
    def second(self):
        return self.neck.parameters()
class Task(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Net()
        {groups}
task = Task()
{more}
"""
FIRST = "{'params': filter(lambda p: p.requires_grad, self.model.first()), 'lr': 1}"
SECOND = "{'params': filter(lambda p: p.requires_grad, self.model.second()), 'lr': 2}"


@pytest.mark.parametrize(
    "groups",
    [
        f"self.groups = [{FIRST}, {SECOND}]",
        f"self.groups = []\n        self.groups.append({FIRST})\n"
        f"        self.groups.append({SECOND})",
        f"self.groups = [{FIRST}]\n        self.groups += [{SECOND}]",
        f"self.groups = [{FIRST}]\n        self.groups.extend([{SECOND}])",
    ],
)
def test_groups_of_parameters_hold_no_parts(groups: str) -> None:
    check(GROUPED.format(groups=groups, more="", neck="convert"))


@pytest.mark.parametrize(
    ("groups", "more"),
    [
        # The modules themselves, or what nothing is known of.
        ("self.groups = [self.model.backbone, self.model.neck]", ""),
        ("self.groups = [{'parts': self.model.backbone}, {'parts': self.model.neck}]", ""),
        (f"self.groups = [{FIRST}, {SECOND}]\n        self.groups.append(self.model.neck)", ""),
        (
            "self.groups = []",
            "task.groups.append(task.model.neck)\ntask.groups.append(task.model.backbone)",
        ),
    ],
)
def test_lists_of_parts(groups: str, more: str) -> None:
    check(GROUPED.format(groups=groups, more=more, neck="conflict"))
