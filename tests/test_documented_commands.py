"""Every command line in the documentation is run, as it stands there.

A command that is new in a document has to be written down here, too, with where
it runs and what it says: one that is not fails the test.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bn2gn_codemod import cli

CHECKOUT = Path(__file__).parents[1]
DOCUMENTS = (
    *sorted(CHECKOUT.glob("*.md")),
    *sorted((CHECKOUT / "docs").glob("*.md")),
)
# What makes a piece of code in a sentence a command.
PROGRAM = re.compile(r"(bn2gn|make|pip|python3?|git|pre-commit|pytest|ruff|mypy)(\s|$)|[._]\S+\s")

VERIFY = '--model lib.models.stNet:get_det_net --args \'[{"hm": 1, "wh": 2}, "DLADCN"]\''
CODEMOD = "bn2gn_codemod.codemods.MigrateCommand"
CONFIG = "configs/llvip/stage2_kaist_domain_ft.py"


@dataclasses.dataclass(frozen=True)
class Run:
    """Where a command runs, how it ends, and a part of what it says."""

    place: str
    says: str
    code: int = 0
    stand_in: str = ""  # for a command that would take minutes, or has placeholders


RUNS = {
    # ------------------------------------------------------- the job itself
    "bn2gn migrate --diff": Run("sample", "+++ b/train.py\n"),
    "bn2gn migrate --diff | git apply": Run("sample", ""),
    "bn2gn migrate --diff --report review.html": Run(
        "sample",
        "<!doctype html>",
        stand_in="bn2gn migrate --diff --report review.html; head -1 review.html",
    ),
    "git diff": Run("migrated", "+            get_group_norm("),
    "git add": Run("sample", "", stand_in="git add train.py"),
    "bn2gn check --explain FILE:LINE": Run(
        "sample",
        "DeformConv.actf: convert\n",
        stand_in="bn2gn check --explain lib/models/dladcn_gru.py:143",
    ),
    "bn2gn check --explain lib/models/dladcn_gru.py:143": Run("sample", "actf: convert\n"),
    # --------------------------------------------------------------- as a gate
    "pre-commit install": Run("sample", "pre-commit installed at"),
    "pre-commit run --all-files": Run(
        "sample",
        "",  # with the hooks that the README shows: test_pre_commit.py
        stand_in="echo 'repos: []' > .pre-commit-config.yaml; git add --all;"
        "pre-commit run --all-files",
    ),
    "bn2gn check --output-format github": Run("sample", "::error file=lib/", code=1),
    "bn2gn check --output-format sarif > bn2gn.sarif": Run("sample", "", code=1),
    "bn2gn check --output-format json": Run("sample", '"version": 1', code=1),
    "bn2gn check --write-baseline bn2gn-baseline.json": Run("sample", "25 findings"),
    "bn2gn check --baseline bn2gn-baseline.json": Run(
        "sample",
        "no new findings, 25 known",
        stand_in="bn2gn check --write-baseline bn2gn-baseline.json;"
        "bn2gn check --baseline bn2gn-baseline.json",
    ),
    # ------------------------------------------------------------------- proof
    f"bn2gn verify {VERIFY} --input 1,2,3,64,64": Run("migrated", "9 checks, all passed"),
    "bn2gn verify --run -- python train.py --batch_size 1": Run("migrated", "none ran in train"),
    "bn2gn verify --run": Run("small", "wants a command", code=2),
    "bn2gn migrate --verify": Run("small", "changed 2 files"),
    f"bn2gn audit {CONFIG} --report audit.md": Run("stage2", "Serious problems (3)", code=1),
    "bn2gn checkpoint old.pth new.pth": Run(
        "small",
        "new.pth",
        stand_in="python save.py; bn2gn migrate; bn2gn checkpoint old.pth new.pth",
    ),
    "bn2gn checkpoint OLD NEW": Run(
        "small", "old.pth: no such", 2, "bn2gn checkpoint old.pth n.pth"
    ),
    # ----------------------------------------------------------- other doorways
    'eval "$(_BN2GN_COMPLETE=bash_source bn2gn)"': Run("sample", ""),
    f"python -m libcst.tool codemod -x --no-format {CODEMOD} .": Run(
        "sample", "Transformed 6 files successfully"
    ),
    "pip install .": Run(
        "checkout", "Would install bn2gn", stand_in="python -m pip install --dry-run --no-deps ."
    ),
}
SMALL = {
    "net.py": """\
from torch import nn
from torch.utils import model_zoo


class Backbone(nn.Module):
    def __init__(self, pretrained):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)
        if pretrained:
            self.load_state_dict(model_zoo.load_url("http://localhost:9/backbone.pth"))

    def forward(self, x):
        return self.bn1(self.conv1(x))


class Detector(nn.Module):
    def __init__(self, pretrained):
        super().__init__()
        self.backbone = Backbone(pretrained)
        self.neck = nn.Sequential(nn.Conv2d(8, 64, 1), nn.BatchNorm2d(64))

    def forward(self, x):
        return self.neck(self.backbone(x))


def build(pretrained=True):
    return Detector(pretrained)
""",
    "train.py": """\
import torch

from net import build


def main():
    model = build()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        model.train()
        optimizer.zero_grad()
        model(torch.randn(1, 3, 32, 32)).sum().backward()
        optimizer.step()


if __name__ == "__main__":
    main()
""",
    "save.py": """\
import torch

from net import build

torch.save(build(pretrained=False).state_dict(), "old.pth")
""",
    "pyproject.toml": '[[tool.bn2gn.verify]]\nmodel = "net:build"\ninput = "1,3,32,32"\n',
}


def documented(text: str) -> Iterator[str]:
    """The command lines of a document: lines of shell blocks, and code in sentences."""
    for block in re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from (re.sub(r"\s+# .*", "", line) for line in block.splitlines() if line)
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose):
        words = " ".join(span.split())
        if PROGRAM.match(words) and " " in words:
            yield words


def commands() -> list[str]:
    found = (command for path in DOCUMENTS for command in documented(path.read_text("utf-8")))
    return sorted(set(found))


@pytest.fixture
def place(tmp_path: Path) -> Callable[[str], Path]:
    """A repository of the given kind, committed before anything is done to it."""

    def made(kind: str) -> Path:
        if kind == "checkout":
            return CHECKOUT
        root = tmp_path / kind
        if kind == "small":
            root.mkdir()
            for name, text in SMALL.items():
                (root / name).write_text(text)
        else:
            source = CHECKOUT / "fixtures" / ("stage2" if kind == "stage2" else "satmot")
            shutil.copytree(source, root, ignore=shutil.ignore_patterns("__pycache__", "exp"))
        commit = "git init -q && git add -A && git commit -q -m before"
        assert run(commit, root) == (0, "")
        if kind == "migrated":
            assert run("bn2gn migrate", root)[0] == 0
        return root

    return made


def run(command: str, root: Path) -> tuple[int, str]:
    """What bash makes of it, with this interpreter's commands in front."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    if root != CHECKOUT:
        env["http_proxy"] = "http://localhost:9"  # no weights are downloaded
    for who in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{who}_NAME": "user", f"GIT_{who}_EMAIL": "user@example.org"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=root,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def kind_of(command: str) -> str:
    """How a command is tested that needs no entry of its own, else an empty word."""
    words = shlex.split(command)
    if words[0] == "make":
        return "make"
    if words[0] == "bn2gn" and len(words) == 2:
        return "name"
    return ""


@pytest.mark.parametrize("command", commands())
def test_command(command: str, place: Callable[[str], Path]) -> None:
    match kind_of(command):
        case "make":  # `make test` would run this very test
            code, shown = run(f"{command} --dry-run", CHECKOUT)
            assert code == 0, shown
            assert shown
        case "name":
            name = command.split()[1]
            assert name in ("--help", "--version") or name in cli.bn2gn.commands
        case _:
            assert command in RUNS, "a new command: say here how it is run"
            wanted = RUNS[command]
            code, shown = run(wanted.stand_in or command, place(wanted.place))
            assert code == wanted.code, shown
            assert wanted.says in shown


def test_no_run_without_a_document() -> None:
    assert set(RUNS) <= set(commands())


def test_output_is_shown_only_where_it_is_compared() -> None:
    """By test_readme.py and test_library_pages.py; the translation has the README's blocks."""
    shown = [path.name for path in DOCUMENTS if "```console" in path.read_text("utf-8")]
    assert shown == ["README.md", "README.zh-CN.md", "libcst.md"]
