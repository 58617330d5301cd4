"""``python -m libcst.tool codemod`` with our commands: the same bytes as ``bn2gn migrate``."""

from __future__ import annotations

import codecs
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MakeRepository
from tests.migrating import migrate

SAMPLE = Path(__file__).parents[2] / "fixtures" / "satmot"
DETECTOR = """\
import torchvision
from torch import nn
from neck import Neck


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = Neck(512)
"""
NECK = """\
from torch import nn


class Neck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
"""
REPOSITORY = {"model.py": DETECTOR, "neck.py": NECK, "plain.py": "x = 1\n"}


def codemod(
    command: str, *arguments: object, folder: Path, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the tool as its users do, with nothing configured."""
    tool = [sys.executable, "-m", "libcst.tool", "codemod", "-x"]
    words = [f"bn2gn_codemod.codemods.{command}", *map(str, arguments), "--hide-progress"]
    return subprocess.run(
        [*tool, *words], cwd=folder, input=given, capture_output=True, text=True, check=False
    )


def contents(root: Path) -> dict[str, bytes]:
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*.py")}
    return {name: path.read_bytes() for name, path in found.items()}


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, bytes]:
    """The sample's files as ``bn2gn migrate`` leaves them."""
    copy = shutil.copytree(SAMPLE, tmp_path / "expected")
    assert migrate(copy).refused == ()
    return contents(copy)


def test_sample_in_worker_processes(tmp_path: Path, expected: dict[str, bytes]) -> None:
    copy = shutil.copytree(SAMPLE, tmp_path / "copy")
    done = codemod("MigrateCommand", "copy", "--no-format", "--jobs", 2, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert contents(copy) == expected
    assert "Transformed 6 files successfully." in done.stderr
    assert "WARNING: line 245: BN106 16 channels get 16 groups of one channel each" in done.stderr

    again = codemod("MigrateCommand", ".", "--no-format", folder=copy)
    assert contents(copy) == expected
    assert "Transformed 0 files successfully." in again.stderr
    assert "Failed to codemod 0 files." in again.stderr


def test_sample_part_by_part(tmp_path: Path, expected: dict[str, bytes]) -> None:
    copy = shutil.copytree(SAMPLE, tmp_path / "copy")
    for command in ("GroupNormCommand", "InitLoopsCommand", "FreezeBackboneCommand"):
        assert contents(copy) != expected
        codemod(command, copy, "--no-format", "--jobs", 1, folder=tmp_path)
    assert contents(copy) == expected


def test_one_file_is_judged_by_its_repository(repository: MakeRepository) -> None:
    root = repository({**REPOSITORY, "pyproject.toml": ""})
    done = codemod("GroupNormCommand", root / "neck.py", "--no-format", "-u", "1", folder=Path("/"))
    assert "+        self.bn = get_group_norm(channels)" in done.stdout.splitlines()
    assert contents(root)["neck.py"] == NECK.encode()
    codemod("GroupNormCommand", root / "neck.py", "--no-format", folder=Path("/"))
    assert b"get_group_norm(channels)" in contents(root)["neck.py"]


def test_repo_root_of_the_tools_configuration(repository: MakeRepository) -> None:
    files = {f"lib/{path}": text for path, text in REPOSITORY.items()}
    root = repository({**files, "lib/pyproject.toml": "", "setup.py": "", "exp/x.py": ""})
    (root / ".libcst.codemod.yaml").write_text("repo_root: '.'\n")
    (root / "pyproject.toml").write_text("[tool.bn2gn]\nbackbone = ['Neck']\n")
    done = codemod("GroupNormCommand", "neck.py", "--no-format", folder=root / "lib")
    assert "neck.py: nothing to do" in done.stderr


def test_settings_are_options(repository: MakeRepository) -> None:
    root = repository(REPOSITORY)
    (root / "pyproject.toml").write_text("[tool.bn2gn]\ngroups = 8\nmin-channels-per-group = 2\n")
    wrong = codemod("GroupNormCommand", ".", "--groups", "none", folder=root)
    assert wrong.stderr.splitlines()[-1].endswith(
        "argument --groups: wants a whole number of 1 or more, not 'none'"
    )
    (expected,) = migrate(root, dry_run=True, groups=16).changes
    codemod("GroupNormCommand", ".", "--groups", 16, "--no-format", folder=root)
    assert contents(root)["neck.py"] == expected.after
    assert b"num_groups=16" in expected.after


def test_wrong_settings_are_one_line(repository: MakeRepository) -> None:
    root = repository({**REPOSITORY, "pyproject.toml": "[tool.bn2gn]\ngruops = 8\n"})
    done = codemod("GroupNormCommand", ".", "--no-format", folder=root)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"bn2gn: {root}/pyproject.toml:2: unknown setting 'gruops'; did you mean 'groups'?"
    )


def test_text_from_stdin_is_refused(tmp_path: Path) -> None:
    done = codemod("GroupNormCommand", "-", "--no-format", folder=tmp_path, given=NECK)
    assert (done.returncode, done.stdout) == (1, "")
    assert "WARNING: a text alone cannot be judged: name a file in its repository" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_formatter_nothing_is_written(repository: MakeRepository) -> None:
    """LibCST's own behaviour, which the documentation speaks of."""
    root = repository(REPOSITORY)
    (root / ".libcst.codemod.yaml").write_text("formatter: ['no-such-formatter', '-']\n")
    done = codemod("GroupNormCommand", ".", folder=root)
    assert (done.returncode, "no-such-formatter" in done.stderr) == (1, True)
    assert contents(root)["neck.py"] == NECK.encode()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(codecs.BOM_UTF8 + NECK.encode(), id="byte order mark"),
        pytest.param(NECK.replace("\n", "\r\n").encode(), id="crlf"),
        pytest.param(f"# coding: latin-1\n# \xe9\n{NECK}".encode("latin-1"), id="latin-1"),
        pytest.param(f"{NECK}        # end".encode(), id="no newline at the end"),
    ],
)
def test_bytes_are_those_of_migrate(repository: MakeRepository, data: bytes) -> None:
    root = repository({**REPOSITORY, "a.py": ""})
    (root / "neck.py").write_bytes(data)
    expected = {change.path: change.after for change in migrate(root, dry_run=True).changes}
    codemod("GroupNormCommand", "neck.py", "model.py", "--no-format", folder=root)
    assert {"neck.py": contents(root)["neck.py"]} == expected
