"""What must not be taken for a new layer: no line here may ever say convert.

Each case is a way in which weights reach layers that look new, or in which a
model has no part of which anybody could say that it is pretrained.
"""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, only, plan_of

URL = "load_url('https://example.com/weights.pth')"
IMPORTS = """\
import numpy as np
import torchvision
from torch.utils.model_zoo import load_url
"""


@pytest.mark.parametrize(
    "text",
    [
        # Nothing says what is pretrained.
        """\
        class UNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.inc = nn.BatchNorm2d(8)  #! unknown
                self.decoder = nn.BatchNorm2d(8)  #! unknown
        """,
        # An encoder from scratch beside a pretrained one.
        """\
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.rgb_encoder = torchvision.models.resnet18(pretrained=True)
                self.depth_encoder = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        """,
        # A network by its name beside a pretrained one, without weights.
        """\
        class DepthResNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! unknown
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18(pretrained=True)
                self.depth = DepthResNet()
        """,
        # The whole released model is loaded from a URL.
        """\
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.stage_a = nn.BatchNorm2d(8)  #! unknown
                self.out = nn.BatchNorm2d(8)  #! unknown
        def net(pretrained=True):
            model = Net()
            model.load_state_dict(load_url('https://example.com/whole.pth'))
            return model
        """,
        """\
        class Detector(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = nn.BatchNorm2d(8)  #! keep
                self.head = nn.BatchNorm2d(8)  #! unknown
        def detector(pretrained=True):
            model = Detector()
            model.load_state_dict(load_url('https://example.com/whole.pth'))
            return model
        """,
        # Parts of the backbone whose names sound like additions.
        """\
        class EfficientNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv_stem = nn.Conv2d(3, 8, 3)
                self.bn1 = nn.BatchNorm2d(8)  #! keep
                self.blocks = nn.Sequential(nn.BatchNorm2d(8))  #! keep
                self.conv_head = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = EfficientNet()
                self.net.load_state_dict(load_url('https://example.com/effnet.pth'), strict=False)
        """,
        # An extra stem inside a pretrained network that is a part of the model.
        """\
        class DLA(nn.Module):
            def __init__(self):
                super().__init__()
                self.base_layer = nn.BatchNorm2d(8)  #! keep
                self.level0 = nn.BatchNorm2d(8)  #! keep
                self.level1 = nn.BatchNorm2d(8)  #! keep
                self.level2 = nn.BatchNorm2d(8)  #! keep
                self.pre_img_layer = nn.BatchNorm2d(8)  #! unknown
                self.pre_hm_layer = nn.BatchNorm2d(8)  #! unknown
                self.load_state_dict(load_url('http://dl.yf.io/dla/models/dla34.pth'), strict=False)
        class DLASeg(nn.Module):
            def __init__(self):
                super().__init__()
                self.base = DLA()
        """,
        # Weights copied layer by layer from a pretrained model.
        """\
        class Fuse(nn.Module):
            def __init__(self):
                super().__init__()
                self.encoder = torchvision.models.vgg16_bn(pretrained=True)
                self.branch = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! keep
                vgg = torchvision.models.vgg16_bn(pretrained=True)
                for ours, theirs in zip(self.branch, vgg.features):
                    ours.weight.data = theirs.weight.data
        """,
        """\
        class Fuse(nn.Module):
            def __init__(self):
                super().__init__()
                self.encoder = torchvision.models.resnet18(pretrained=True)
                self.bn1_d = nn.BatchNorm2d(8)  #! keep
                self.bn1_d.load_state_dict(self.encoder.bn1.state_dict())
        """,
        """\
        def copy_weights(theirs, ours):
            for (_, a), (_, b) in zip(theirs.named_parameters(), ours.named_parameters()):
                b.data.copy_(a.data)
        class Depth(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! keep
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.rgb = torchvision.models.resnet18(pretrained=True)
                self.d = Depth()
                copy_weights(self.rgb, self.d)
        """,
        # A darknet weights file.
        """\
        class Darknet(nn.Module):
            def __init__(self):
                super().__init__()
                self.models = nn.ModuleList([nn.BatchNorm2d(8)])  #! keep
            def load_weights(self, path):
                buffer = np.fromfile(path, dtype=np.float32)
                bn = self.models[0]
                bn.bias.data.copy_(torch.from_numpy(buffer[:8]))
        """,
        # The published weights fill a second branch, under other keys.
        """\
        class RedNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn1 = nn.BatchNorm2d(8)  #! keep
                self.layer1 = nn.BatchNorm2d(8)  #! keep
                self.layer2 = nn.BatchNorm2d(8)  #! keep
                self.layer3 = nn.BatchNorm2d(8)  #! keep
                self.bn1_d = nn.BatchNorm2d(8)  #! unknown
                self.layer1_aux = nn.BatchNorm2d(8)  #! unknown
                self.squeeze = nn.BatchNorm2d(8)  #! unknown
            def load(self):
                url = 'https://download.pytorch.org/models/resnet50-19c8e357.pth'
                state, pretrained = self.state_dict(), load_url(url)
                for k, v in pretrained.items():
                    state[k] = v
                    state[k.replace('bn1', 'bn1_d')] = v
                self.load_state_dict(state)
        """,
        # A neck that loads weights in a way that nobody followed.
        """\
        class Neck(nn.Module):
            def __init__(self, pretrained=None):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! unknown
                if pretrained:
                    magic(self, pretrained)
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18()
                self.neck = Neck('neck.pth')
        """,
        # A layer of a test.
        """\
        -- tests/test_net.py --
        from unittest import TestCase
        class NetTest(TestCase):
            def test_norm(self):
                assert nn.BatchNorm2d(8)(3)  #! keep
        """,
        # A strict load: the weights are of all that the class holds.
        """\
        class PoseResNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer1 = nn.BatchNorm2d(8)  #! keep
                self.layer2 = nn.BatchNorm2d(8)  #! keep
                self.layer3 = nn.BatchNorm2d(8)  #! keep
                self.deconv_layers = nn.BatchNorm2d(8)  #! keep
                self.load_state_dict(load_url('https://example.com/pose.pth'))
        """,
        # Layers used by a new part and by a model of which nothing is known.
        """\
        class ConvBN(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! unknown
        class Detector(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18(pretrained=True)
                self.neck = ConvBN()
        class Tracker(nn.Module):
            def __init__(self):
                super().__init__()
                self.parts = ConvBN()
        tracker = Tracker()
        """,
        # ... or that is built by somebody who is not seen.
        """\
        class ConvBN(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! unknown
        class Detector(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = build_backbone()
                self.neck = ConvBN()
        class MyNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.parts = ConvBN()
        def build_backbone():
            return getattr(__import__('mynet'), 'My' + 'Net')()
        class Other(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18()
                self.neck = ConvBN()
        """,
        # The perceptual loss's network does not make the generator a neck.
        """\
        class VGGLoss(nn.Module):
            def __init__(self):
                super().__init__()
                self.features = torchvision.models.vgg16(pretrained=True).features
        class Pix2Pix(nn.Module):
            def __init__(self):
                super().__init__()
                self.vgg_loss = VGGLoss()
                self.decode = nn.BatchNorm2d(8)  #! unknown
        """,
        """\
        class Distiller(nn.Module):
            def __init__(self):
                super().__init__()
                self.teacher = torchvision.models.resnet50(pretrained=True)
                self.student = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
                self.extra = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
        """,
        # Weights of a head are loaded on their own.
        """\
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18(pretrained=True)
                self.head = nn.Sequential(nn.BatchNorm2d(8))  #! unknown
                self.head.load_state_dict(torch.load('head.pth'))
        """,
        # mmdetection's shared head is layer4 of the ResNet.
        """\
        from mmcv.runner import load_checkpoint
        class ResLayer(nn.Module):
            def __init__(self, pretrained=None):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! keep
            def init_weights(self, pretrained):
                load_checkpoint(self, pretrained, strict=False)
        class Detector(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = torchvision.models.resnet18()
                self.shared_head = ResLayer()
        """,
        # timm's way to make a model.
        """\
        from timm.models.helpers import build_model_with_cfg
        class Own(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! keep
        def own(pretrained=False, **kwargs):
            return build_model_with_cfg(Own, 'own', pretrained, **kwargs)
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = own(pretrained=True)
                self.head = nn.Conv2d(8, 8, 1)
        """,
        # The backbone is the base class; the layers came with it.
        """\
        class Base(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv1 = nn.Conv2d(3, 8, 3)
                self.layer1 = nn.BatchNorm2d(8)  #! keep
                self.layer2 = nn.BatchNorm2d(8)  #! keep
                self.layer3 = nn.BatchNorm2d(8)  #! keep
        class Child(Base):
            def __init__(self):
                super().__init__()
                self.load_state_dict(load_url('https://example.com/w.pth'), strict=False)
        """,
        # A method that the subclass overrides makes another layer.
        """\
        class Base(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = self.make()
                self.neck = nn.Conv2d(8, 8, 1)
            def make(self):
                raise NotImplementedError
        class Child(Base):
            def make(self):
                return nn.Sequential(nn.BatchNorm2d(8))  #! keep
        """,
    ],
)
def test_no_layer_is_taken_for_new(text: str) -> None:
    text = textwrap.dedent(text)
    plan = check(text if text.startswith("--") else IMPORTS + text)
    assert not only(plan, "convert")
    assert not [edit for file in plan.files for edit in file.norms]


@pytest.mark.parametrize(
    ("attribute", "verdict"),
    [
        ("backbone", "keep"),
        ("rgb_backbone", "keep"),
        ("backbone_t", "keep"),
        ("backbone2", "keep"),
        ("backbone_net", "keep"),
        ("backbone_fpn", "convert"),
        ("backbone_neck", "convert"),
        ("backbone_head", "convert"),
        ("base", "unknown"),
        ("encoder", "unknown"),
        ("encoder_x", "unknown"),
        ("stem", "unknown"),
        ("features", "unknown"),
        ("trunk", "unknown"),
        ("model", "unknown"),
        ("net", "unknown"),
        ("layer1", "unknown"),
        ("vgg", "unknown"),
        ("neck", "convert"),
        ("fpn", "convert"),
        ("head", "convert"),
        ("decoder", "convert"),
        ("aspp", "convert"),
        ("lateral", "convert"),
        ("gru", "convert"),
        ("fusion", "convert"),
        ("conv_out", "convert"),
        ("reduce", "convert"),
    ],
)
def test_name_of_an_attribute_beside_a_pretrained_backbone(attribute: str, verdict: str) -> None:
    check(
        f"""\
import torchvision
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnet = torchvision.models.resnet18(pretrained=True)
        self.{attribute} = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! {verdict}
"""
    )


@pytest.mark.parametrize("name", ["ResNetHead", "VGGDecoder", "HRNetNeck", "DLAUp", "ResNetFPN"])
def test_class_named_like_a_network_but_used_as_a_head(name: str) -> None:
    check(
        f"""\
import torchvision
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! convert
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = {name}()
"""
    )


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("RepVGGBlock", "convert"),
        ("ResNetBlock", "convert"),
        ("VGG_Block_v2", "convert"),
        ("ConvNeXtBlock", "convert"),
        ("DenseNetLayer", "convert"),
        ("HRNetStage", "convert"),
        ("HighResolutionModule", "convert"),
        ("inception_module", "convert"),
        ("ResNeXtUnit", "convert"),
        ("DLAConv2d", "convert"),
        ("SEResNetCell", "convert"),
        ("MobileNetStem", "convert"),
        # These are whole networks by their names, though nothing is seen to load them.
        ("RepVGG", "unknown"),
        ("ConvNeXt", "unknown"),
        ("ConvNeXtV2", "unknown"),
        ("BlockwiseResNet", "unknown"),
        ("StagedVGG16", "unknown"),
        ("ConvVGGNet", "unknown"),
        ("HighResolutionNet", "unknown"),
        ("VGGModules", "unknown"),
    ],
)
@pytest.mark.parametrize("attribute", ["stem", "encoder", "body", "stage1"])
def test_class_named_after_a_network_in_what_stands_beside_a_backbone(
    name: str, verdict: str, attribute: str
) -> None:
    check(
        f"""\
import torchvision
class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.{attribute} = nn.Sequential({name}(), {name}())
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = Head()
"""
    )


@pytest.mark.parametrize(
    ("trunk", "after", "verdict"),
    [
        # The pretrained backbone beside the head says more than the name in it does.
        ("backbone = torchvision.models.resnet18(pretrained=True)", "", "unknown"),
        # One name against the other.
        ("encoder = VGG16()", "", "keep"),
        ("backbone = nn.Sequential(nn.Conv2d(3, 8, 3))", "", "keep"),
        # The head is trained by itself as well, and its trunk is what it has for a backbone.
        ("backbone = torchvision.models.resnet18(pretrained=True)", "model = Head()", "keep"),
        (
            "backbone = torchvision.models.resnet18(pretrained=True)",
            "class Other(nn.Module):\n"
            "    def __init__(self):\n"
            "        super().__init__()\n"
            "        self.part = Head()",
            "keep",
        ),
    ],
)
def test_network_by_its_name_in_a_head(trunk: str, after: str, verdict: str) -> None:
    check(
        f"""\
import torchvision
class VGG16(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)  #! {verdict}
class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = VGG16()
        self.bn = nn.BatchNorm2d(8)  #! convert
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.{trunk}
        self.head = Head()
{after}
"""
    )


@pytest.mark.parametrize(
    "function",
    ["torchvision.models.resnet.conv3x3(8, 8)", "torchvision.ops.Conv2dNormActivation(8, 8)"],
)
def test_block_of_a_library_is_no_pretrained_network(function: str) -> None:
    plan = plan_of(
        f"""\
import torchvision
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = {function}
        self.bn = nn.BatchNorm2d(8)
"""
    )
    assert [site.verdict for site in plan.sites if site.attribute == "bn"] == ["unknown"]


@pytest.mark.parametrize(
    "text",
    [
        # The base is a container: what is loaded is its blocks, and no other of their class.
        """\
        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! conflict
        class Detector(nn.Module):
            def __init__(self):
                super().__init__()
                self.base = nn.Sequential(Block(), Block())
                self.extras = nn.Sequential(Block(), nn.BatchNorm2d(8))  #! convert
                self.base.load_state_dict(load_url('https://example.com/base.pth'))
        """,
        """\
        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.bn = nn.BatchNorm2d(8)  #! conflict
        def make():
            net = nn.Sequential()
            net.add_module('block', Block())
            net.load_state_dict(load_url('https://example.com/base.pth'))
            return net
        class Detector(nn.Module):
            def __init__(self):
                super().__init__()
                self.base = make()
                self.extras = nn.Sequential(Block(), nn.BatchNorm2d(8))  #! convert
        """,
        # What stands in the container may be an activation, which makes nothing a backbone;
        # and the layers of a list are those of the attributes beside it.
        """\
        class swish(nn.Module):
            def forward(self, x):
                return x * torch.sigmoid(x)
        class Block(nn.Module):
            def __init__(self, act):
                super().__init__()
                self.bn1 = nn.BatchNorm2d(8)  #! conflict
                self.act = act
        class MobileNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.features = []
                self.bn1 = nn.BatchNorm2d(8)  #! keep
                self.features.append(self.bn1)
                self.act = swish()
                self.features.append(self.act)
                self.bneck = nn.Sequential(Block(nn.ReLU()), Block(swish()))
                self.features.extend([block for block in self.bneck])
                self.features = nn.Sequential(*self.features)
        class Detector(nn.Module):
            def __init__(self, base_net, extras):
                super().__init__()
                self.base_net = base_net
                self.extras = extras
            def init_from_base_net(self, path):
                self.base_net.load_state_dict(torch.load(path))
            def init_from_pretrained(self, path):
                self.load_state_dict(torch.load(path))
        def create():
            extras = nn.ModuleList([Block(swish()), nn.BatchNorm2d(8)])  #! convert
            return Detector(MobileNet().features, extras)
        """,
    ],
)
def test_weights_loaded_into_a_container(text: str) -> None:
    check(IMPORTS + textwrap.dedent(text))


@pytest.mark.parametrize(
    "beside",
    [
        "transformers.BertTokenizer.from_pretrained('bert-base-uncased')",
        "transformers.AutoImageProcessor.from_pretrained('x')",
        "transformers.BertModel.from_pretrained('bert-base-uncased')",
    ],
)
def test_what_reads_text_is_no_backbone(beside: str) -> None:
    plan = plan_of(
        f"""\
import transformers
class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        self.first_conv = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
        self.text = {beside}
"""
    )
    assert [site.verdict for site in plan.sites] == ["unknown"]


def test_base_class_that_does_nothing_but_load() -> None:
    check(
        IMPORTS
        + textwrap.dedent(
            """\
            class Pretrained(nn.Module):
                def load_pretrained(self, path):
                    self.load_state_dict(torch.load(path), strict=False)
            class ResNet(Pretrained):
                def __init__(self, path):
                    super().__init__()
                    self.bn1 = nn.BatchNorm2d(8)  #! keep
                    self.load_pretrained(path)
            """
        )
    )


def test_bottlenecks_are_no_neck() -> None:
    check(
        IMPORTS
        + textwrap.dedent(
            """\
            class ResNet(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.layer1 = nn.BatchNorm2d(8)  #! keep
                    self.layer2 = nn.BatchNorm2d(8)  #! keep
                    self.layer3 = nn.BatchNorm2d(8)  #! keep
                    self.bottlenecks = nn.BatchNorm2d(8)  #! unknown
                    self.load_state_dict(load_url('https://example.com/w.pth'), strict=False)
            """
        )
    )


# What domain-specific BatchNorm is put in by, with the weights of what was there.
SWAP = """\
-- swap.py --
class SplitNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.source = nn.BatchNorm2d(c)  #! keep
        self.target = nn.BatchNorm2d(c)  #! keep
def split_norms(model):
    for name, child in model.named_children():
        if isinstance(child, nn.BatchNorm2d):
            new = SplitNorm(child.num_features)
            new.source.load_state_dict(child.state_dict())
            new.target.load_state_dict(child.state_dict())
            setattr(model, name, new)
        else:
            split_norms(child)
def join_norms(model):
    for name, child in model.named_children():
        if isinstance(child, SplitNorm):
            new = nn.BatchNorm2d(child.source.num_features)  #! keep
            new.load_state_dict(child.target.state_dict())
            setattr(model, name, new)
        else:
            join_norms(child)
"""


def test_nothing_is_new_beside_layers_of_any_name_that_are_loaded() -> None:
    check(
        f"""\
{SWAP}-- net.py --
import torchvision
from torch.utils.model_zoo import load_url
from swap import split_norms, join_norms
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.bn2 = nn.BatchNorm2d(8)  #! keep
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(Block(), Block())
        self.layer2 = nn.Sequential(Block(), Block())
        self.layer3 = nn.Sequential(Block(), Block())
def resnet(pretrained=True):
    model = ResNet()
    model.load_state_dict({URL})
    return model
class Model(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.backbone = resnet() if name == "ibn" else torchvision.models.resnet18(True)
def build(name):
    model = Model(name)
    split_norms(model)
    join_norms(model)
    return model
"""
    )


def test_nothing_is_new_beside_a_layer_of_a_block_of_a_loaded_network() -> None:
    check(
        f"""\
from torch.utils.model_zoo import load_url
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.bn2 = nn.BatchNorm2d(8)  #! keep
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(Block(), Block())
        self.layer2 = nn.Sequential(Block(), Block())
        self.layer3 = nn.Sequential(Block(), Block())
def resnet(pretrained=True):
    model = ResNet()
    weights = {URL}
    model.load_state_dict(weights, strict=False)
    for module in model.modules():
        if isinstance(module, Block):
            module.bn2.load_state_dict(weights)
    return model
"""
    )


@pytest.mark.parametrize(
    "dataset",
    [
        "class Images(torchvision.datasets.CocoDetection):",
        "from torch.utils import data\nclass Images(data.DataLoader):",
        "from torch.utils.data import Sampler\nclass Images(Sampler):",
    ],
)
def test_what_hands_out_samples_holds_no_layers(dataset: str) -> None:
    check(
        f"""\
import torchvision
{dataset}
    def __init__(self, source):
        super().__init__(source)
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.head = nn.BatchNorm2d(8)  #! convert
def train(model):
    for x in Images(model):
        pass
train(Model())
"""
    )
