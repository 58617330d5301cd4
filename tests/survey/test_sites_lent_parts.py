"""Attributes that hold parts of a library's network, and what stands beside them in there."""

from __future__ import annotations

import textwrap

import pytest

from tests.survey.verdicts import check, plan_of

_UP = """\
from torchvision import models
class Up(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm = nn.BatchNorm2d(c)  #! {up}
class Net(nn.Module):
    def __init__(self, name, pretrained, **kwargs):
        super().__init__()
        net = models.resnet50(pretrained=True)
        self.encoder = nn.Sequential(*list(net.children())[:-2])
        other = models.resnet50({asked})
{body}
net = Net()
"""


def _model(body: str, up: str, asked: str = "pretrained=True") -> str:
    inner = textwrap.indent(textwrap.dedent(body), " " * 8)
    return _UP.format(up=up, asked=asked, body=inner)


_MIXED = "self.{name} = nn.Sequential(*[nn.Sequential(p, Up(64)) for p in other.children()])\n"


@pytest.mark.parametrize(
    ("name", "asked", "up"),
    [
        # A name that only an addition has: the class's own layers in there are new.
        ("decoder", "pretrained=False", "convert"),
        ("decoder", "weights=None", "convert"),
        ("decoder", "pretrained=True", "convert"),
        ("decoder", "pretrained=pretrained", "convert"),
        # Any other name of an addition holds nothing pretrained only where the call says so.
        ("mask", "pretrained=False", "convert"),
        ("mask", "weights=None", "convert"),
        ("mask", "pretrained=True", "conflict"),
        ("mask", "pretrained=pretrained", "conflict"),
        ("mask", "", "conflict"),
        ("mask", "**kwargs", "conflict"),
        ("mask", "pretrained=False, **kwargs", "conflict"),
        ("mask", "pretrained=False, checkpoint_path=name", "conflict"),
        ("tail", "pretrained=True", "conflict"),
        # The weights may come with those of the whole model.
        ("tail", "pretrained=False", "conflict"),
        ("encoder2", "pretrained=False", "conflict"),
        ("backbone", "pretrained=False", "conflict"),
    ],
)
def test_layer_beside_parts_of_a_network_in_one_attribute(name: str, asked: str, up: str) -> None:
    check(_model(_MIXED.format(name=name), up, asked))


@pytest.mark.parametrize(
    "load",
    [
        "other.load_state_dict(torch.load(name))",
        "other.layer4.load_state_dict(net.layer4.state_dict())",
        "load_pretrained(other, name)",
    ],
)
def test_untrained_network_that_is_loaded_afterwards(load: str) -> None:
    body = f"{load}\n{_MIXED.format(name='mask')}"
    check("from weights import load_pretrained\n" + _model(body, "conflict", "pretrained=False"))


@pytest.mark.parametrize(
    ("body", "up"),
    [
        # Weights are loaded into what the class made itself.
        (_MIXED.format(name="decoder") + "self.decoder.load_state_dict(torch.load(name))", "keep"),
        ("up = Up(64)\nup.load_state_dict(net.layer4.state_dict())\n"
         "self.decoder = nn.Sequential(other.layer4, up)", "keep"),
        # What stands beside nothing of another network is as new as ever.
        ("self.mask = Up(64)", "convert"),
        # Networks that may stand in one place, not parts beside parts.
        ("self.features = other if name else Up(64)", "keep"),
    ],
)  # fmt: skip
def test_what_else_speaks_for_a_layer_beside_parts_of_a_network(body: str, up: str) -> None:
    check(_model(body, up))


def test_norm_put_among_copied_layers_of_a_decoder() -> None:
    check(
        """\
        import copy
        from torchvision import models
        class SegNet(nn.Module):
            def __init__(self):
                super().__init__()
                encoder = list(models.vgg16_bn(pretrained=True).features.children())
                decoder = copy.deepcopy(encoder)[::-1]
                copied = copy.deepcopy(encoder)
                for i in (1, 4):
                    decoder[i] = nn.BatchNorm2d(8)  #! convert
                    copied[i] = nn.BatchNorm2d(8)  #! conflict
                self.stage_encoder = nn.Sequential(*encoder)
                self.stage_decoder = nn.Sequential(*decoder)
                self.stage = nn.Sequential(*copied)
        """
    )


def test_whole_model_loaded_from_a_url_may_bring_the_decoder() -> None:
    check(
        _model(_MIXED.format(name="decoder"), "conflict")
        + "net.load_state_dict(torch.hub.load_state_dict_from_url('https://example.com/net.pth'))\n"
    )


def test_freezing_leaves_the_untrained_network_alone() -> None:
    script = """\
    def main(loader):
        model = Net('a', True)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for x in loader:
            model(x)
    """
    text = _model(_MIXED.format(name="mask"), "convert", "pretrained=False")
    [made] = plan_of(text + textwrap.dedent(script)).train_scripts
    assert made.backbone == ("encoder",)


_STAGES = """\
from torchvision import models
from copying import copy_into
class Res(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(c)  #! {verdict}
class Dilated(nn.Module):
    def __init__(self, name):
        super().__init__()
        net = models.resnet18()
        net.load_state_dict(torch.load(name))
        self.{trunk} = nn.Sequential(*list(net.children())[:-3])
{body}
class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.resnet = Dilated('resnet18.pth')
        self.head = nn.BatchNorm2d(8)  #! convert
"""


@pytest.mark.parametrize(
    ("trunk", "body", "verdict"),
    [
        ("resnet", "self.layer5 = nn.Sequential(Res(8), Res(8))", "convert"),
        ("trunk", "self.layer4 = Res(8)\nself.layer5 = Res(8)", "convert"),
        # A stage that is loaded after all.
        ("trunk", "self.layer4 = Res(8)\nself.layer4.load_state_dict(net.layer4.state_dict())",
         "keep"),
        ("trunk", "self.layer4 = Res(8)\nself.load_state_dict(torch.load(name), strict=False)",
         "unknown"),
        ("trunk", "self.layer4 = Res(8)\ncopy_into(self.layer4, source=net.layer4)", "unknown"),
        ("trunk", "self.layer4 = Res(8)\ncopy_into(net.layer4, to=self.layer4)", "unknown"),
        # A network of its own beside it, or what may be one.
        ("trunk", "self.layer1 = Res(8)\nself.layer2 = Res(8)", "unknown"),
        ("trunk", "self.layer1 = nn.Conv2d(3, 8, 3)\nself.layer2 = Res(8)", "unknown"),
        ("trunk", "self.layer4_depth = Res(8)", "unknown"),
        ("trunk", "self.stage4 = Res(8)", "unknown"),
    ],
)  # fmt: skip
def test_later_stage_made_anew_behind_parts_of_a_network(
    trunk: str, body: str, verdict: str
) -> None:
    body = textwrap.indent(body, " " * 8)
    check(_STAGES.format(trunk=trunk, body=body, verdict=verdict))


_NUMBERED = """\
from torchvision import models
from copying import copy_into
class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(c)  #! {verdict}
class Matting(nn.Module):
    def __init__(self):
        super().__init__()
        net = models.resnet34(pretrained=True)
{body}
        self.decoder = nn.Conv2d(8, 8, 1)
"""


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("{four}\nself.encoder5 = Block(8)", "convert"),
        ("{four}\nself.encoder5 = nn.Sequential(Block(8), Block(8))", "convert"),
        ("self.res_4 = net.layer4\nself.stage4 = net.layer4\nself.stage5 = Block(8)", "convert"),
        ("{four}\nself.encoder5 = Block(8)\nself.encoder6 = Block(8)", "convert"),
        # The one before is none of the network's, or there is none.
        ("self.encoder4 = nn.ReLU()\nself.resnet = net\nself.encoder5 = Block(8)", "unknown"),
        ("self.resnet = net\nself.encoder5 = Block(8)", "unknown"),
        ("self.encoder5 = Block(8)\nself.resnet = net\nself.encoder6 = Block(8)", "unknown"),
        ("{four}\nself.encoder6 = Block(8)", "unknown"),
        # Weights may come into it after all.
        ("{four}\nself.encoder5 = Block(8)\n"
         "copy_into(self.encoder5, net.layer4)", "unknown"),
    ],
)  # fmt: skip
def test_a_number_more_than_the_parts_of_a_network(body: str, verdict: str) -> None:
    body = textwrap.indent(body.format(four="self.encoder4 = net.layer4"), " " * 8)
    check(_NUMBERED.format(body=body, verdict=verdict))


_STEMS = """\
from torchvision import models
class Stem(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn = nn.BatchNorm2d(c)  #! {stem}
class MobileNet(nn.Module):
    def __init__(self):
        super().__init__()
        def part(i, o):
            return nn.Sequential(nn.Conv2d(i, o, 3), nn.BatchNorm2d(o))  #! keep
        self.model = nn.Sequential(part(3, 32), part(32, 64))
class Depth(nn.Module):
    def __init__(self, channels, pretrained=True):
        super().__init__()
        net = MobileNet()
        resnet = models.resnet18(pretrained=True)
        net.load_state_dict(torch.load('mobilenet.pth'))
        def stem(i, o):
            return nn.Sequential(nn.Conv2d(i, o, 3), nn.BatchNorm2d(o))  #! {norm}
        self.{name} = {body}
        self.decoder = nn.BatchNorm2d(64)  #! convert
depth = Depth(1)
"""


@pytest.mark.parametrize(
    ("body", "norm", "stem"),
    [
        ("nn.Sequential(stem(1, 32), *(net.model[i] for i in range(1, 2)), Stem(8))",
         "conflict", "conflict"),
        ("nn.Sequential(stem(1, 32), *[net.model[1]], Stem(8))", "conflict", "conflict"),
        ("nn.Sequential(stem(1, 32), net.model[1], Stem(8))", "conflict", "conflict"),
        ("nn.Sequential(stem(1, 32), Stem(8), *list(resnet.children())[1:5])",
         "conflict", "conflict"),
        # One or the other, or no part beside it.
        ("net.model if pretrained else nn.Sequential(stem(1, 8), Stem(8))", "conflict", "keep"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["mobilenet", "trunk", "features"])
def test_stem_made_anew_before_parts_of_a_network(
    name: str, body: str, norm: str, stem: str
) -> None:
    check(_STEMS.format(name=name, body=body, norm=norm, stem=stem))


@pytest.mark.parametrize("body", ["nn.Sequential(*net.model)", "net.model", "net"])
def test_all_of_a_network_has_no_stem_beside_it(body: str) -> None:
    check(_STEMS.format(name="trunk", body=body, norm="unknown", stem="unknown"))
