"""``if norm_layer is None: norm_layer = nn.BatchNorm2d`` is as good as a default."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.migrating import migrate
from tests.survey.verdicts import HEAD, check, plan_of

IF_NONE = """\
        if norm_layer is None:
            norm_layer = nn.BatchNorm2d"""
TEXT = """\
class Block(nn.Module):
    def __init__(self, i, o, norm_layer=None):
        super().__init__()
{default}  #! {verdict}
        self.bn = norm_layer(o)  #! {layer}
class Backbone(nn.Module):
    def __init__(self, norm_layer=None):
        super().__init__()
        if norm_layer is None:
            norm_layer = nn.BatchNorm2d  #! {base}
        self._norm_layer = norm_layer
        self.conv1 = {conv1}
        self.layer1 = self._make_layer(Block)
    def _make_layer(self, block):
        norm_layer = self._norm_layer
        return nn.Sequential({block}, {block})
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.backbone.load_state_dict(torch.hub.load_state_dict_from_url("x"))
        self.head = {head}
"""
CERTAIN = {
    "conv1": "Block(3, 8, norm_layer=norm_layer)",
    "block": "block(8, 8, norm_layer)",
    "head": "Block(8, 8)",
    "verdict": "convert",
    "layer": "keep",
    "base": "keep",
}


def text(default: str = IF_NONE, **parts: str) -> str:
    return TEXT.format(default=default, **CERTAIN | parts)


@pytest.mark.parametrize(
    "default",
    [
        IF_NONE,
        "        if not norm_layer:\n            norm_layer = nn.BatchNorm2d",
        "        norm_layer = norm_layer or nn.BatchNorm2d",
        "        norm_layer = nn.BatchNorm2d if norm_layer is None else norm_layer",
        "        norm_layer = norm_layer if norm_layer is not None else nn.BatchNorm2d",
    ],
)
def test_default_stands_for_the_calls_that_leave_it(default: str) -> None:
    check(text(default))


@pytest.mark.parametrize("head", ["Block(8, 8, None)", "Block(8, 8, norm_layer=None)"])
def test_and_for_those_that_hand_none_over(head: str) -> None:
    check(text(head=head))


@pytest.mark.parametrize(
    "conv1",
    [
        "Block(3, 8, norm_layer=self._norm_layer)",
        "Block(3, 8, norm_layer=nn.BatchNorm2d)  #! keep",
        "Block(3, 8, lambda c: nn.Identity())",
    ],
)
def test_what_is_certain_to_be_no_none(conv1: str) -> None:
    check(text(conv1=conv1))


OPEN = {"verdict": "conflict", "layer": "conflict"}


@pytest.mark.parametrize(
    "conv1",
    [
        # it is left to the default, or may be
        "Block(3, 8)",
        "Block(3, 8, None)",
        "Block(3, 8, norm_layer=self.other)",
        "Block(3, 8, norm_layer=torch.get(norm_layer))",
        "Block(*torch.get(norm_layer))",
    ],
)
def test_backbone_that_may_leave_it_too(conv1: str) -> None:
    check(text(conv1=conv1, **OPEN))


PLAIN = text(**OPEN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("layer=norm_layer)", "layer=norm_layer if torch.cuda.is_available() else None)"),
        # a way on which it stays None
        (
            "        if norm_layer is None:\n            norm_layer = nn.BatchNorm2d  #! keep\n",
            "        if norm_layer is None and torch.cuda.is_available():\n"
            "            norm_layer = nn.BatchNorm2d\n",
        ),
        # a value that comes later, or from elsewhere
        ("_norm_layer = norm_layer\n", "_norm_layer = norm_layer\n        norm_layer = None\n"),
        (
            "_norm_layer = norm_layer\n",
            "_norm_layer = norm_layer\n        self._norm_layer = None\n",
        ),
        ("layer = self._norm_layer\n", "layer = self._norm_layer\n        norm_layer = None\n"),
        (
            "layer = self._norm_layer\n",
            "layer = self._norm_layer\n        for norm_layer in [None]:\n            pass\n",
        ),
        (
            "backbone = Backbone()\n",
            "backbone = Backbone()\n        self.backbone._norm_layer = None\n",
        ),
        ("class Backbone(nn.Module):\n", "class Backbone(nn.Module):\n    _norm_layer = None\n"),
    ],
)
def test_what_may_be_none(old: str, new: str) -> None:
    assert old in PLAIN
    plan = plan_of(PLAIN.replace(old, new, 1))
    assert "Block" in {site.class_ for site in plan.sites if site.verdict == "conflict"}
    assert "convert" not in {site.verdict for site in plan.sites}


def test_value_that_is_given_under_a_condition_is_no_default() -> None:
    default = "        if norm_layer is None and o > 8:\n            norm_layer = nn.BatchNorm2d"
    check(text(default, **OPEN))


def test_migrated_repository_is_done(tmp_path: Path) -> None:
    made = "\n".join(line.split("  #!")[0] for line in text().splitlines()) + "\n"
    (tmp_path / "net.py").write_text(HEAD + made)
    migrate(tmp_path)
    once = (tmp_path / "net.py").read_text()
    assert once.count("norm_layer = get_group_norm\n") == 1
    assert once.count("norm_layer = nn.BatchNorm2d\n") == 1
    migrate(tmp_path)
    assert (tmp_path / "net.py").read_text() == once
