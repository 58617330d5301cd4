"""One class for both sides, told apart by the calls that make its objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.migrating import migrate
from tests.survey.verdicts import HEAD, check, plan_of

SHARED = """\
class Conv(nn.Module):
    def __init__(self, i, o, norm=nn.BatchNorm2d):  #! keep
        super().__init__()
        self.conv = nn.Conv2d(i, o, 3, padding=1)
        self.bn = norm(o)  #! keep
    def forward(self, x):
        return self.bn(self.conv(x))
class ResNet(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.stem = Conv(3, 8, norm)
        self.layer1 = nn.Sequential(Conv(8, 8, norm=norm), Conv(8, 8, norm))
    def forward(self, x):
        return self.layer1(self.stem(x))
def resnet(norm):
    model = ResNet(norm)
    model.load_state_dict(torch.hub.load_state_dict_from_url("https://example.org/resnet.pth"))
    return model
"""
MODEL = """\
class Head(nn.Module):
    def __init__(self, c, norm):
        super().__init__()
        self.body = nn.ModuleList([Conv(c, 16, norm), Conv(16, 8, norm)])
    def forward(self, x):
        for layer in self.body:
            x = layer(x)
        return x
class Net(nn.Module):
    def __init__(self, norm=nn.BatchNorm2d):  #! keep
        super().__init__()
        self.backbone = resnet(norm)
        self.neck = Conv(8, 8, norm)  #! convert
        self.head = Head(8, norm)  #! convert
    def forward(self, x):
        return self.head(self.neck(self.backbone(x)))
"""


def edited(text: str) -> list[tuple[int, str]]:
    """Lines and kinds of the norm edits."""
    return [(edit.place.line, edit.kind) for file in plan_of(text).files for edit in file.norms]


def test_each_call_is_judged_by_where_its_object_goes() -> None:
    plan = check(SHARED + MODEL)
    shared = next(site for site in plan.sites if site.place.line == 7)
    assert shared.reasons[0].startswith("each call that leads here hands over the norm class")


def test_built_model_has_groupnorm_in_the_new_objects_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.py").write_text(HEAD + SHARED + MODEL)
    migrate(tmp_path)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda url: {})
    monkeypatch.setattr(torch.nn.Module, "load_state_dict", lambda self, weights: None)
    scope: dict[str, Any] = {"__name__": "net"}
    exec(compile((tmp_path / "net.py").read_text(), "net.py", "exec"), scope)
    net = scope["Net"]()
    kinds = {
        name: type(module).__name__
        for name, module in net.named_modules()
        if type(module).__name__ in ("BatchNorm2d", "GroupNorm")
    }
    kept = {"backbone.stem.bn", "backbone.layer1.0.bn", "backbone.layer1.1.bn"}
    new = {"neck.bn", "head.body.0.bn", "head.body.1.bn"}
    assert kinds == dict.fromkeys(kept, "BatchNorm2d") | dict.fromkeys(new, "GroupNorm")
    assert net(torch.zeros(2, 3, 8, 8)).shape == (2, 8, 8, 8)


def test_second_run_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(HEAD + SHARED + MODEL)
    migrate(tmp_path)
    once = (tmp_path / "net.py").read_text()
    migrate(tmp_path)
    assert (tmp_path / "net.py").read_text() == once


def test_backbone_is_frozen_though_its_blocks_serve_the_new_layers_too() -> None:
    train = """\
-- train.py --
from net import Net
def main(loader):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for x in loader:
        model.train()
        optimizer.step()
"""
    plan = plan_of(SHARED + MODEL + train)
    (script,) = plan.train_scripts
    assert (script.backbone, script.reason) == (("backbone",), "")
    assert script.fix.startswith("freeze_backbone_bn(model")


def test_load_of_the_backbone_alone_stays_strict() -> None:
    shared = SHARED.replace("hub.load_state_dict_from_url", "load")
    loads = [load for file in plan_of(shared + MODEL).files for load in file.loads]
    assert not loads


DEFAULTS = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet(nn.BatchNorm2d)  #! keep
        self.neck = {neck}
"""


@pytest.mark.parametrize(
    ("neck", "default", "layer"),
    [
        ("Conv(8, 8)", "convert", "keep"),
        ("nn.Sequential(Conv(8, 8), Conv(8, 8, nn.BatchNorm2d))  #! convert", "convert", "keep"),
        ("Conv(8, 8, **self.options)", "conflict", "conflict"),
        ("Conv(*self.channels)", "conflict", "conflict"),
        ("Conv(8, 8, nn.Identity)", "keep", "keep"),
    ],
    ids=["left to it", "one left to it", "keywords unknown", "arguments unknown", "overridden"],
)
def test_default_stands_for_the_calls_that_leave_it(neck: str, default: str, layer: str) -> None:
    shared = SHARED.replace("BatchNorm2d):  #! keep", f"BatchNorm2d):  #! {default}")
    shared = shared.replace("norm(o)  #! keep", f"norm(o)  #! {layer}")
    check(shared + DEFAULTS.format(neck=neck))


FORWARDED = """\
class Head(nn.Module):
    def __init__(self, **kwargs):
        super().__init__()
        self.body = Conv(8, 8, **kwargs)
def head(**kwargs):
    return Head(**kwargs)
class Net(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.backbone = resnet(nn.BatchNorm2d)  #! keep
        self.neck = {made}
        self.head = head({more})
"""


@pytest.mark.parametrize(
    "made",
    [
        "Head()",
        "nn.Sequential(Head(), Head())",
        "Head(**{})",
        "Conv(8, 8, norm=nn.BatchNorm2d, **options)  #! convert",
        "Conv(8, 8, nn.BatchNorm2d, **torch.options())  #! convert",
    ],
)
def test_default_stands_for_calls_that_forward_what_nobody_hands_over(made: str) -> None:
    shared = SHARED.replace("BatchNorm2d):  #! keep", "BatchNorm2d):  #! convert")
    check(shared + FORWARDED.format(made=made, more=""))


@pytest.mark.parametrize(
    ("made", "more"),
    [
        ("Head(**torch.options())", ""),
        ("Head()", "**options, **torch.options()"),
        ("Conv(*torch.options())", ""),
        ("Conv(8, 8, **torch.options())", ""),
    ],
)
def test_what_else_may_be_handed_over_is_not_known(made: str, more: str) -> None:
    shared = SHARED.replace("BatchNorm2d):  #! keep", "BatchNorm2d):  #! conflict")
    shared = shared.replace("norm(o)  #! keep", "norm(o)  #! conflict")
    check(shared + FORWARDED.format(made=made, more=more))


STAYS_OPEN = {
    "one object on both sides": """\
        shared = Conv(8, 8, norm)
        self.backbone = nn.Sequential(resnet(norm), shared)
        self.again = shared
""",
    "made by a method for both sides": """\
        self.backbone = nn.Sequential(resnet(norm), self.make(norm))
        self.neck = self.make(norm)
    def make(self, norm):
        return Conv(8, 8, norm)
""",
    "made by a function of its own": """\
        self.backbone = nn.Sequential(resnet(norm), conv(8, norm))
        self.neck = conv(8, norm)
def conv(c, norm):
    return nn.Sequential(nn.Conv2d(c, c, 1), norm(c))
""",
    "the block fetches the class from elsewhere": """\
        self.backbone = nn.Sequential(resnet(norm), Own(norm))
        self.neck = Own(norm)
class Own(nn.Module):
    kind = nn.BatchNorm2d
    def __init__(self, norm):
        super().__init__()
        norm = norm if torch.cuda.is_available() else self.kind
        self.bn = norm(8)
""",
}


@pytest.mark.parametrize("body", STAYS_OPEN.values(), ids=STAYS_OPEN)
def test_what_one_call_does_not_tell_stays_open(body: str) -> None:
    net = f"""\
class Net(nn.Module):
    def __init__(self, norm=nn.BatchNorm2d):
        super().__init__()
{body}"""
    text = SHARED + net
    assert edited(text) == []
    assert "conflict" in {str(site.verdict) for site in plan_of(text).sites}


def test_class_that_nobody_builds_is_named_where_its_layers_are_made() -> None:
    idle = """\
class Idle(nn.Module):
    def __init__(self, norm=nn.BatchNorm2d):  #! unknown
        super().__init__()
        self.body = Conv(8, 8, norm)
"""
    plan = check(SHARED + MODEL + idle)
    shared = next(site for site in plan.sites if site.place.line == 7)
    assert shared.reasons[0].endswith("but for net.py:38")


def test_recursive_block_and_a_base_class_that_takes_the_class_on() -> None:
    check(
        SHARED
        + """\
class Tree(nn.Module):
    def __init__(self, depth, norm):
        super().__init__()
        self.left = Tree(depth - 1, norm) if depth else Conv(8, 8, norm)
        self.right = Conv(8, 8, norm)
class Base(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.block = Conv(8, 8, norm)
class Fusion(Base):
    def __init__(self, norm):
        super().__init__(norm)
        self.tree = Tree(2, norm)
class Net(nn.Module):
    def __init__(self, norm=nn.BatchNorm2d):  #! keep
        super().__init__()
        self.resnet = resnet(norm)
        self.backbone = nn.Sequential(Tree(2, norm), Base(norm))
        self.fusion = Fusion(norm)  #! convert
"""
    )
