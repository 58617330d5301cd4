"""Which models are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bn2gn_codemod.problem import Problem
from bn2gn_codemod.verify.models import ModelRequest, from_settings, named

NOTHING: dict[str, Any] = {"factory": None, "args": None, "kwargs": None, "inputs": ()}


def test_command_line() -> None:
    model = {
        "factory": "lib.models.stNet:get_det_net",
        "args": '[{"hm": 1}, "DLADCN"]',
        "kwargs": '{"head_conv": 64}',
        "inputs": ("1,2,3,64,64", "1,4"),
    }
    assert named(model) == (
        ModelRequest(
            "lib.models.stNet:get_det_net",
            ({"hm": 1}, "DLADCN"),
            {"head_conv": 64},
            ((1, 2, 3, 64, 64), (1, 4)),
        ),
    )


@pytest.mark.parametrize(
    ("written", "inputs"),
    [
        ("", ()),
        ('input = "1,3,8,8"', ((1, 3, 8, 8),)),
        ("input = [1, 3, 8, 8]", ((1, 3, 8, 8),)),
        ("input = [[1, 3, 8, 8], [1, 4]]", ((1, 3, 8, 8), (1, 4))),
        ('input = ["1,3,8,8", "1,4"]', ((1, 3, 8, 8), (1, 4))),
    ],
)
def test_settings(written: str, inputs: tuple[tuple[int, ...], ...], tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        f"[[tool.bn2gn.verify]]\nmodel = 'a.b:c'\nargs = [1]\nkwargs = {{x = 2}}\n{written}\n"
        "[[tool.bn2gn.verify]]\nmodel = 'd:e'\n"
    )
    assert from_settings(tmp_path) == (
        ModelRequest("a.b:c", (1,), {"x": 2}, inputs),
        ModelRequest("d:e"),
    )


def test_nothing_asked_for(tmp_path: Path) -> None:
    assert named(NOTHING) == ()
    assert from_settings(tmp_path) == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"factory": "lib.models"}, "of the form package.module:factory, not 'lib.models'"),
        ({"args": "[1"}, "not valid JSON, such as"),
        ({"args": "{}"}, "args has to be a list"),
        ({"kwargs": "[]"}, "kwargs has to be a table"),
        ({"inputs": ("1,x",)}, "input has to be a shape such as 1,3,64,64, not '1,x'"),
        ({"inputs": ("1,0",)}, "input has to be a shape"),
    ],
)
def test_wrong_options(change: dict[str, Any], says: str) -> None:
    with pytest.raises(Problem, match=says):
        named({**NOTHING, "factory": "a:b", **change})


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("[tool.bn2gn.verify]\nmodel = 'a:b'\n", ":1: tool.bn2gn.verify: has to be a list"),
        ("[tool.bn2gn]\nverify = 3\n", ":2: tool.bn2gn.verify: has to be a list of tables"),
        (
            "[[tool.bn2gn.verify]]\nargs = []\n",
            ":1: .*: model has to be of the form",
        ),
        ("[[tool.bn2gn.verify]]\nmodle = 'a:b'\n", ":2: .* modle: unknown; did you mean 'model'?"),
        ("[[tool.bn2gn.verify]]\nmodel = 'a:b'\nshape = []\n", "shape: unknown; known are model"),
        (
            "[[tool.bn2gn.verify]]\nmodel = 'a:b'\n[[tool.bn2gn.verify]]\nmodel = 3\n",
            ":4: .* not 3",
        ),
        ("[[tool.bn2gn.verify]]\nmodel = 'a:b'\ncheckpoint = 'x.pth'\n", "x.pth: no such file"),
    ],
)
def test_wrong_settings(table: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(table)
    with pytest.raises(Problem, match=says):
        from_settings(tmp_path)


def test_checkpoint_wants_a_model(tmp_path: Path) -> None:
    (tmp_path / "old.pth").write_bytes(b"x")
    with pytest.raises(Problem, match="with --model"):
        named(NOTHING, tmp_path / "old.pth")
    found = named({**NOTHING, "factory": "a:b"}, tmp_path / "old.pth")
    assert found == (ModelRequest("a:b", checkpoint=str(tmp_path / "old.pth")),)
