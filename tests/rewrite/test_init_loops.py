"""Loops that initialise norms, and other norm tests, see GroupNorm too."""

from __future__ import annotations

import textwrap
from typing import Literal

import pytest

from bn2gn_codemod.plan import FileEdits, InitLoopEdit
from bn2gn_codemod.rewrite import RewriteRefused, rewrite_file
from tests.rewrite.marked import PATH, unmark

Kind = Literal["widen", "branch", "inject"]


def rewritten(text: str, kind: Kind, guard_none: bool = True, nn_name: str = "nn") -> str:
    source, places = unmark(text)
    loops = (InitLoopEdit(place, kind, "Neck", nn_name, guard_none) for place in places)
    return rewrite_file(source, FileEdits(PATH, init_loops=tuple(loops)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            """
            for m in self.modules():
                if §isinstance(m, nn.BatchNorm2d):
                    nn.init.constant_(m.weight, 1)
                    nn.init.constant_(m.bias, 0)
            """,
            """
            for m in self.modules():
                if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                    if hasattr(m, 'weight') and m.weight is not None:
                        nn.init.constant_(m.weight, 1)
                    if hasattr(m, 'bias') and m.bias is not None:
                        nn.init.constant_(m.bias, 0)
            """,
            id="as specified",
        ),
        pytest.param(
            """
            for m in self.modules():
              if isinstance(m, nn.Conv2d):
                init.normal_(m.weight)
              elif §isinstance(m, nn.BatchNorm2d):
                # like ImageNet's
                m.weight.data.fill_(1)  # scale
                m.bias.data.zero_()
              else:
                pass
            """,
            """
            for m in self.modules():
              if isinstance(m, nn.Conv2d):
                init.normal_(m.weight)
              elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                # like ImageNet's
                if hasattr(m, "weight") and m.weight is not None:
                  m.weight.data.fill_(1)  # scale
                if hasattr(m, "bias") and m.bias is not None:
                  m.bias.data.zero_()
              else:
                pass
            """.replace('"', "'"),
            id="elif, other forms of assignment, comments, two spaces",
        ),
        pytest.param(
            """
            for m in self.modules():
                if §isinstance(m, nn.BatchNorm2d): m.weight.data.fill_(1); m.bias.data.zero_()
            """,
            """
            for m in self.modules():
                if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                    if hasattr(m, 'weight') and m.weight is not None:
                        m.weight.data.fill_(1)
                    if hasattr(m, 'bias') and m.bias is not None:
                        m.bias.data.zero_()
            """,
            id="on one line",
        ),
        pytest.param(
            """
            if §isinstance(m, nn.BatchNorm2d):
                if m.weight is not None:
                    m.weight.data.fill_(1)
                    count += 1
                m.eps = 1e-3
            """,
            """
            if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                if m.weight is not None:
                    m.weight.data.fill_(1)
                    count += 1
                m.eps = 1e-3
            """,
            id="guards that are there, statements that touch neither",
        ),
        pytest.param(
            """
            if §isinstance(m, nn.BatchNorm2d):
                other.weight.data.fill_(1)
            """,
            """
            if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                other.weight.data.fill_(1)
            """,
            id="another module",
        ),
        pytest.param(
            """
            name = m.__class__.__name__
            if name.find('Conv') != -1:
                m.weight.data.normal_(0.0, 0.02)
            elif §name.find('BatchNorm') != -1:
                m.weight.data.normal_(1.0, 0.02)
                m.bias.data.fill_(0)
            """,
            """
            name = m.__class__.__name__
            if name.find('Conv') != -1:
                m.weight.data.normal_(0.0, 0.02)
            elif name.find('BatchNorm') != -1 or name.find('GroupNorm') != -1:
                if hasattr(m, 'weight') and m.weight is not None:
                    m.weight.data.normal_(1.0, 0.02)
                if hasattr(m, 'bias') and m.bias is not None:
                    m.bias.data.fill_(0)
            """,
            id="class name",
        ),
    ],
)
def test_widened_init_loop(before: str, after: str) -> None:
    assert rewritten(before, "widen") == textwrap.dedent(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "if §isinstance(m, (nn.Conv2d, nn.BatchNorm2d)):",
            "if isinstance(m, (nn.Conv2d, nn.BatchNorm2d, nn.GroupNorm)):",
        ),
        (
            "if §isinstance(m, (nn.BatchNorm2d,)):",
            "if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):",
        ),
        (
            "if §isinstance(m, nn.Conv2d | nn.BatchNorm2d):",
            "if isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.GroupNorm):",
        ),
        ("if §isinstance(m, NORMS):", "if isinstance(m, (NORMS, nn.GroupNorm)):"),
        (
            "if not §isinstance(m, nn.BatchNorm2d) and x:",
            "if not isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)) and x:",
        ),
        (
            "decay = [m for m in ms if §isinstance(m, nn.BatchNorm2d)]\nif x:",
            "decay = [m for m in ms if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm))]\nif x:",
        ),
        (
            "if §m.__class__.__name__ == 'BatchNorm2d':",
            "if m.__class__.__name__ == 'BatchNorm2d' or m.__class__.__name__ == 'GroupNorm':",
        ),
        (
            "if x and §'BatchNorm' in name:",
            "if x and ('BatchNorm' in name or 'GroupNorm' in name):",
        ),
        (
            'if §name.startswith("BatchNorm"):',
            'if name.startswith("BatchNorm") or name.startswith("GroupNorm"):',
        ),
        ("if §'bn' in name or §'batchnorm' in name:", None),
        (
            "if §name in ('Linear', 'BatchNorm2d'):",
            "if name in ('Linear', 'BatchNorm2d', 'GroupNorm'):",
        ),
        (
            "if §type(m) in [nn.BatchNorm2d]:",
            "if type(m) in [nn.BatchNorm2d, nn.GroupNorm]:",
        ),
        (
            "if §type(m) == nn.BatchNorm2d:",
            "if type(m) == nn.BatchNorm2d or type(m) == nn.GroupNorm:",
        ),
        (
            "if §name != 'BatchNorm2d':",
            "if name != 'BatchNorm2d' and name != 'GroupNorm':",
        ),
        (
            "if §name.find('BatchNorm') == -1:",
            "if name.find('BatchNorm') == -1 and name.find('GroupNorm') == -1:",
        ),
        (
            "if not §'SyncBatchNorm' in name:",
            "if not ('SyncBatchNorm' in name or 'GroupNorm' in name):",
        ),
    ],
)
def test_widened_test(before: str, after: str | None) -> None:
    body = "\n    m.weight.requires_grad = False\n"
    if after is None:
        with pytest.raises(RewriteRefused, match="line 1: this norm test cannot be widened"):
            rewritten(before + body, "widen", guard_none=False)
    else:
        assert rewritten(before + body, "widen", guard_none=False) == after + body


def test_widened_tuple_over_several_lines() -> None:
    before = """
    kinds = isinstance(m, (
        nn.Conv2d,
        nn.BatchNorm2d,  # old
    ))
    """.replace("isinstance", "§isinstance")
    after = """
    kinds = isinstance(m, (
        nn.Conv2d,
        nn.BatchNorm2d,  # old
        nn.GroupNorm,
    ))
    """
    assert rewritten(before, "widen") == textwrap.dedent(after)


def test_negated_test_guards_nothing() -> None:
    before = "if not §isinstance(m, nn.BatchNorm2d):\n    m.weight.data.fill_(1)\n"
    after = "if not isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):\n    m.weight.data.fill_(1)\n"
    assert rewritten(before, "widen") == after


NORM_BRANCH = """\
    elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
        if hasattr(m, 'weight') and m.weight is not None:
            nn.init.constant_(m.weight, 1)
        if hasattr(m, 'bias') and m.bias is not None:
            nn.init.constant_(m.bias, 0)
"""


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("for m in self.modules():\n    if isinstance(m, nn.Conv2d):\n        init(m)\n", ""),
        (
            "for m in self.modules():\n    if isinstance(m, nn.Conv2d):\n        init(m)\n"
            "        # and no bias\n",
            "\n    # the rest keeps its default\nreturn None",
        ),
        (
            "for m in self.modules():\n    if isinstance(m, nn.Conv2d):\n        init(m)\n"
            "    elif isinstance(m, nn.Linear): init(m)\n",
            "    else:\n        if x:\n            pass\n",
        ),
        (
            "for m in self.modules():\n    if isinstance(m, nn.Conv2d):\n        init(m)\n"
            "    if isinstance(m, nn.Linear):\n        init(m)\n",
            "    count += 1\n",
        ),
    ],
)
def test_branch(above: str, below: str) -> None:
    text = f"def f(self):\n{textwrap.indent('§' + above + below, '    ')}"
    after = f"def f(self):\n{textwrap.indent(above + NORM_BRANCH + below, '    ')}"
    assert rewritten(text, "branch") == after


def test_branch_in_a_loop_that_has_no_final_newline() -> None:
    before = "§for n, mod in net.named_modules():\n    if isinstance(mod, nn.Conv2d): init(mod)"
    after = before[1:] + "\n" + NORM_BRANCH.replace("(m,", "(mod,").replace("m.", "mod.")
    after = after.replace("nn.init.constant_(m.", "nn.init.constant_(mod.").rstrip("\n")
    assert rewritten(before, "branch") == after


def test_branch_needs_a_test_to_stand_beside() -> None:
    with pytest.raises(RewriteRefused, match="line 1: the loop has no if"):
        rewritten("§for m in self.modules():\n    init(m)\n", "branch")


LOOP = """\
for m in self.modules():
    if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
        if hasattr(m, 'weight') and m.weight is not None:
            nn.init.constant_(m.weight, 1)
        if hasattr(m, 'bias') and m.bias is not None:
            nn.init.constant_(m.bias, 0)
"""


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("super().__init__()\nself.norm = get_group_norm(3)\n", ""),
        ("super().__init__()\nif deep:\n    self.norm = get_group_norm(3)\n    # wide\n", ""),
        ("super().__init__()\n", "return\n"),
    ],
)
def test_inject(above: str, below: str) -> None:
    def neck(body: str) -> str:
        body = textwrap.indent(body, "        ")
        return (
            f"class Neck(nn.Module):\n    def __init__(self):\n{body}\n    def forward(self): ...\n"
        )

    assert rewritten("§" + neck(above + below), "inject") == neck(above + LOOP + below)


def test_inject_needs_an_init() -> None:
    with pytest.raises(RewriteRefused, match="line 1: Neck has no __init__"):
        rewritten("§class Neck(Base):\n    pass\n", "inject")
