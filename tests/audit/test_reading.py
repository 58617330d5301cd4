"""What a config says is told without running it, or left open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config as MMEngineConfig

from tests.audit.configs import FIXTURE, UNREAD, plain, read
from tests.conftest import MakeRepository

EXPRESSIONS = [
    pytest.param("x = dict(a=1, b='two')", {"a": 1, "b": "two"}, id="dict_call"),
    pytest.param("x = {'a': [1, (2, None)]}", {"a": [1, [2, None]]}, id="displays"),
    pytest.param("a = dict(b=1)\nx = dict(a, c=2)", {"b": 1, "c": 2}, id="dict_of_a_dict"),
    pytest.param("a = dict(b=1)\nx = {**a, 'b': 3}", {"b": 3}, id="spread"),
    pytest.param("n = 4\nx = f'{n}_{n * 2}'", "4_8", id="f_string"),
    pytest.param("x = -2 * 3 + 0.5", -5.5, id="arithmetic"),
    pytest.param("a = [1]\nx = [*a, 2] + [3]", [1, 2, 3], id="lists_joined"),
    pytest.param("x = dict(a=1)\nx['b'] = 2\nx.update(a=3)", {"a": 3, "b": 2}, id="changed"),
    pytest.param("x = dict(a=1, b=2)\nx.pop('a')", {"b": 2}, id="popped"),
    pytest.param("x = dict(a=1, b=2)\ndel x['a']", {"b": 2}, id="deleted"),
    pytest.param("x = [1]\nx.append(2)", [1, 2], id="appended"),
    pytest.param("a = dict(b=1)\nx = a['b']", 1, id="subscript"),
    pytest.param("from m import Net\nx = dict(type=Net)", {"type": "Net"}, id="type_by_class"),
    pytest.param("x = dict(a=open('f').read())", {"a": UNREAD}, id="a_call_is_not_run"),
    pytest.param("if True:\n    x = 1", UNREAD, id="a_branch_is_not_followed"),
    pytest.param("x = 1\nfor x in range(3):\n    pass", UNREAD, id="a_loop_is_not_followed"),
    pytest.param("x = 1 / 0", UNREAD, id="arithmetic_that_fails"),
]


@pytest.mark.parametrize(("source", "expected"), EXPRESSIONS)
def test_expression(repository: MakeRepository, source: str, expected: Any) -> None:
    root = repository({"configs/c.py": source + "\n"})
    found = read(root, "configs/c.py").resolved.get("x")
    assert found is not None
    assert plain(found) == expected


BASE = "model = dict(type='Net', neck=dict(type='FPN', outs=5), stages=[1, 2])\nlr = 0.1\n"
INHERITING = [
    pytest.param("model = dict(neck=dict(outs=4))", id="dicts_merge"),
    pytest.param("model = dict(stages=[3])", id="lists_replace"),
    pytest.param("model = dict(neck=dict(_delete_=True, type='PAN'))", id="delete"),
    pytest.param("model = _base_.model\nmodel.neck.outs = 3", id="by_name"),
    pytest.param("x = {{_base_.model.neck}}", id="template"),
    pytest.param("x = '{{_base_.lr}}'", id="template_in_text_is_left"),
    pytest.param("x = _base_.model.pop('stages')\ny = [*x, 9]", id="popped_from_the_base"),
]


@pytest.mark.parametrize("leaf", INHERITING)
def test_inheritance_is_mmengines(repository: MakeRepository, leaf: str) -> None:
    root = repository(
        {"configs/base.py": BASE, "configs/c.py": f"_base_ = ['./base.py']\n{leaf}\n"}
    )
    expected = MMEngineConfig.fromfile(root / "configs/c.py").to_dict()
    if "'{{" in leaf:  # MMEngine puts the value in; what is not known is not made up
        expected["x"] = "{{_base_.lr}}"
    assert plain(read(root, "configs/c.py").resolved) == expected


def test_read_base_style_is_mmengines(repository: MakeRepository) -> None:
    leaf = (
        "from mmengine.config import read_base\n\n"
        "with read_base():\n    from .base import *\n\n"
        "model.merge(dict(neck=dict(outs=4)))\nlr = 0.2\n"
    )
    root = repository({"configs/base.py": BASE, "configs/c.py": leaf})
    expected = MMEngineConfig.fromfile(root / "configs/c.py").to_dict()
    assert plain(read(root, "configs/c.py").resolved) == expected


@pytest.mark.parametrize("name", ["stage2_kaist_domain_ft", "stage2_kaist_synthetic"])
def test_sample_is_read_as_mmengine_reads_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FIXTURE)
    path = f"configs/llvip/{name}.py"
    expected = MMEngineConfig.fromfile(path, import_custom_modules=False).to_dict()
    assert plain(read(FIXTURE, path).resolved) == _lists(expected)


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, (list, tuple)) else value


def test_every_entry_knows_its_own_file(repository: MakeRepository) -> None:
    leaf = "_base_ = './base.py'\nmodel = dict(neck=dict(outs=4))\n"
    root = repository({"configs/base.py": BASE, "configs/c.py": leaf})
    resolved = read(root, "configs/c.py").resolved
    places = {
        key: str(entry.at)
        for key in ("outs", "type")
        if (entry := resolved.entry("model", "neck", key))
    }
    assert places == {"outs": "configs/c.py:2:29", "type": "configs/base.py:1:41"}


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"configs/c.py": "_base_ = ['./gone.py']\n"}, "line 1: its base ./gone.py was not found"),
        ({"configs/c.py": "_base_ = name()\n"}, "_base_ is computed; not followed"),
        (
            {"configs/c.py": "_base_ = './c.py'\nx = 1\n"},
            "line 1: its base ./c.py leads back to it",
        ),
    ],
    ids=["missing", "computed", "itself"],
)
def test_base_that_cannot_be_read(
    repository: MakeRepository, files: dict[str, str], problem: str
) -> None:
    (found,) = read(repository(files), "configs/c.py").problems
    assert (found.path, found.message) == ("configs/c.py", problem)


def test_reading_runs_nothing(repository: MakeRepository, tmp_path: Path) -> None:
    trap = tmp_path / "was_run"
    source = f"import os\nos.mkdir({str(trap)!r})\nmodel = dict(type='Net')\n"
    read(repository({"configs/c.py": source}), "configs/c.py")
    assert not trap.exists()
