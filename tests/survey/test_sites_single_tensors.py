"""A tensor that is set in one layer says nothing of the other layers of its class."""

from __future__ import annotations

import pytest

from tests.survey.verdicts import check

# Through ``*args`` the constructor of the block may be handed anything as its channels.
RESNET = """\
from mmcv.runner import load_checkpoint
class DeformConv(nn.Module):
    def __init__(self, inputs, outputs, size):
        super().__init__()
        {weight}
class Block(nn.Module):
    def __init__(self, inputs, outputs, downsample=None, deform=None):
        super().__init__()
        self.bn1 = nn.SyncBatchNorm(outputs)  #! keep
        self.conv2 = DeformConv(outputs, outputs, 3) if deform else nn.Conv2d(outputs, outputs, 3)
        self.bn2 = nn.SyncBatchNorm(outputs)  #! keep
        self.downsample = downsample
class GroupedBlock(Block):
    def __init__(self, *args, groups=1, **kwargs):
        super().__init__(*args, **kwargs)
def make_layer(block, inputs, outputs, deform=None):
    downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))  #! keep
    return nn.Sequential(block(inputs, outputs, downsample, deform=deform))
class ResNet(nn.Module):
    settings = {{50: Block}}
    def __init__(self, depth, deform=None):
        super().__init__()
        self.block = self.settings[depth]
        self.bn1 = nn.BatchNorm2d(64)  #! keep
        for i in range(4):
            self.add_module("layer%d" % i, make_layer(self.block, 64, 64, deform=deform))
    def init_weights(self, pretrained=None):
        load_checkpoint(self, pretrained, strict=False)
class ResNeXt(ResNet):
    settings = {{50: GroupedBlock}}
"""


@pytest.mark.parametrize(
    "weight",
    [
        "self.weight = nn.Parameter(torch.Tensor(outputs, inputs, size, size))",
        "self.weight = nn.Parameter(torch.empty(outputs, inputs, size, size))",
        "self.weight = nn.Parameter(torch.FloatTensor(outputs, inputs, size, size))",
    ],
)
def test_sizes_of_a_parameter_are_no_weights(weight: str) -> None:
    check(RESNET.format(weight=weight))


MATTING = """\
from torch.hub import load_state_dict_from_url
class Conv(nn.Conv2d):
    pass
class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = Conv(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        self.layer1 = nn.Sequential(Conv(8, 8, 3), nn.BatchNorm2d(8))  #! keep
class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Sequential(Conv(8, 8, 3), nn.BatchNorm2d(8))  #! convert
class Model(nn.Module):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
def build():
    encoder = Encoder()
    encoder.load_state_dict(load_state_dict_from_url("https://x/resnet.pth"))
    {widen}
    return Model(encoder, Decoder())
"""


@pytest.mark.parametrize(
    "widen",
    [
        "conv = encoder.conv1\n    weight = torch.zeros(8, 5, 3, 3)\n"
        "    weight[:, :3] = encoder.state_dict()['conv1.weight']\n"
        "    conv.weight = nn.Parameter(weight)",
        "weight = encoder.state_dict()['conv1.weight']\n"
        "    encoder.conv1.weight = nn.Parameter(weight.repeat(1, 2, 1, 1))",
        "conv = encoder.conv1\n    conv.weight.data.copy_(torch.load('first.pth')['weight'])",
    ],
)
def test_wider_first_layer(widen: str) -> None:
    check(MATTING.format(widen=widen))


def test_every_layer_of_a_walk_is_loaded() -> None:
    check(
        """\
        import torchvision
        class Flow(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(8, 8, 3)
                self.bn = nn.BatchNorm2d(8)  #! keep
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.trunk = torchvision.models.resnet18(pretrained=True)
                self.motion = Flow()
                state = torch.load("flow.pth")
                for name, layer in self.motion.named_modules():
                    layer.weight.data.copy_(state[name])
        """
    )


def test_layer_that_remembers_its_sizes() -> None:
    weight = (
        "self.outputs = outputs\n"
        "        self.weight = nn.Parameter(torch.Tensor(outputs, inputs, size, size))"
    )
    check(RESNET.format(weight=weight))


def test_norm_that_merges_its_own_statistics() -> None:
    check(
        """\
        class SplitNorm(nn.Module):
            def __init__(self, channels):
                super().__init__()
                self.bn = nn.BatchNorm2d(channels)  #! conflict
                self.split = nn.BatchNorm2d(2 * channels)  #! conflict
            def merge(self, mean):
                return mean.view(2, -1).mean(0)
            def sync(self):
                self.bn.running_mean.data = self.merge(self.split.running_mean)
        class ResNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.stem = nn.Sequential(nn.Conv2d(3, 8, 3), SplitNorm(8))
                self.s1 = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))  #! conflict
                self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! conflict
        class Moco(nn.Module):
            def __init__(self):
                super().__init__()
                self.backbone = ResNet()
                self.slow = ResNet()
            def update(self):
                fast = {name: p for name, p in self.slow.named_parameters()}
                for name, p in self.backbone.named_parameters():
                    p.data.copy_(fast[name].data)
        def build(name):
            return Moco() if name == "moco" else ResNet()
        def load_checkpoint(path, model):
            model.load_state_dict(torch.load(path)["model_state"], strict=False)
        class Predictor:
            def __init__(self, path, name):
                self.model = build(name)
                load_checkpoint(path, self.model)
        """
    )


WRITTEN = """\
import torchvision
class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))  #! keep
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = Trunk()
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))  #! convert
        published = torchvision.models.vgg16_bn(pretrained=True)
        for i in range(4):
            old = list(self.features.state_dict().items())[i][1]
            new = list(published.state_dict().items())[i][1]
            {}
"""


@pytest.mark.parametrize(
    "write",
    [
        "old.data[:] = new.data[:]",
        "old.data = new.data",
        "old.data.copy_(new.data); old.grad[...] = new.grad",
        "old.data.copy_(new.data)",
    ],
)
def test_written_tensor_of_a_parameter_is_no_attribute_of_the_model(write: str) -> None:
    # The parameters of a model stand for the model and all that is in it.
    plan = check(WRITTEN.format(write))
    held = {part.attribute for one in plan.module_classes for part in one.parts}
    assert held.isdisjoint({"data", "grad"})


@pytest.mark.parametrize(
    "stored",
    [
        "self.data = nn.Sequential(nn.BatchNorm2d(8))  #! convert",
        "setattr(self, 'data', nn.Sequential(nn.BatchNorm2d(8)))  #! convert",
        "self.add_module('data', nn.Sequential(nn.BatchNorm2d(8)))  #! convert",
        "self.data = nn.ModuleList(); self.data[:] = [nn.BatchNorm2d(8)]  #! convert",
    ],
)
def test_attribute_of_that_name_that_a_class_stores_itself_holds_layers(stored: str) -> None:
    check(
        f"""\
import torchvision
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        {stored}
"""
    )


def test_attribute_of_that_name_of_what_is_no_module_is_followed() -> None:
    check(
        """\
import torchvision
class Runner:
    pass
runner = Runner()
runner.data = nn.Sequential(nn.BatchNorm2d(8))  #! convert
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(pretrained=True)
        self.head = runner.data
"""
    )


_ELEMENTS = """\
import torchvision
def fill(conv, new):
    new.weight = nn.Parameter(conv.weight[:, :1])
    new.bias = conv.bias
def make(other=None):
    parts = list(torchvision.models.vgg16_bn(pretrained=True).children())[0]
    {make}
    {fill}
    return nn.ModuleDict(dict(grey=grey, stage=nn.Sequential(*parts[6:13])))
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = make()
"""
_GREY = "grey = nn.Sequential(nn.Conv2d(1, 64, 3), nn.BatchNorm2d(64), nn.ReLU())"


@pytest.mark.parametrize("fill", ["fill(parts[0], grey[0])", "fill(parts[0], new=grey[0])"])
def test_layer_in_one_place_of_a_container(fill: str) -> None:
    check(_ELEMENTS.format(make=f"{_GREY}  #! convert", fill=fill))


@pytest.mark.parametrize(
    ("make", "fill"),
    [
        (_GREY, "fill(parts[1], grey[1])"),
        (_GREY, "fill(parts[0], grey[0]); fill(parts[1], grey[1])"),
        # The place is not known, or what stands there,
        (_GREY, "fill(parts[0], grey[len(parts)])"),
        (_GREY, "fill(parts[0], grey[7])"),
        (
            f"{_GREY.replace('(nn.Conv2d(1, 64, 3)', '(*first, nn.Conv2d(1, 64, 3)')}",
            "fill(parts[0], grey[1])",
        ),
        # or it is another one by then.
        (_GREY, "grey.insert(0, nn.ReLU()); fill(parts[0], grey[1])"),
        (_GREY, "grey[0] = grey[1]; fill(parts[0], grey[0])"),
        (f"grey = other or nn.Sequential(); {_GREY}", "fill(parts[0], grey[0])"),
        (_GREY, "turn(grey); fill(parts[0], grey[0])"),
        (_GREY, "same = grey; same.reverse(); fill(parts[0], grey[0])"),
    ],
)
def test_layer_that_may_be_the_norm(make: str, fill: str) -> None:
    check(_ELEMENTS.format(make=f"{make}  #! keep", fill=fill))


BRANCHES = """\
import torchvision
from torch.hub import load_state_dict_from_url
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! keep
        {own}
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)  #! {verdict}
        self.layer1 = nn.Sequential(Block(), Block())
        self.layer4 = nn.Sequential(Block(), Block())
def layer4():
    net = ResNet()
    net.load_state_dict(load_state_dict_from_url("https://x/resnet101.pth"))
    return net.layer4
class Net(nn.Module):
    def __init__(self, deep):
        super().__init__()
        if deep:
            self.top = nn.Sequential(layer4(), nn.AvgPool2d(7))
        else:
            self.top = nn.Sequential(nn.Flatten(), torchvision.models.vgg16().classifier)
def main(path):
    net, saved = Net(False), torch.load(path)
    {copy}
"""


@pytest.mark.parametrize(
    "copy",
    [
        "net.top[1][0].weight.data.copy_(saved['a'])",
        "net.top[1][0].bias.data = saved['b']",
        "net.top[0].weight = nn.Parameter(saved['a'])",
    ],
)
def test_layer_in_one_place_is_no_block_without_tensors(copy: str) -> None:
    check(BRANCHES.format(copy=copy, own="self.size = 3", verdict="keep"))


@pytest.mark.parametrize(
    "own",
    [
        "self.weight = nn.Parameter(torch.ones(8))",
        "self.register_parameter('weight', nn.Parameter(torch.ones(8)))",
        "setattr(self, name, nn.Parameter(torch.ones(8)))",
    ],
)
def test_layer_in_one_place_may_be_a_block_with_tensors(own: str) -> None:
    copy = "net.top[1][0].weight.data.copy_(saved['a'])"
    check(BRANCHES.format(copy=copy, own=own, verdict="unknown"))


@pytest.mark.parametrize(
    "copy",
    [
        "[one.weight.data.copy_(saved['a']) for one in net.top]",
        "for i in range(2): net.top[i].weight.data.copy_(saved['a'])",
    ],
)
def test_layers_in_any_place_are_taken_for_all(copy: str) -> None:
    check(BRANCHES.format(copy=copy, own="self.size = 3", verdict="unknown"))
