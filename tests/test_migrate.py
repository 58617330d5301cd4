"""``bn2gn migrate`` from end to end, on small repositories."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bn2gn_codemod.rules import all_rules
from tests.conftest import MakeRepository

(BN101,) = (rule for rule in all_rules() if rule.code == "BN101")
MODEL, MIGRATED = BN101.examples[0].before, BN101.examples[0].after
UNDECIDED = """
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
"""


def bn2gn(root: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of ``bn2gn`` in the repository at ``root``."""
    command = [sys.executable, "-m", "bn2gn_codemod", *arguments]
    done = subprocess.run(command, cwd=root, capture_output=True)
    return done.returncode, done.stdout.decode("latin-1"), done.stderr.decode()


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and modification time of every file."""
    files = (file for file in root.rglob("*") if file.is_file())
    return {
        file.relative_to(root).as_posix(): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in files
    }


def test_the_documentation_shows_what_it_writes(repository: MakeRepository) -> None:
    root = repository({"model.py": MODEL})
    code, out, err = bn2gn(root, "migrate")
    assert (code, err) == (0, "")
    assert (root / "model.py").read_text() == MIGRATED
    assert out == "model.py: 1 norm to GroupNorm, helper added\n\nchanged 1 file\n"


def test_second_run_finds_and_changes_nothing(repository: MakeRepository) -> None:
    root = repository({"model.py": MODEL})
    bn2gn(root, "migrate")
    before = snapshot(root)
    assert bn2gn(root, "check")[0] == 0
    assert bn2gn(root, "migrate") == (0, "nothing to change\n", "")
    assert bn2gn(root, "migrate", "--diff") == (0, "", "")
    assert snapshot(root) == before


# Parts under keys that are not known: of some, all norm layers are GroupNorm after the first run.
PARTS = """
import torch
from torch import nn
from torch.utils import model_zoo


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(8)
        self.load_state_dict(model_zoo.load_url("https://example.org/resnet.pth"))


class Unit(nn.Module):
    def __init__(self):
        super().__init__()
        self.low = Encoder()
        self.head = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))


class Model(nn.Module):
    def __init__(self, names):
        super().__init__()
        models = {}
        models["encoder"] = Encoder()
        for name in names:
            models[name] = Unit()
        self.models = nn.ModuleDict(models)
"""
PARTS_TRAINED = """
import torch
from model import Model


def main(loader):
    net = Model(["a"])
    optimizer = torch.optim.Adam(net.parameters())
    for epoch in range(3):
        net.train()
        for x in loader:
            net(x)
"""


def test_what_became_group_norm_is_no_backbone_in_the_second_run(
    repository: MakeRepository,
) -> None:
    root = repository({"model.py": PARTS, "train.py": PARTS_TRAINED})
    assert "model.py: 1 norm to GroupNorm" in bn2gn(root, "migrate")[1]
    assert "get_group_norm(8)" in (root / "model.py").read_text()
    before = snapshot(root)
    assert "nothing to change" in bn2gn(root, "migrate")[1]
    assert snapshot(root) == before


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(MODEL.encode(), id="plain"),
        pytest.param(MODEL.replace("    ", "\t").replace("\n", "\r\n").encode(), id="tabs, crlf"),
        pytest.param(MODEL.strip().encode(), id="no final newline"),
        pytest.param(b"\xef\xbb\xbf" + MODEL.encode(), id="byte order mark"),
        pytest.param(b"# -*- coding: latin-1 -*-\n# caf\xe9" + MODEL.encode(), id="latin-1"),
    ],
)
@pytest.mark.parametrize("shared", [[], ["--shared-module", "lib/norm.py"]])
def test_git_apply_of_the_diff_is_the_migration(
    repository: MakeRepository, tmp_path: Path, model: bytes, shared: list[str]
) -> None:
    root = repository({"model.py": ""})
    (root / "model.py").write_bytes(model)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    before = snapshot(root)
    code, diff, _ = bn2gn(root, "migrate", "--diff", *shared)
    assert code == 0
    assert snapshot(root) == before
    apply = ["git", "apply", "--whitespace=nowarn"]
    subprocess.run(apply, cwd=root, input=diff.encode("latin-1"), check=True)
    applied = {path: data for path, (data, _) in snapshot(root).items() if path.endswith(".py")}
    (root / "model.py").write_bytes(model)
    (root / "lib/norm.py").unlink(missing_ok=True)
    assert bn2gn(root, "migrate", *shared)[0] == 0
    written = {path: data for path, (data, _) in snapshot(root).items() if path.endswith(".py")}
    assert applied == written
    assert written["model.py"] != model


def test_only_the_named_files_are_rewritten(repository: MakeRepository) -> None:
    root = repository({"pyproject.toml": "", "model.py": MODEL, "other.py": MODEL})
    assert bn2gn(root, "migrate", "other.py")[0] == 0
    assert (root / "model.py").read_text() == MODEL
    assert (root / "other.py").read_text() == MIGRATED


def test_broken_file_stops_no_other_and_exits_1(repository: MakeRepository) -> None:
    root = repository({"model.py": MODEL, "broken.py": "def f(:\n"})
    code, out, err = bn2gn(root, "migrate")
    assert code == 1
    assert err.startswith("bn2gn: skipped broken.py: ")
    assert err.count("\n") == 1
    assert out.endswith("changed 1 file; 1 file skipped\n")
    assert (root / "model.py").read_text() == MIGRATED


def test_read_only_file_is_left_and_exits_1(repository: MakeRepository) -> None:
    root = repository({"model.py": MODEL})
    os.chmod(root / "model.py", stat.S_IRUSR)
    code, out, err = bn2gn(root, "migrate")
    assert code == 1
    assert err.startswith("bn2gn: skipped model.py: is read-only")
    assert out == "nothing to change; 1 file refused\n"
    assert (root / "model.py").read_text() == MODEL


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--strict"], 1)])
def test_strict_fails_while_a_layer_is_undecided(
    repository: MakeRepository, arguments: list[str], code: int
) -> None:
    root = repository({"blocks.py": UNDECIDED})
    assert bn2gn(root, "migrate", *arguments)[0] == code
    assert (root / "blocks.py").read_text() == UNDECIDED


@pytest.mark.parametrize(("diff", "written"), [([], True), (["--diff"], False)])
def test_json(repository: MakeRepository, diff: list[str], written: bool) -> None:
    root = repository({"model.py": MODEL, "blocks.py": UNDECIDED})
    code, out, err = bn2gn(root, "migrate", "--output-format", "json", *diff)
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["written"] is written
    assert document["changed"] == ["model.py"]
    assert [finding["code"] for finding in document["left"]] == ["BN103"]
    assert ((root / "model.py").read_text() == MIGRATED) is written


def test_nothing_of_the_repository_is_run(repository: MakeRepository) -> None:
    trap = "raise SystemExit('this was imported')\n"
    root = repository(
        {"model.py": trap + MODEL, "torch.py": trap, "sitecustomize.py": "", "libcst.py": trap}
    )
    # Started elsewhere: Python itself puts the current directory on the path of ``-m``.
    code, _, err = bn2gn(root.parent, "migrate", str(root))
    assert (code, err) == (0, "")
    assert "get_group_norm" in (root / "model.py").read_text()


def test_says_once_what_it_changes_without_mending(repository: MakeRepository) -> None:
    """A check afterwards does not: the layer calls the helper by then."""
    (rule,) = (rule for rule in all_rules() if rule.code == "BN106")
    root = repository({"model.py": rule.examples[0].before})
    code, out, err = bn2gn(root, "migrate")
    assert (code, err) == (0, "")
    assert "model.py:10:21: BN106 16 channels get 16 groups" in out
    assert out.endswith("\n\nchanged 1 file\n")
    assert bn2gn(root, "check")[0] == 0
