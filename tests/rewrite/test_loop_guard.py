"""``eval_backbone_bn(model)`` right after ``model.train()``."""

from __future__ import annotations

import ast
import textwrap

import pytest

from bn2gn_codemod.generated import freezing
from bn2gn_codemod.plan import FileEdits, LoopGuardEdit
from bn2gn_codemod.rewrite import rewrite_file
from tests.rewrite.marked import PATH, unmark


def rewritten(text: str, define: bool = False, import_from: str | None = None) -> str:
    source, places = unmark(text)
    guards = (
        LoopGuardEdit(PATH, place, "net", ("base",), define=define, import_from=import_from)
        for place in places
    )
    return rewrite_file(source, FileEdits(PATH, loop_guards=tuple(guards)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            """\
            def run_epoch(self, phase):
                net = self.net
                if phase == 'train':
                    §net.train()
                else:
                    net.eval()
            """,
            """\
            def run_epoch(self, phase):
                net = self.net
                if phase == 'train':
                    net.train()
                    eval_backbone_bn(net)
                else:
                    net.eval()
            """,
        ),
        (
            """\
            for epoch in epochs:
                §net.train()  # thaws

                # one step
                step(net)
            """,
            """\
            for epoch in epochs:
                net.train()  # thaws
                eval_backbone_bn(net)

                # one step
                step(net)
            """,
        ),
        (
            """\
            if phase == 'train': §net.train()
            else: net.eval()
            """,
            """\
            if phase == 'train':
                net.train()
                eval_backbone_bn(net)
            else: net.eval()
            """,
        ),
        (
            """\
            if phase == 'val':
                net.eval()
            else: §net.train()
            step(net)
            """,
            """\
            if phase == 'val':
                net.eval()
            else:
                net.train()
                eval_backbone_bn(net)
            step(net)
            """,
        ),
        (
            """\
            if phase == 'val':
                net.eval()
            elif phase == 'train':
                §net.train(); step(net)
            """,
            """\
            if phase == 'val':
                net.eval()
            elif phase == 'train':
                net.train()
                eval_backbone_bn(net)
                step(net)
            """,
        ),
        (
            """\
            def train_one(net): §net.train()
            def val_one(net): net.eval()
            """,
            """\
            def train_one(net):
                net.train()
                eval_backbone_bn(net)
            def val_one(net): net.eval()
            """,
        ),
    ],
)
def test_call(before: str, after: str) -> None:
    assert rewritten(before) == textwrap.dedent(after)


def test_function_is_defined_once_for_all_calls() -> None:
    before = "import torch\n\ndef a():\n    §net.train()\n\n\ndef b():\n    §net.train()\n"
    after = rewritten(before, define=True)
    assert after.count("def eval_backbone_bn") == 1
    assert after.count("    eval_backbone_bn(net)\n") == 2
    assert "import warnings" not in after
    matching = freezing.recognise_eval(ast.parse(after))
    assert matching is not None
    assert matching.covers(["base"])


def test_imported_function() -> None:
    after = rewritten("import torch\n§net.train()\n", define=True, import_from="lib.freezing")
    assert after == (
        "import torch\nfrom lib.freezing import eval_backbone_bn\n"
        "net.train()\neval_backbone_bn(net)\n"
    )
