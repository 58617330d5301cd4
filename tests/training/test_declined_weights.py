"""Callers of one factory, of which some ask for weights and some do not."""

from __future__ import annotations

import pytest

from tests.training.test_certain_freezes import RESNET, plan_of

_MODEL = """
def resnet(name, pretrained=False):
    return torchvision.models.resnet18(pretrained=pretrained)


def encoder(name, pretrained=False):
    pretrained = "IMAGENET1K_V1" if pretrained else None
    return torchvision.models.resnet18(weights=pretrained)


def make(kind, stride=8, pretrained=True):
    return resnet(kind, pretrained)


def checked(kind, pretrained):
    if kind == "deep":
        pretrained = True
    return resnet(kind, pretrained)


class A(nn.Module):
    def __init__(self, kind, given=None, pretrained=False):
        super().__init__()
        self.encoder = {a}
        self.neck = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))


class B(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.encoder = {b}
        self.neck = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
"""


def _frozen(a: str, b: str = "make(kind)", made: str = "model.A(args.kind)") -> list[str]:
    plan = plan_of(_MODEL.format(a=a, b=b), made)
    return [name for script in plan.train_scripts if script.fix for name in script.backbone]


@pytest.mark.parametrize(
    "made",
    [
        "make(kind, pretrained=False)",
        "make(kind, 8, False)",
        "make(kind, pretrained=None).cuda()",
        "resnet(kind)",
        "resnet(kind, False)",
        "nn.Sequential(make(kind, pretrained=False), nn.ReLU())",
        "make(kind, pretrained=False) if kind else resnet(kind)",
        "encoder(kind, pretrained)",
        "make(kind, pretrained=pretrained)",  # which is off, and the script says nothing of it
    ],
)
def test_who_declines_weights_has_none(made: str) -> None:
    assert _frozen(made) == []
    assert _frozen(made, made="model.B(args.kind)") == ["encoder"]


@pytest.mark.parametrize(
    "made",
    [
        "make(kind)",
        "make(kind, False)",  # that is the stride
        "make(kind, pretrained=True)",
        "make(kind, **given)",
        "make(*given)",
        "make(kind, pretrained=False) if kind else make(kind)",
        "checked(kind, False)",
    ],
)
def test_who_may_ask_for_weights_may_have_them(made: str) -> None:
    assert _frozen(made) == ["encoder"]


def test_who_makes_the_model_may_ask_for_weights() -> None:
    made = "make(kind, pretrained=pretrained)"
    assert _frozen(made, made="model.A(args.kind, pretrained=True)") == ["encoder"]
    assert _frozen(made, made="model.A(args.kind, pretrained=args.weights)") == ["encoder"]
    assert _frozen(made, made="model.A(args.kind, **args.more)") == ["encoder"]


def test_what_is_handed_over_is_asked_for_by_others() -> None:
    made = "model.A(args.kind, model.make(args.kind))"
    assert _frozen("given or make(kind, pretrained=False)", made=made) == ["encoder"]


def test_weights_may_be_loaded_into_it() -> None:
    made = "make(kind, pretrained=False)"
    loads = f"{made}\n        self.encoder.load_state_dict(torch.load('pretrained.pth'))"
    assert _frozen(loads) == ["encoder"]


_SHARED = """
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 1)
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))


def resnet18(pretrained=False):
    net = ResNet()
    if pretrained:
        net.load_state_dict(torch.hub.load_state_dict_from_url("https://example.com/r18.pth"))
    return net


class Image(nn.Module):
    def __init__(self, pretrained=True):
        super().__init__()
        self.encoder = resnet18(pretrained)
        self.neck = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))


class Depth(nn.Module):
    def __init__(self, image=None):
        super().__init__()
        self.encoder = resnet18()
        self.neck = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
        {more}
"""


@pytest.mark.parametrize(
    ("made", "more", "names"),
    [
        ("model.Image()", "pass", ["encoder"]),
        ("model.Depth()", "pass", []),
        ("model.Depth(model.Image())", "pass", []),  # which is another one's
        ("model.Image(False)", "pass", []),
        # It holds a network with weights, or gets some.
        ("model.Depth()", "self.encoder = resnet18(True)", ["encoder"]),
        ("model.Depth()", "self.load_state_dict(torch.load('depth.pth'))", ["encoder"]),
    ],
)
def test_two_models_ask_one_factory(made: str, more: str, names: list[str]) -> None:
    """That the one wants weights says nothing of what the other one is made with."""
    plan = plan_of(_SHARED.format(more=more), made)
    found = [name for script in plan.train_scripts if script.fix for name in script.backbone]
    assert found == names


_BOTH = f"""
{RESNET.partition("        if pretrained:")[0]}

def make(pretrained=True):
    net = ResNet(pretrained=False)
    if pretrained:
        net.load_state_dict(model_zoo.load_url("https://example.org/resnet18.pth"))
    return net


def last(rounded=True):
    part = make().layer1
    part.rounded = rounded
    return part


class Pair(nn.Module):
    def __init__(self, deep=False):
        super().__init__()
        self.encoder = {{encoder}}
        self.backbone = make()
        self.neck = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))


def resume(path):
    net = Pair()
    for block in net.encoder[0]:
        block.load_state_dict(torch.load(path))
    return net
"""


@pytest.mark.parametrize(
    ("encoder", "frozen"),
    [
        ("make()", ["encoder", "backbone"]),
        ("nn.ModuleList([make(), make()])", ["encoder", "backbone"]),
        ("nn.ModuleList([make(), make(pretrained=False)])", []),
        ("nn.Sequential(*list(make(False).children())[:-1])", []),
        ("nn.Sequential(make() if deep else make(False))", ["encoder", "backbone"]),
        # It declines something else.
        ("nn.Sequential(last(rounded=False))", ["encoder", "backbone"]),
    ],
)
def test_networks_without_weights_in_a_container(encoder: str, frozen: list[str]) -> None:
    plan = plan_of(_BOTH.format(encoder=encoder), "model.Pair()")
    found = [name for script in plan.train_scripts if script.fix for name in script.backbone]
    assert found == frozen
