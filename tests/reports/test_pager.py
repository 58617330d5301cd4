"""``migrate --diff`` on a terminal: coloured, and paged as git does; elsewhere the very bytes."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bn2gn_codemod.reports.visible import visible
from tests.conftest import MakeRepository
from tests.reports.terminal import environment, on_a_terminal

SHORT = """\
import torchvision
from torch import nn


def get_group_norm(num_channels, num_groups=32, eps=1e-5, affine=True):
    \"\"\"GroupNorm with at most num_groups equal groups.\"\"\"
    num_groups = min(num_groups, num_channels)
    while num_channels % num_groups != 0 and num_groups > 1:
        num_groups -= 1
    return nn.GroupNorm(num_groups, num_channels, eps=eps, affine=affine)


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = nn.Sequential(nn.Conv2d(512, 64, 1), nn.BatchNorm2d(64))  # \x1b[31m
"""
LONG = SHORT + "".join(
    f"""

class Head{number}(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.bn = nn.BatchNorm2d({number})
"""
    for number in range(1, 9)
)
COMMAND = ["-m", "bn2gn_codemod", "migrate", "--diff"]
# What a pager is given, and how: it writes that down and shows a line of its own.
PAGER = "cat > paged; echo [$LESS] > less; echo seen in a pager"


@pytest.fixture
def long(repository: MakeRepository) -> Path:
    return repository({"model.py": LONG})


@pytest.fixture
def short(repository: MakeRepository) -> Path:
    return repository({"model.py": SHORT})


def piped(root: Path) -> bytes:
    done = subprocess.run([sys.executable, *COMMAND], cwd=root, capture_output=True, check=True)
    return done.stdout


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_a_long_diff_goes_through_the_pager_in_colours(long: Path) -> None:
    shown = on_a_terminal(COMMAND, long, environment(PAGER=PAGER))
    assert shown == "seen in a pager\n"
    paged = (long / "paged").read_text()
    assert "\x1b[31m-        self.bn = nn.BatchNorm2d(8)" in paged
    assert "\x1b[32m+        self.bn = get_group_norm(8)" in paged
    assert without_colours(paged) == visible(piped(long).decode())


def test_less_is_set_up_as_git_does_unless_the_user_did(long: Path) -> None:
    on_a_terminal(COMMAND, long, environment(PAGER=PAGER))
    assert (long / "less").read_text() == "[FRX]\n"
    on_a_terminal(COMMAND, long, environment(PAGER=PAGER, LESS="R"))
    assert (long / "less").read_text() == "[R]\n"


def test_pagers_come_in_the_order_of_git(long: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=long, check=True)
    assert on_a_terminal(COMMAND, long, environment(PAGER="echo third")) == "third\n"
    subprocess.run(["git", "config", "core.pager", "echo second"], cwd=long, check=True)
    assert on_a_terminal(COMMAND, long, environment(PAGER="echo third")) == "second\n"
    both = environment(PAGER="echo third", GIT_PAGER="echo first")
    assert on_a_terminal(COMMAND, long, both) == "first\n"


def test_without_git_the_environment_names_the_pager(long: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    alone = environment(PATH=str(empty), PAGER="echo from PAGER")
    assert on_a_terminal(COMMAND, long, alone) == "from PAGER\n"
    less = empty / "less"
    less.write_text("#!/bin/sh\necho from less\n")
    less.chmod(less.stat().st_mode | stat.S_IXUSR)
    assert on_a_terminal(COMMAND, long, environment(PATH=str(empty))) == "from less\n"


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        pytest.param(["--no-pager"], {"PAGER": PAGER}, id="not wanted"),
        pytest.param([], {"PAGER": "cat"}, id="cat is none"),
        pytest.param([], {"GIT_PAGER": ""}, id="empty"),
    ],
)
def test_without_a_pager_all_of_it_is_on_the_terminal(
    long: Path, arguments: list[str], variables: dict[str, str]
) -> None:
    shown = on_a_terminal([*COMMAND, *arguments], long, environment(**variables))
    assert "\x1b[32m+        self.bn = get_group_norm(8)" in shown
    assert without_colours(shown) == visible(piped(long).decode())


def test_a_pager_that_is_not_there_loses_nothing(long: Path) -> None:
    shown = on_a_terminal(COMMAND, long, environment(PAGER="no-such-pager"))
    assert without_colours(shown) == visible(piped(long).decode())


def test_a_pager_that_is_left_early_is_no_failure(long: Path) -> None:
    shown = on_a_terminal(COMMAND, long, environment(PAGER="head -n 1"))
    assert without_colours(shown) == "diff --git a/model.py b/model.py\n"


def test_what_fits_the_screen_is_not_paged(short: Path) -> None:
    shown = on_a_terminal(COMMAND, short, environment(PAGER=PAGER))
    assert "get_group_norm(64)" in shown
    assert not (short / "paged").exists()


def test_no_color_is_respected(short: Path) -> None:
    shown = on_a_terminal(COMMAND, short, environment(NO_COLOR="1"))
    assert "\x1b" not in shown
    assert shown == visible(piped(short).decode())


def test_source_does_not_steer_the_terminal(short: Path) -> None:
    shown = on_a_terminal(COMMAND, short, environment())
    assert "# \\x1b[31m" in shown


def test_a_pipe_gets_the_very_bytes(long: Path) -> None:
    diff = piped(long)
    assert diff.endswith(b"\n")
    assert b"# \x1b[31m\n" in diff
    subprocess.run(["git", "apply"], cwd=long, input=diff, check=True)
    again = subprocess.run([sys.executable, *COMMAND], cwd=long, capture_output=True, check=True)
    assert again.stdout == b""
    assert "nn.BatchNorm2d(" not in (long / "model.py").read_text()
