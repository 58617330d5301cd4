"""A finding is fixable where a migrate mends it: after one, none is left that says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from bn2gn_codemod.rules import all_rules
from tests.conftest import MakeRepository
from tests.migrating import migrate, plan_of
from tests.training import drills, test_scripts

Files = Mapping[str, str]

# The freeze cannot be written, and ``train()`` is followed by what would have to come first.
REFUSED = """
import torch
from torch import nn
from model import Detector

def {name}(model):
    return model

def open_all(model):
    model.train()
    for parameter in model.parameters():
        parameter.requires_grad = True

def main(loader):
    model = Detector()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for epoch in range(3):
        model.train()
        if epoch > 1:
            open_all(model)
        for x in loader:
            model(x).sum().backward()
            optimizer.step()
"""


def programs() -> Iterator[tuple[str, Files]]:
    for rule in all_rules():
        for number, example in enumerate(rule.examples if rule.findings is not None else (), 1):
            yield f"{rule.code}, {number}", example.files(example.before)
    for name, text in {**test_scripts.CHANGED, **test_scripts.UNCHANGED}.items():
        before, _ = test_scripts.before_and_after(text)
        yield name, {"model.py": test_scripts.MODEL, "train.py": before}
    for name, text in test_scripts.DRIVEN.items():
        before, _ = test_scripts.before_and_after(text)
        yield f"{name}, driven", {"model.py": test_scripts.MODEL, "train.py": before}
    for name, text in vars(drills).items():
        if isinstance(text, str) and "import torch" in text and name not in ("MODEL", "DATA"):
            yield name, {"model.py": drills.MODEL, "data.py": drills.DATA, "train.py": text}
    for name in ("eval_backbone_bn", "freeze_backbone_bn", "unrelated"):
        text = REFUSED.format(name=name)
        yield f"{name} is there", {"model.py": test_scripts.MODEL, "train.py": text}


PROGRAMS = [pytest.param(files, id=name) for name, files in programs()]


@pytest.mark.parametrize("guard", ["auto", "loop", "model"])
@pytest.mark.parametrize("files", PROGRAMS)
def test_nothing_fixable_is_left(repository: MakeRepository, files: Files, guard: str) -> None:
    root = repository(files)
    written = migrate(root, guard=guard)
    assert [one for one in plan_of(root, guard=guard).findings if one.fixable] == []
    assert bool(written.plan.files) == any(one.fixable for one in written.plan.findings)
