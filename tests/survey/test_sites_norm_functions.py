"""Functions that make norm layers: ``def norm(c): return nn.BatchNorm2d(c)``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.migrating import migrate
from tests.survey.verdicts import HEAD, check, plan_of

BACKBONE = """\
class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 1)
        self.bn1 = norm(8)  #! keep
    def forward(self, x):
        return self.bn1(self.conv1(x))
def resnet():
    model = ResNet()
    model.load_state_dict(torch.hub.load_state_dict_from_url("https://example.org/resnet.pth"))
    return model
"""
HEADS = """\
class Head(nn.Module):
    def __init__(self, norm_layer=nn.BatchNorm2d):  #! convert
        super().__init__()
        self.bn = norm_layer(8)  #! convert
    def forward(self, x):
        return self.bn(x)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet()
        self.neck = nn.Sequential(nn.Conv2d(8, 8, 1), norm(8))  #! convert
        self.head = Head(norm_layer=norm)  #! convert
    def forward(self, x):
        return self.head(self.neck(self.backbone(x)))
"""
NORM = """\
def norm(channels):
    kind = nn.BatchNorm2d  #! keep
    layer = kind(channels)  #! keep
    return layer
"""


def edited(text: str) -> list[tuple[int, str]]:
    """Lines and kinds of the norm edits."""
    return [(edit.place.line, edit.kind) for file in plan_of(text).files for edit in file.norms]


def test_calls_are_told_apart_where_the_function_serves_both_sides() -> None:
    plan = check(NORM + BACKBONE + HEADS)
    inside = next(site for site in plan.sites if site.place.line == 5)
    assert inside.reasons[0] == "where norm is called for new layers, the call is changed"


def test_built_model_has_groupnorm_in_the_new_parts_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.py").write_text(HEAD + NORM + BACKBONE + HEADS)
    migrate(tmp_path)
    once = (tmp_path / "net.py").read_text()
    migrate(tmp_path)
    assert (tmp_path / "net.py").read_text() == once
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda url: {})
    monkeypatch.setattr(torch.nn.Module, "load_state_dict", lambda self, weights: None)
    scope: dict[str, Any] = {"__name__": "net"}
    exec(compile(once, "net.py", "exec"), scope)
    net = scope["Net"]()
    kinds = {name: type(module).__name__ for name, module in net.named_modules()}
    assert kinds["backbone.bn1"] == "BatchNorm2d"
    assert kinds["neck.1"] == kinds["head.bn"] == "GroupNorm"
    assert net(torch.zeros(2, 3, 4, 4)).shape == (2, 8, 4, 4)


def test_function_of_new_layers_alone_is_changed_inside() -> None:
    text = NORM.replace("keep", "convert") + BACKBONE.replace("norm(8)", "nn.BatchNorm2d(8)")
    text += HEADS.replace("=norm)  #! convert", "=norm)").replace("(8))  #! convert", "(8))")
    check(text)
    assert [line for line, _ in edited(text)] == [4, 19]


def test_function_of_the_backbone_alone_stays() -> None:
    heads = HEADS.replace("norm(8))", "nn.BatchNorm2d(8))").replace("=norm)", "=nn.BatchNorm2d)")
    check(NORM + BACKBONE.replace("norm(8)  #! keep", "norm(8)") + heads)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("norm", "reference"),
        ("lambda c: norm(c)", "call"),
        ("functools.partial(norm)", "partial"),
        ("norm if norm else None", "reference"),
        ("NORMS['bn']", None),
    ],
)
def test_function_is_followed_wherever_it_is_handed_over(given: str, kind: str | None) -> None:
    start = "import functools\n" + NORM + "NORMS = {'bn': norm}\n" + BACKBONE
    text = start + HEADS.replace("=norm)", f"={given})")
    line = start.count("\n") + 14
    kinds = [kind for place, kind in edited(text) if place == line]
    assert kinds == ([] if kind is None else [kind])
    # Where what is handed over cannot be changed, the layer is, or nothing is called converted.
    verdicts = {site.place.line: str(site.verdict) for site in plan_of(text).sites}
    below = start.count("\n") + 6
    assert (verdicts[below] == "convert") is (kind is not None or below in dict(edited(text)))


OWN_WAY = {
    "arguments of its own": "def norm(c):\n    return nn.BatchNorm2d(c, eps=1e-3)\n",
    "starts at zero": (
        "def norm(c):\n    m = nn.BatchNorm2d(c)\n    nn.init.zeros_(m.weight)\n    return m\n"
    ),
    "other channels": "def norm(c):\n    return nn.BatchNorm2d(2 * c)\n",
    "channels set": "def norm(c):\n    c = 8\n    return nn.BatchNorm2d(c)\n",
    "not always a norm": (
        "def norm(c):\n    if c:\n        return nn.BatchNorm2d(c)\n    return nn.Dropout(c)\n"
    ),
    "more than a norm": "def norm(c):\n    return nn.Sequential(nn.BatchNorm2d(c), nn.ReLU())\n",
    "wrapped": "@functools.lru_cache\ndef norm(c):\n    return nn.BatchNorm2d(c)\n",
    "through another": (
        "def get(kind, c):\n    return nn.BatchNorm2d(c)\ndef norm(c):\n    return get('BN', c)\n"
    ),
    "a module around it": (
        "class norm(nn.Module):\n    def __init__(self, c):\n        super().__init__()\n"
        "        self.bn = nn.BatchNorm2d(c)\n"
    ),
}


@pytest.mark.parametrize("function", OWN_WAY.values(), ids=OWN_WAY)
def test_default_is_not_called_converted_where_callers_hand_over_what_stays(function: str) -> None:
    text = "import functools\n" + function + BACKBONE + HEADS
    plan = plan_of(text)
    lines = (
        text.split("class Head")[0].count("\n") + 4,
        text.split("class Head")[0].count("\n") + 6,
    )
    sites = {site.place.line: site for site in plan.sites}
    for line in lines:
        assert str(sites[line].verdict) == "conflict", sites[line].reasons
        assert "gives it BatchNorm2d" in sites[line].reasons[0]
        assert sites[line].settles == ("# bn2gn: keep   on this line",)
    assert edited(text) == []


def test_conflict_names_the_function_whose_calls_cannot_be_changed() -> None:
    text = NORM.replace("channels):", "channels, eps=1e-5):") + BACKBONE
    text += HEADS.replace("norm(8))", "norm(8, eps=1e-3))")
    plan = plan_of(text)
    sites = {site.place.line: site for site in plan.sites}
    assert str(sites[4].verdict) == "conflict"
    assert sites[4].reasons[0].startswith("norm is called for both sides")
    assert edited(text) == [(19, "reference"), (29, "reference")]


def test_comment_on_a_call_of_the_function_wins() -> None:
    heads = HEADS.replace("norm(8))  #! convert", "norm(8))  # bn2gn: keep  #! keep")
    check(NORM + BACKBONE + heads)


@pytest.mark.parametrize("around", ["self.make(8)", "self.maker.make(8)"])
def test_methods_that_make_norms_are_followed_as_before(around: str) -> None:
    check(
        f"""\
class Maker:
    def make(self, c):
        return nn.BatchNorm2d(c)  #! conflict
class Base(Maker, nn.Module):
    maker = Maker()
class ResNet(Base):
    def __init__(self):
        super().__init__()
        self.bn1 = {around}
        self.load_state_dict(torch.hub.load_state_dict_from_url("https://example.org/r.pth"))
class Net(Base):
    def __init__(self):
        super().__init__()
        self.backbone = ResNet()
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), {around})
"""
    )


def test_function_that_makes_other_norms_keeps_no_layer_batchnorm() -> None:
    function = """\
def norm(c):
    if c % 32 == 0:
        return nn.GroupNorm(32, c)
    return nn.GroupNorm(1, c)
"""
    # Names that are mixed up in a parameter make no layer of the other norm.
    mixed = "\ndef both(values=(nn.BatchNorm2d, 8)):\n    for one in values:\n        norm(one)\n"
    text = function + BACKBONE + HEADS + mixed
    verdicts = [str(site.verdict) for site in plan_of(text).sites if site.class_ == "Head"]
    assert verdicts == ["convert", "convert"]


DEFAULTS = """\
def norm(c, **kwargs):
    layer = nn.BatchNorm2d  #! {named}
    made = layer(c, **kwargs)  #! {named}
    return made
class Unit(nn.Module):
    def __init__(self, c, norm_layer=norm):{default}
        super().__init__()
        {use}
class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet()
        self.neck = norm(8)  #! convert
        self.head = {built}
"""


@pytest.mark.parametrize(
    ("use", "built", "default"),
    [
        ("self.bn = norm_layer(c, eps=1e-5)  #! convert", "Unit(8)", "convert"),
        ("self.bn = norm_layer(c)  #! convert", "Unit(8)", "convert"),
        # Arguments that the helper does not take, or what a function does not survive.
        ("self.bn = norm_layer(c, momentum=0.1)  #! conflict", "Unit(8)", None),
        ("self.bn = norm_layer(c, 1e-5)  #! conflict", "Unit(8)", None),
        ("self.bn = norm_layer(c)  #! convert\n"
         "        self.is_plain = issubclass(norm_layer, nn.Module)", "Unit(8)", None),
        # Nobody uses it.
        ("self.bn = norm_layer(c)  #! convert", "Unit(8, norm)  #! convert", None),
    ],
)  # fmt: skip
def test_default_that_hands_the_function_over(use: str, built: str, default: str | None) -> None:
    is_shared = default is not None or "conflict" not in use
    text = DEFAULTS.format(
        named="keep" if is_shared else "conflict",
        use=use,
        built=built,
        default=f"  #! {default}" if default else "",
    )
    check(BACKBONE + text)


def test_default_for_both_sides_is_not_changed() -> None:
    text = DEFAULTS.format(
        named="conflict", use="self.bn = norm_layer(c)  #! conflict", built="Unit(8)", default=""
    )
    check(BACKBONE.replace("self.conv1 =", "self.layer1 = Unit(8)\n        self.conv1 =") + text)


HANDED_OVER = """\
class ResNet(nn.Module):
    def __init__(self, norm_layer{default}):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 1)
        self.bn1 = norm_layer(8)  #! keep
{more}
def resnet():
    model = {call}
    model.load_state_dict(torch.hub.load_state_dict_from_url("https://example.org/resnet.pth"))
    return model
"""


@pytest.mark.parametrize(
    ("default", "more", "call"),
    [
        ("", "", "ResNet(norm_layer=norm)  #! keep"),
        ("", "", "ResNet(norm)  #! keep"),
        ("=norm", "", "ResNet()"),
        # One line for each function that is handed over, none for what hands it on.
        ("", "def net(use):\n    return ResNet(use)", "net(norm)  #! keep"),
        ("", "use = norm", "ResNet(use)"),
    ],
    ids=["by name", "by position", "default", "handed on", "second name"],
)
def test_function_that_is_handed_to_the_backbone_is_a_line(
    default: str, more: str, call: str
) -> None:
    backbone = HANDED_OVER.format(default=default, more=more, call=call)
    backbone = backbone.replace("=norm):", "=norm):  #! keep")
    check(NORM + backbone + HEADS)


def test_function_of_the_backbone_alone_is_told_by_its_own_line() -> None:
    backbone = HANDED_OVER.format(default="", more="", call="ResNet(norm)").replace("  #! keep", "")
    heads = HEADS.replace("norm(8))", "nn.BatchNorm2d(8))").replace("=norm)", "=nn.BatchNorm2d)")
    check(NORM + backbone + heads)
