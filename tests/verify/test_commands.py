"""``bn2gn verify`` and ``bn2gn migrate --verify`` as people call them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Write = Callable[[str, Mapping[str, str]], Path]
Run = Callable[..., subprocess.CompletedProcess[str]]

MODEL = [
    *("--model", "lib.model:get_model", "--args", '[{"hm": 1}]'),
    *("--input", "1,3,32,32", "--timeout", "120"),
]


@pytest.fixture
def bn2gn() -> Run:
    def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bn2gn_codemod", *map(str, arguments)]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True)

    return run


@pytest.fixture
def bn2gn_here(run: Callable[..., tuple[int, str, str]], warm_probes: None) -> Run:
    """The same in this process, and torch is there when the probes start."""

    def here(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(arguments, *run(*arguments))

    return here


def python_files(root: Path) -> dict[str, str]:
    return {p.relative_to(root).as_posix(): p.read_text() for p in root.rglob("*.py")}


def figures(page: Path) -> dict[str, int]:
    """How many layers are what, before and after, by the page of a review."""
    found = re.findall(r'data-(before|after)="(\w+)">(\d+)<', page.read_text(encoding="utf-8"))
    return {f"{side} {state}": int(number) for side, state, number in found if number != "0"}


def test_text(
    bn2gn: Run, original: Mapping[str, str], migrated: Mapping[str, str], write: Write
) -> None:
    before, after = write("before", original), write("after", migrated)
    done = bn2gn("verify", after, "--before", before, *MODEL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "neck: 1 BatchNorm2d -> 1 GroupNorm" in done.stdout
    assert "backbone: 2 BatchNorm2d -> 2 BatchNorm2d" in done.stdout
    assert "backbone.bn1 False / False" in done.stdout
    assert "stood in for: ops.deform (deformable convolution)" in done.stdout
    assert "weights not downloaded: http://localhost:9/backbone-1234.pth" in done.stdout
    assert done.stdout.rstrip().endswith("all passed")


def test_json(
    bn2gn_here: Run, original: Mapping[str, str], migrated: Mapping[str, str], write: Write
) -> None:
    before, after = write("before", original), write("after", migrated)
    page = before.parent / "review.html"
    asked = ("--output-format", "json", "--report", page)
    done = bn2gn_here("verify", after, "--before", before, *MODEL, *asked)
    report: dict[str, Any] = json.loads(done.stdout)
    assert (report["version"], report["passed"], done.returncode) == (1, True, 0)
    (model,) = report["models"]
    assert {"factory", "before", "after", "stubbed", "checks"} <= model.keys()
    assert model["before"]["norms"] == {
        "backbone": {"BatchNorm2d": 2},
        "neck": {"BatchNorm2d": 1},
    }
    assert model["after"]["norms"] == {"backbone": {"BatchNorm2d": 2}, "neck": {"GroupNorm": 1}}
    assert all(check.keys() == {"name", "passed", "detail"} for check in model["checks"])
    assert figures(page) == {"before TRAIN": 3, "after FROZEN": 2, "after GROUP": 1}


def test_migrate_writes_what_was_verified(
    bn2gn: Run, original: Mapping[str, str], write: Write
) -> None:
    root = write("repository", original)
    page = root.parent / "review.html"
    done = bn2gn("migrate", "--verify", root, *MODEL, "--report", page)
    assert done.returncode == 0, done.stdout + done.stderr
    assert figures(page) == {"before TRAIN": 3, "after FROZEN": 2, "after GROUP": 1}
    changed = python_files(root)
    assert "get_group_norm(16)" in changed["lib/model.py"]
    assert "freeze_backbone_bn(" in changed["train.py"]
    assert not list(root.rglob("__pycache__"))


def test_migrate_writes_nothing_when_a_check_fails(
    bn2gn_here: Run, original: Mapping[str, str], write: Write
) -> None:
    # On a 1x1 map sixteen groups of one channel are a dead branch.
    model = original["lib/model.py"].replace(
        "self.bn(self.conv(x))", "self.bn(self.conv(x).mean((2, 3), keepdim=True))"
    )
    root = write("repository", {**original, "lib/model.py": model})
    before = python_files(root)
    done = bn2gn_here("migrate", "--verify", root, *MODEL)
    assert done.returncode == 1
    assert "constant output, one value in each group: neck.bn" in done.stdout
    assert "nothing was written" in done.stderr
    assert python_files(root) == before
    settled = bn2gn_here("migrate", "--verify", root, *MODEL, "--min-channels-per-group", "4")
    assert settled.returncode == 0, settled.stdout + settled.stderr
    assert python_files(root) != before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no/such/directory"], "no/such/directory: no such directory"),
        ([".", "--before", "no-such-ref"], "git"),
        ([".", "--model", "lib"], "of the form package.module:factory"),
        ([".", "--python", "/no/such/python"], "--python /no/such/python: cannot be started"),
        ([".", "--run"], "--run wants a command"),
        ([".", "--", "python", "train.py"], "wants --run before it"),
        ([".", "--run", "--", "/no/such/program"], "/no/such/program: cannot be started"),
        ([".", "--timeout", "0"], "--timeout"),
    ],
)
def test_wrong_usage_is_one_line(
    arguments: list[str], says: str, bn2gn: Run, original: Mapping[str, str], write: Write
) -> None:
    done = bn2gn("verify", *arguments, cwd=write("repository", original))
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert says in line


def test_repository_without_a_model(bn2gn: Run, write: Write) -> None:
    done = bn2gn("verify", write("repository", {"a.py": "import torch\n"}))
    assert done.returncode == 2
    assert "no model could be built without help; name one with --model" in done.stderr
