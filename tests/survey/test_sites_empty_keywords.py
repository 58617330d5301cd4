"""``norm(8, **({} if options is None else options))`` of options that nobody has."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.migrating import migrate
from tests.survey.verdicts import HEAD, listed, plan_of

MODEL = """\
from torchvision.models import resnet18
def mix(c, norm, options):
    return nn.Sequential(nn.Conv2d(c, c, 1), norm(c, **{unpacked}))
class Pool(nn.Module):
    def __init__(self, c, **kwargs):
        super().__init__()
        self.mix = mix(c, **kwargs)
class Head(nn.Module):
    def __init__(self, c, norm=nn.BatchNorm2d, options=None):
        super().__init__()
        self.pool = Pool(c, norm=norm, options=options)
        self.bn = norm(c, **{unpacked})
    def forward(self, x):
        return self.bn(self.pool.mix(x))
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = resnet18(pretrained=True)
        self.head = {head}
def main():
    return Net()
{more}
"""
EMPTY = "({} if options is None else options)"


def _text(head: str = "Head(8)", unpacked: str = EMPTY, more: str = "") -> str:
    return MODEL.format(unpacked=unpacked, head=head, more=more)


def _verdicts(text: str) -> set[str]:
    return {line.split()[1] for line in listed(text, plan_of(text)) if "norm" in line}


@pytest.mark.parametrize(
    "unpacked",
    [EMPTY, "(options if options is not None else {})", "(options or {})"],
)
@pytest.mark.parametrize(
    "head", ["Head(8)", "Head(8, nn.BatchNorm2d, None)", "Head(8, options=None)"]
)
def test_options_that_nobody_gives(head: str, unpacked: str) -> None:
    assert _verdicts(_text(head, unpacked)) == {"convert"}


SHARING = """\
class Both(nn.Module):
    def __init__(self, norm=nn.BatchNorm2d, options=None):
        super().__init__()
        self.backbone = resnet18(pretrained=True, norm_layer=norm)
        self.last = norm(8, **({} if options is None else options))
both = Both
"""


def test_what_is_migrated_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.py").write_text(HEAD + _text(more=SHARING))
    migrate(tmp_path)
    library = types.SimpleNamespace(resnet18=lambda **given: None)
    monkeypatch.setitem(sys.modules, "torchvision", library)
    monkeypatch.setitem(sys.modules, "torchvision.models", library)
    scope: dict[str, Any] = {"__name__": "net"}
    exec(compile((tmp_path / "net.py").read_text(), "net.py", "exec"), scope)
    head, last = scope["Head"](8), scope["Both"]().last
    assert not any(isinstance(one, torch.nn.BatchNorm2d) for one in head.modules())
    assert head(torch.zeros(2, 8, 4, 4)).shape == (2, 8, 4, 4)
    assert isinstance(last, torch.nn.GroupNorm)


@pytest.mark.parametrize(
    ("head", "more"),
    [
        ("Head(8, options=dict(momentum=0.01))", ""),
        ("Head(8, nn.BatchNorm2d, dict(momentum=0.01))", ""),
        ("Head(8, *given)", ""),
        ("Head(**yaml.safe_load(open('head.yaml')))", ""),
        ("Head(8, **{'options': dict(momentum=0.01)})", ""),
        ("partial(Head, 8, nn.BatchNorm2d, dict(momentum=0.01))()", ""),
        ("Head(8)", "config.options = dict(momentum=0.01)"),
        ("Head(8)", "class Slow(Head):\n    def __init__(self):\n"
         "        super().__init__(8, nn.BatchNorm2d, dict(momentum=0.01))"),
        ("Head(8)", "make = Head\nhead = make(8, nn.BatchNorm2d, dict(momentum=0.01))"),
        ("Head(8)", "def slow(options={'momentum': 0.01}):\n    return Head(8, options=options)"),
    ],
)  # fmt: skip
def test_options_that_somebody_may_give(head: str, more: str) -> None:
    """GroupNorm takes no ``momentum``: the migrated call would fail."""
    assert "convert" not in _verdicts(_text(head, more=more))


def test_other_dicts_may_have_something() -> None:
    assert "convert" not in _verdicts(_text(unpacked="({} if options is None else EXTRA)"))
