"""What holds of every rewrite: nothing but the plan, in any file, or nothing at all."""

from __future__ import annotations

import ast
import codecs
from collections.abc import Callable

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bn2gn_codemod.generated.group_norm import is_group_norm_helper
from bn2gn_codemod.plan import (
    FileEdits,
    FreezeEdit,
    HelperEdit,
    InitLoopEdit,
    LoopGuardEdit,
    ModelGuardEdit,
    NormEdit,
    Place,
)
from bn2gn_codemod.rewrite import RewriteRefused, engine, rewrite_file
from bn2gn_codemod.rewrite.changes import Changes
from bn2gn_codemod.rewrite.located import Located
from bn2gn_codemod.sources import SourceFile
from tests.rewrite.marked import PATH, unmark

NORM = "nn.BatchNorm2d(c, momentum=0.1)"

# Lines that surround an edit; none of them may change, whatever they hold.
BYSTANDERS = st.sampled_from(
    [
        "x = 1",
        "x = 1   ",
        "",
        "   ",
        "# nn.BatchNorm2d(c)",
        "s = '''nn.BatchNorm2d(c)\n  two\n'''",
        "t = 'caf\xe9', \"\xe8\"  # \xe0",
        "y = (1,\n     2)",
        "\x0cz = 3",
        "if x:\n  a = 1\n  # tail\nelse:\n\tb = 2; c = 3",
        "class A:\n    x = 1\n\n    @property\n    def y(self): return 1",
        "v = 1 ;w = 2",
        "u = x if x else \\\n    y",
    ]
)
BLOCKS = st.lists(BYSTANDERS, max_size=6).map("\n".join)
NEWLINES = st.sampled_from(["\n", "\r\n", "\r"])
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "latin-1"])


def encoded(text: str, encoding: str) -> bytes:
    if encoding == "latin-1":
        return f"# -*- coding: latin-1 -*-\n{text}".encode("latin-1")
    bom = codecs.BOM_UTF8 if encoding == "utf-8-sig" else b""
    return bom + text.encode()


def edits_of(source: SourceFile) -> FileEdits:
    """Every real call of a norm in ``source``."""
    calls = (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))
    places = [
        (node.lineno, source.column(node.lineno, node.col_offset))
        for node in calls
        if ast.unparse(node) == NORM
    ]
    template = NormEdit(unmark("§x")[1][0], "call", "BatchNorm2d")
    norms = (
        template._replace(place=template.place._replace(line=line, column=column))
        for line, column in places
    )
    return FileEdits(PATH, tuple(norms))


@settings(deadline=None)
@given(BLOCKS, BLOCKS, NEWLINES, ENCODINGS, st.booleans())
def test_bytes_outside_of_an_expression_stay(
    above: str, below: str, newline: str, encoding: str, final_newline: bool
) -> None:
    assume((newline, encoding) != ("\r", "latin-1"))  # the declaration would not be found
    text = f"{above}\nnorm = [{NORM}, 'é', {NORM}]  # both \n{below}"
    data = encoded(text + "\n" * final_newline, encoding).replace(b"\n", newline.encode())
    source = SourceFile.from_bytes(PATH, data)
    edits = edits_of(source)
    assert len(edits.norms) == 2
    after = source.encode(rewrite_file(source, edits))
    assert after == data.replace(NORM.encode(), b"get_group_norm(c)")


@settings(deadline=None)
@example("# nn.BatchNorm2d(c)\n\n\x0cz = 3", "", "\n", "    ", False)
@given(BLOCKS, BLOCKS, NEWLINES, st.sampled_from(["    ", "  ", "\t"]), st.booleans())
def test_bytes_outside_of_inserted_lines_stay(
    above: str, below: str, newline: str, indent: str, final_newline: bool
) -> None:
    step = "def main(opt):\n    §model = build(opt)  # it\n    §model.train()\n"
    text = f"import torch\n{above}\n{step.replace('    ', indent)}{below}" + "\n" * final_newline
    unix, places = _unmarked(text)
    source = SourceFile.from_bytes(PATH, unix.data.replace(b"\n", newline.encode()))
    edits = FileEdits(
        PATH,
        freezes=(FreezeEdit(PATH, places[0], "model", "'a'", ("base",)),),
        loop_guards=(LoopGuardEdit(PATH, places[1], "model", ("base",)),),
        helper=HelperEdit(PATH, "nn"),
    )
    after = rewrite_file(source, edits)
    remaining = iter(after.split(newline))
    assert all(line in remaining for line in source.text.split(newline))  # in this order
    assert after.endswith(newline) == source.text.endswith(newline)
    assert not {"\r", "\n"} & set(after.replace(newline, ""))
    functions = [n for n in ast.walk(ast.parse(after)) if isinstance(n, ast.FunctionDef)]
    assert sum(is_group_norm_helper(function) for function in functions) == 1


def _unmarked(text: str) -> tuple[SourceFile, list[Place]]:
    places = []
    while "§" in text:
        index = text.index("§")
        line = text.count("\n", 0, index)
        places.append(Place(PATH, line + 1, index - text.rfind("\n", 0, index)))
        text = text.replace("§", "", 1)
    return SourceFile.from_bytes(PATH, text.encode()), places


ALL_AT_ONCE = """\
from torch import nn
§class Net(Base):
    def __init__(self, c):
        self.norm = §nn.BatchNorm2d(c, momentum=0.1)
        for m in self.modules():
            if §isinstance(m, nn.BatchNorm2d):
                m.weight.data.fill_(1)
§model = Net(3)
§model.train()
"""


def all_at_once() -> tuple[SourceFile, FileEdits]:
    source, (class_, norm, test, model, train) = unmark(ALL_AT_ONCE)
    return source, FileEdits(
        PATH,
        norms=(NormEdit(norm, "call", "BatchNorm2d"),),
        helper=HelperEdit(PATH, "nn"),
        init_loops=(InitLoopEdit(test, "widen", "Net", "nn"),),
        freezes=(FreezeEdit(PATH, model, "model", "'net'", ("base",)),),
        loop_guards=(LoopGuardEdit(PATH, train, "model", ("base",)),),
        model_guards=(ModelGuardEdit(class_, "Net", ("base",)),),
    )


def test_no_edits_no_change() -> None:
    source, _ = all_at_once()
    assert rewrite_file(source, FileEdits(PATH)) == source.text


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: text + "x = 1\n", id="a statement more"),
        pytest.param(lambda text: text.replace("model.train()\n", ""), id="a statement less"),
        pytest.param(lambda text: text.replace("fill_(1)", "fill_(0)"), id="another constant"),
        pytest.param(lambda text: text.replace("Net(Base)", "Net(Bass)"), id="another base"),
        pytest.param(lambda text: text.replace("def __init__(self, c)", "def __init__(self, d)"),
                     id="another parameter"),
        pytest.param(lambda text: text.replace("Net(3)", "Net(3, 4)"), id="another argument"),
        pytest.param(lambda text: text.replace("get_group_norm(c)", "get_group_norm(3)"),
                     id="another channel count"),
        pytest.param(lambda text: text.replace("nn.BatchNorm2d, nn", "nn.BatchNorm1d, nn"),
                     id="another class in the test"),
        pytest.param(lambda text: text.replace("m.weight is not None", "m.weight is None"),
                     id="another guard"),
        pytest.param(lambda text: text.replace("frozen += 1", "frozen += 2"),
                     id="another generated function"),
        pytest.param(lambda text: text.replace("eval_backbone_bn(model)\n", "pass\n"),
                     id="another inserted call"),
        pytest.param(lambda text: text.replace("return self", "return None"), id="another method"),
        pytest.param(lambda text: text.replace("Net(3)", "Net(3"), id="no Python"),
        pytest.param(lambda text: text + "return 1\n", id="Python that does not compile"),
    ],
)  # fmt: skip
def test_a_rewrite_that_went_wrong_is_refused(
    monkeypatch: pytest.MonkeyPatch, damage: Callable[[str], str]
) -> None:
    source, edits = all_at_once()
    good = rewrite_file(source, edits)
    assert damage(good) != good

    def damaged(located: Located, changes: Changes) -> str:
        return damage(good)

    monkeypatch.setattr(engine, "carry_out", damaged)
    with pytest.raises(RewriteRefused) as raised:
        rewrite_file(source, edits)
    assert "\n" not in str(raised.value)


def test_newline_that_libcst_loses() -> None:
    source, [train] = unmark("§model.train()\ry = 1\r\nz = 2\n")
    edits = FileEdits(PATH, loop_guards=(LoopGuardEdit(PATH, train, "model", ("base",)),))
    with pytest.raises(RewriteRefused, match=r"cannot reproduce .* model\.train\(\)"):
        rewrite_file(source, edits)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("§x = (", "line 1: cannot be parsed"),
        ("return §nn.BatchNorm2d(c)\n", "would not compile: 'return' outside function"),
        ("x = §nn.BatchNorm2d(c)\nfrom __future__ import division\n", "must occur at the beg"),
        ("x = §nn.BatchNorm2d(" + "-" * 100_000 + "c)", "nested too deeply|too complex"),
    ],
)
def test_files_that_cannot_be_rewritten(text: str, says: str) -> None:
    source, places = unmark(text)
    edits = FileEdits(PATH, tuple(NormEdit(p, "call", "BatchNorm2d") for p in places))
    with pytest.raises(RewriteRefused, match=says) as raised:
        rewrite_file(source, edits)
    assert "\n" not in str(raised.value)
