"""What freezing code comes to for the backbone, whoever wrote it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from bn2gn_codemod.sources import Repository, SourceFile
from bn2gn_codemod.survey.flow.tracing import analyse
from bn2gn_codemod.survey.freezing.code import FreezingCode
from bn2gn_codemod.survey.freezing.effects import (
    Effect,
    Model,
    Part,
    coverage,
    extent,
    thaws,
    without_options,
)
from bn2gn_codemod.survey.modules import read_modules

MODEL = Model(backbone=("backbone",), parts=frozenset({"backbone", "head"}))
# The survey reads files that can bear on norm layers.
HEAD = """
import re
import torch
from torch import nn
LAYER = nn.BatchNorm2d(4)
NAMES = ["backbone", "base"]
PATTERN = re.compile(r"backbone\\.")
"""


def effects(code: str) -> list[Effect]:
    source = SourceFile.from_bytes("freeze.py", (HEAD + textwrap.dedent(code)).encode())
    modules, _ = read_modules(Repository(Path("/repository"), (source,)))
    flow = analyse(modules)
    function = flow.top_level["freeze.py"]
    body = function.module.tree.body
    return FreezingCode(flow).effects(body, function, {"model": Part(())})


def frozen(code: str, model: Model = MODEL) -> str:
    """``eval``, ``no gradient``, both, or nothing, of all of the backbone."""
    found = coverage(effects(code), model)
    parts = [("eval", found.evaluates), ("no gradient", found.stops_gradient)]
    return ", ".join(name for name, holds in parts if holds)


def loop(test: str) -> str:
    """Both, for the layers of the model that pass a test."""
    return f"""
for name, m in model.named_modules():
    if {test}:
        m.eval()
        m.requires_grad_(False)
"""


BOTH = "eval, no gradient"
_WEIGHT_AND_BIAS = """
for m in model.modules():
    m.weight.requires_grad_(False)
    m.bias.requires_grad = False
"""
CODE = {
    "model.backbone.eval()": "eval",
    # A flag that its own value is part of says nothing more than its first value.
    "ok = find()\nok = ok or find()\nif ok:\n    model.backbone.eval()": "",
    "model.backbone.train(False)": "eval",
    "model.backbone.train()": "",
    "model.eval()": "eval",
    "model.head.eval()": "",
    "model.backbone.requires_grad_(False)": "no gradient",
    "for p in model.backbone.parameters():\n    p.requires_grad = False": "no gradient",
    "for p in model.backbone.parameters():\n    p.requires_grad = flag": "",
    "for m in model.modules():\n    m.weight.requires_grad = False": "",
    "for m in model.modules():\n    m.weight.requires_grad = m.bias.requires_grad": "",
    _WEIGHT_AND_BIAS: "no gradient",
    "model.requires_grad_(False)\nmodel.backbone.requires_grad_(True)": "",
    "model.requires_grad_(False)\nmodel.head.requires_grad_(True)": "no gradient",
    "[m.eval() for m in model.modules() if isinstance(m, nn.BatchNorm2d)]": "eval",
    "model.apply(lambda m: m.eval())": "eval",
    "while True:\n    model.backbone.eval()": "eval",
    "net = nn.DataParallel(model).cuda()\nnet.module.backbone.eval()": "eval",
    "net = DDP(module=model)\nnet.module.head.eval()": "",
    "net = nn.DataParallel(model)\nfor n, m in net.named_modules():\n"
    "    if n.startswith('backbone'):\n        m.eval()": "",
    "net = nn.DataParallel(model)\nfor n, m in net.named_modules():\n"
    "    if n.startswith('module.backbone'):\n        m.eval()": "eval",
    "net = nn.DataParallel(model)\nfor n, m in net.module.named_modules():\n"
    "    if n.startswith('backbone'):\n        m.eval()": "eval",
    "net = nn.DataParallel(model)\nfor n, m in net.module.named_modules():\n"
    "    if n.startswith('module.backbone'):\n        m.eval()": "",
    "net = Siamese(model)\nnet.backbone.eval()": "",
    "with torch.no_grad():\n    model.backbone.eval()": "eval",
}
TESTS = {
    "isinstance(m, nn.BatchNorm2d)": BOTH,
    "isinstance(m, (nn.BatchNorm2d, nn.SyncBatchNorm))": BOTH,
    "isinstance(m, nn.Conv2d)": "",
    "not isinstance(m, nn.BatchNorm2d)": "",
    "'BatchNorm' in m.__class__.__name__": BOTH,
    "m.__class__.__name__.find('BatchNorm') != -1": BOTH,
    "type(m).__name__ == 'SyncBatchNorm'": BOTH,
    "name.startswith('backbone')": BOTH,
    "'backbone' in name": BOTH,
    "'base' in name": "",
    "'head' not in name": BOTH,
    "'layer4' not in name": "",
    "any(part in name for part in NAMES)": BOTH,
    "PATTERN.match(name)": BOTH,
    "re.match('head', name)": "",
    "'backbone' in name and isinstance(m, nn.BatchNorm2d)": BOTH,
    "'backbone' in name or 'base' in name": BOTH,
    "hasattr(m, 'weight')": BOTH,
    "hasattr(model, 'backbone')": BOTH,
    "hasattr(model, 'base')": "",
    "m.affine": BOTH,
    "m.weight is not None": BOTH,
    "args.freeze": "",
    "len(name) > 3": "",
    "True": BOTH,
}


@pytest.mark.parametrize("code", CODE)
def test_code(code: str) -> None:
    assert frozen(code) == CODE[code]


@pytest.mark.parametrize("test", TESTS)
def test_tests_of_layers(test: str) -> None:
    assert frozen(loop(test)) == TESTS[test]


@pytest.mark.parametrize("test", ["args.freeze", "cfg['freeze'] == 'bn'", "not self.opt.train_bn"])
def test_with_every_option_on(test: str) -> None:
    found = effects(loop(f"isinstance(m, nn.BatchNorm2d) and {test}"))
    assert not coverage(found, MODEL).freezes
    assert coverage(without_options(found), MODEL).freezes


def test_all_parameters_are_wanted() -> None:
    whole = Model(("backbone",), frozenset({"backbone"}), whole=True)
    assert frozen(loop("isinstance(m, nn.BatchNorm2d)"), whole) == "eval"
    assert frozen(loop("'backbone' in name"), whole) == BOTH


@pytest.mark.parametrize("name", ["module", "model", "_orig_mod"])
def test_a_backbone_that_is_named_like_a_wrapper(name: str) -> None:
    model = Model((name,), frozenset({name, "head"}))
    assert frozen(f"model.{name}.eval()", model) == "eval"
    assert frozen(loop(f"re.match(r'(?:\\d+\\.)*(?:{name}|base)\\.', name)"), model) == BOTH
    assert frozen(loop("name.startswith('head')"), model) == ""


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (loop("isinstance(m, nn.BatchNorm2d)"), {"backbone": "BatchNorm"}),
        ("model.backbone.requires_grad_(False)", {"backbone": "everything"}),
        ("model.requires_grad_(False)", {"backbone": "everything", "head": "everything"}),
        ("model.requires_grad_(False)\nmodel.head.requires_grad_()", {"backbone": "everything"}),
        ("model.eval()", {}),
    ],
)
def test_extent(code: str, what: dict[str, str]) -> None:
    assert extent(effects(code), MODEL) == what


@pytest.mark.parametrize(
    ("code", "is_thawed"),
    [
        ("model.requires_grad_(True)", True),
        ("if x:\n    model.backbone.layer4.requires_grad_()", True),
        ("model.head.requires_grad_(True)", False),
        ("for p in model.parameters():\n    p.requires_grad = flag", False),
        ("model.train()", False),
    ],
)
def test_thaws(code: str, is_thawed: bool) -> None:
    assert (thaws(effects(code), MODEL) is not None) == is_thawed
