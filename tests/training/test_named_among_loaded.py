"""Several models that a script may build, of which one has a backbone for its name alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.rules import findings
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey import plan_repository

_SCRIPT = """
import torch
import torchvision
from torch import nn

class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
        {own}

class Tiny(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone = Own()
        {tiny}

class Small(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.backbone = {small}

def main(args):
    if args.model == "tiny":
        model = Tiny(args)
    else:
        model = {other}
    if args.{file}:
        model.load_state_dict(torch.load(args.{file}))
    {more}
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x in args.data:
        model.train()
        model(x).sum().backward()
"""
_LOADED = "torchvision.models.resnet18(pretrained=True)"
_FILE = 'load_state_dict(torch.load("own.pth"))'
_URL = "torch.hub.load_state_dict_from_url('https://a.org/tiny.pth')"


def _plan(settings: Settings | None = None, **parts: str) -> Plan:
    names = {"own": "pass", "tiny": "pass", "small": _LOADED, "other": "Small(args)"}
    names |= {"file": "resume"}
    text = _SCRIPT.format(**{**names, "more": "pass", **parts})
    read = SourceFile.from_bytes("train.py", text.encode())
    return plan_repository(Repository(Path("/repository"), (read,)), settings or Settings())


def _is_changed(plan: Plan) -> bool:
    return any(file.freezes or file.loop_guards or file.model_guards for file in plan.files)


def test_one_that_nothing_loads_is_not_frozen_as_the_others_are() -> None:
    plan = _plan()
    assert not _is_changed(plan)
    found = [one.message for one in findings(plan) if one.code in ("BN201", "BN202")]
    assert found
    assert all("Tiny.backbone is a backbone by its name alone" in message for message in found)
    assert all('backbone = ["Tiny.backbone"]' in message for message in found)


@pytest.mark.parametrize(
    "parts",
    [
        # Names alone speak for all of them, and the file may be any: the finding says so.
        {"small": "Own()", "file": "file"},
        {"other": "Tiny(args)", "file": "file"},
        # Weights come into that one, too.
        {"own": f"self.{_FILE}"},
        {"tiny": f"self.backbone.{_FILE}"},
        {"tiny": f"self.load_state_dict({_URL})"},
        {"more": f"model.backbone.{_FILE}"},
        {"more": f"model.load_state_dict({_URL})"},
        # Both have the same.
        {"tiny": f"self.backbone = {_LOADED}"},
    ],
)
def test_what_may_be_frozen_wherever_it_is(parts: dict[str, str]) -> None:
    assert _is_changed(_plan(None, **parts))


@pytest.mark.parametrize("parts", [{"small": "Own()"}, {"other": "Tiny(args)"}])
def test_where_nothing_loads_any_of_them(parts: dict[str, str]) -> None:
    assert not _is_changed(_plan(None, **parts))


def test_a_setting_says_that_it_is_pretrained() -> None:
    assert _is_changed(_plan(Settings(backbone=("Tiny.backbone",))))


def test_the_scripts_of_others_are_not_asked() -> None:
    names = {"own": "", "tiny": "", "small": _LOADED, "other": "Tiny(args)", "file": "file"}
    text = _SCRIPT.format(**names, more="pass")
    other = "import torch\nfrom train import Small\n\ndef main(args):\n    model = Small(args)\n"
    other += "    optimizer = torch.optim.SGD(model.parameters(), 0.1)\n"
    files = {"train.py": text, "small.py": other}
    read = tuple(SourceFile.from_bytes(path, one.encode()) for path, one in files.items())
    plan = plan_repository(Repository(Path("/repository"), read), Settings())
    assert {file.path for file in plan.files if file.freezes} == {"train.py", "small.py"}
