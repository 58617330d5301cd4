"""Models of random composition, built after the migration: the backbone keeps its BatchNorm."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.migrating import migrate, plan_of
from tests.survey.verdicts import HEAD

_BLOCKS = 4
_TAIL = """\
class ResNet(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 1)
        self.layer1 = nn.Sequential({backbone})
        self.load_state_dict(torch.hub.load_state_dict_from_url("https://example.org/r.pth"))
class Net(nn.Module):
    def __init__(self, norm={default}):
        super().__init__()
        self.backbone = ResNet(norm)
        self.neck = nn.ModuleList([{neck}])
        self.head = nn.Sequential({head})
"""


@st.composite
def _items(draw: st.DrawFn, below: int, least: int = 0) -> str:
    """What a container is made of: norms, and blocks of a lower number, each in some spelling."""
    forms = ["norm(4)", "nn.BatchNorm2d(4)", "free(4, norm)", "nn.Conv2d(4, 4, 1)"]
    for number in range(below):
        forms += [f"Block{number}({how})" for how in ("4", "4, norm", "4, norm=norm", "c=4")]
        forms += [f"Block{number}(4, nn.BatchNorm2d)", f"Block{number}(*(4, norm))"]
        forms += [f"Block{number}(**dict(c=4, norm=norm))", f"made{number}(norm)"]
        forms += [f"BLOCKS[{number}](4, norm)", f"kept{number}"]
    return ", ".join(draw(st.lists(st.sampled_from(forms), min_size=least, max_size=3)))


@st.composite
def _sources(draw: st.DrawFn) -> str:
    """A file with blocks of blocks, a pretrained network of them and a model around it."""
    lines = [
        HEAD,
        "def free(c, norm):\n    return nn.Sequential(nn.Conv2d(c, c, 1), norm(c))\nBLOCKS = []\n",
    ]
    for number in range(_BLOCKS):
        base = draw(st.sampled_from(["nn.Module", *(f"Block{i}" for i in range(number))]))
        handed = draw(st.sampled_from(["4, norm", "4"])) if base != "nn.Module" else ""
        default = draw(st.sampled_from(["=nn.BatchNorm2d", "=None"]))
        fallback = "        norm = norm or nn.BatchNorm2d\n" if default == "=None" else ""
        body = draw(_items(number))
        lines.append(
            f"class Block{number}({base}):\n"
            f"    def __init__(self, c, norm{default}):\n"
            f"{fallback}        super().__init__({handed})\n"
            f"        self.body{number} = nn.ModuleList([{body}])\n"
            f"BLOCKS.append(Block{number})\n"
            f"kept{number} = Block{number}(4)\n"
            f"def made{number}(norm):\n    return Block{number}(4, norm)\n"
        )
    lines.append(
        _TAIL.format(
            backbone=draw(_items(_BLOCKS, least=1)),
            neck=draw(_items(_BLOCKS)),
            head=draw(_items(_BLOCKS, least=1)),
            default=draw(st.sampled_from(["nn.BatchNorm2d", "nn.SyncBatchNorm"])),
        )
    )
    return "".join(lines)


def _norms(source: str) -> dict[str, type[torch.nn.Module]]:
    """The norm layers of the model by name; a block that both sides hold is the backbone's."""
    scope: dict[str, Any] = {"__name__": "net"}
    with (
        mock.patch("torch.hub.load_state_dict_from_url", return_value={}),
        mock.patch("torch.nn.Module.load_state_dict"),
    ):
        exec(compile(source, "net.py", "exec"), scope)
        model = scope["Net"]()
    kinds = (torch.nn.BatchNorm2d, torch.nn.SyncBatchNorm, torch.nn.GroupNorm)
    return {name: type(module) for name, module in model.named_modules() if type(module) in kinds}


@settings(max_examples=60, deadline=None)
@given(source=_sources())
def test_backbone_keeps_its_batchnorm_and_what_is_left_is_said(source: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.py"
        file.write_text(source)
        migrate(file.parent)
        once = file.read_text()
        plan = plan_of(file.parent)
        migrate(file.parent)
        assert file.read_text() == once
    before, after = _norms(source), _norms(once)
    assert before.keys() == after.keys()
    backbone = {name for name in before if name.startswith("backbone.")}
    assert {name: after[name] for name in backbone} == {name: before[name] for name in backbone}
    left = [name for name in after.keys() - backbone if after[name] is not torch.nn.GroupNorm]
    undecided = [site for site in plan.sites if site.verdict in ("conflict", "unknown")]
    assert bool(left) <= bool(undecided), left
