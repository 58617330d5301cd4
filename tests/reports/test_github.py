"""GitHub annotations: workflow commands that a hostile name cannot leave."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bn2gn_codemod.plan import Finding, Place, Plan
from bn2gn_codemod.reports import github
from tests.conftest import MakeRepository, Run
from tests.reports.plans import PLAN, surveyed

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")
MODEL = """\
import torchvision
from torch import nn


class Net(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = nn.BatchNorm2d(c)
"""


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)


def read(line: str) -> tuple[str, dict[str, str], str]:
    """Command, properties and message, as GitHub's runner reads a line."""
    match = COMMAND.fullmatch(line)
    assert match is not None, line
    kind, properties, message = match.groups()
    pairs = (pair.split("=", 1) for pair in properties.split(","))
    return kind, {key: unescaped(value) for key, value in pairs}, unescaped(message)


def unescaped(text: str) -> str:
    for code, character in (("3A", ":"), ("2C", ","), ("0D", "\r"), ("0A", "\n"), ("25", "%")):
        text = text.replace(f"%{code}", character)
    return text


def annotated(capsys: pytest.CaptureFixture[str], plan: Plan) -> list[str]:
    github.check(surveyed(plan), plan)
    return capsys.readouterr().out.split("\n")


def test_one_line_for_each_finding_and_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    *lines, summary, end = annotated(capsys, PLAN)
    assert end == ""
    assert lines[0] == (
        "::warning file=lib/models/blocks.py,line=7,col=20,title=BN102::"
        "ConvBN.bn serves backbone and new layers"
    )
    kinds = [(kind, found.get("title")) for kind, found, _ in map(read, lines)]
    assert kinds == [
        ("warning", "BN102"),
        ("warning", "BN103"),
        ("error", "BN101"),
        ("warning", "BN106"),
        ("error", "BN101"),
        ("error", "BN201"),
        ("warning", "bn2gn"),
    ]
    assert read(lines[2])[2].endswith("[fixable with bn2gn migrate]")
    assert lines[-1] == ("::warning file=lib/old.py,title=bn2gn::skipped: line 3: invalid syntax")
    assert summary == (
        "6 layers: 2 convert, 2 keep, 1 conflict, 1 unknown; "
        "6 findings, 2 fixable with bn2gn migrate; 1 file skipped"
    )


HOSTILE = st.text(st.sampled_from("a%:,=\n\r\u2028::é模%0A]"), min_size=1).map(
    lambda name: f"{name}.py"
)


@given(name=HOSTILE, message=st.text())
def test_nothing_escapes_its_annotation(name: str, message: str) -> None:
    plan = Plan("/r", findings=(Finding("BN101", Place(name, 3, 5), message),))
    with contextlib.redirect_stdout(io.StringIO()) as out:
        github.check(surveyed(plan), plan)
    command, _, end = out.getvalue().split("\n")
    assert end == ""
    assert "\r" not in command
    kind, properties, shown = read(command)
    assert (kind, shown) == ("error", message)
    assert properties == {"file": name, "line": "3", "col": "5", "title": "BN101"}


@pytest.mark.parametrize("is_a_checkout", [True, False])
def test_paths_are_relative_to_the_top_of_the_repository(
    repository: MakeRepository, run: Run, monkeypatch: pytest.MonkeyPatch, is_a_checkout: bool
) -> None:
    root = repository({"sub/lib/net.py": MODEL})
    if is_a_checkout:
        subprocess.run(["git", "init", "-q", root], check=True)
    else:
        monkeypatch.setenv("GITHUB_WORKSPACE", str(root))
    monkeypatch.chdir(root / "sub")
    code, out, _ = run("check", "--output-format", "github")
    assert code == 1
    assert out.startswith("::error file=sub/lib/net.py,line=9,col=21,title=BN101::")


def test_a_skipped_file_is_an_annotation_and_no_line_on_stderr(
    repository: MakeRepository, run: Run
) -> None:
    root = repository({"old\n::error::gotcha.py": "print 'x'\n", "net.py": "x = 1\n"})
    code, out, err = run("check", root, "--output-format", "github")
    assert (code, err) == (1, "")
    kind, properties, message = read(out.splitlines()[0])
    assert (kind, properties["file"]) == ("warning", "old\n::error::gotcha.py")
    assert message.startswith("skipped: does not parse (line 1)")
    assert out.splitlines()[1:] == ["no norm layers; no findings; 1 file skipped"]


def test_nothing_found_is_one_line(repository: MakeRepository, run: Run) -> None:
    root = repository({"net.py": "x = 1\n"})
    arguments = ("check", root, "--output-format", "github")
    assert run(*arguments) == (0, "no norm layers; no findings\n", "")


STAGE2 = Path(__file__).parents[2] / "fixtures" / "stage2"


def test_audit_annotates_places_of_the_config(run: Run) -> None:
    config = "configs/llvip/stage2_kaist_domain_ft.py"
    arguments = ("--python", "/bin/false", "--output-format", "github")
    code, out, _ = run("audit", STAGE2 / config, *arguments)
    assert code == 1
    *lines, summary = out.splitlines()
    found = [read(line) for line in lines]
    top = "fixtures/stage2/"
    titles = {p["title"]: (kind, p["file"], p.get("line")) for kind, p, _ in found}
    assert titles["BN301"] == ("error", top + config, "18")
    assert titles["bn2gn audit"] == ("error", top + config, None)
    cause = next(message for _, p, message in found if p["title"] == "BN301")
    assert "\ncause: " in cause
    assert "\n+        frozen_stages=4," in cause
    assert re.fullmatch(r"audit: \d+ findings \(\d+ serious, \d+ warning, \d+ advice\)", summary)
