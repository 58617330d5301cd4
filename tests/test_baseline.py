"""``check --baseline``: what is known is left out, what is new is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import MakeRepository, Run
from tests.test_fingerprints import MODEL

BROKEN = "def broken(:\n"
ONE_MORE = MODEL.replace(
    "        self.twice", "        self.bn2 = nn.BatchNorm2d(channels)\n        self.twice"
)


@pytest.fixture
def root(repository: MakeRepository) -> Path:
    return repository({"pyproject.toml": "", "net.py": MODEL})


@pytest.fixture
def baseline(root: Path, run: Run) -> Path:
    """A baseline of the repository."""
    file = root / "baseline.json"
    assert run("check", root, "--write-baseline", file) == (
        0,
        "",
        f"bn2gn: wrote {file}: 4 findings\n",
    )
    return file


def test_nothing_new_is_exit_0(root: Path, run: Run, baseline: Path) -> None:
    code, out, err = run("check", root, "--baseline", baseline)
    assert (code, err) == (0, "")
    assert out == "4 layers: 4 convert, 0 keep, 0 conflict, 0 unknown; no new findings, 4 known\n"


def test_only_what_is_new_is_reported(root: Path, run: Run, baseline: Path) -> None:
    (root / "net.py").write_text("# moved\n" + ONE_MORE)
    code, out, err = run("check", root, "--baseline", baseline)
    assert (code, err) == (1, "")
    rows = [line.split() for line in out.splitlines() if "BN101" in line]
    assert [row[:3] for row in rows] == [["10", "Neck", "bn2"]]
    assert out.splitlines()[-1].endswith("1 new finding, 1 fixable with bn2gn migrate, 4 known")


@pytest.mark.parametrize("output_format", ["json", "sarif", "github"])
def test_programs_get_only_what_is_new(
    root: Path, run: Run, baseline: Path, output_format: str
) -> None:
    (root / "net.py").write_text(ONE_MORE)
    code, out, _ = run("check", root, "--baseline", baseline, "--output-format", output_format)
    assert code == 1
    if output_format == "json":
        assert [found["line"] for found in json.loads(out)["findings"]] == [9]
    elif output_format == "sarif":
        (result,) = json.loads(out)["runs"][0]["results"]
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 9
    else:
        assert [line[:12] for line in out.splitlines()] == ["::error file", "5 layers: 5 "]


def test_a_json_report_is_a_baseline(root: Path, run: Run, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text(run("check", root, "--output-format", "json")[1])
    assert run("check", root, "--baseline", report)[0] == 0


def test_entries_that_are_gone_are_counted(root: Path, run: Run, baseline: Path) -> None:
    (root / "net.py").write_text(MODEL.replace("            nn.BatchNorm2d(channels),\n", ""))
    code, _, err = run("check", root, "--baseline", baseline)
    assert code == 0
    assert err == (f"bn2gn: {baseline}: 2 entries gone; --write-baseline {baseline} drops them\n")
    run("check", root, "--write-baseline", baseline)
    assert run("check", root, "--baseline", baseline)[2] == ""


def test_with_files_named_only_their_entries_count(root: Path, run: Run, baseline: Path) -> None:
    (root / "new.py").write_text("x = 1\n")
    assert run("check", root / "new.py", "--baseline", baseline)[::2] == (0, "")


def test_a_file_that_was_broken_already_is_not_new(root: Path, run: Run) -> None:
    (root / "old.py").write_text(BROKEN)
    file = root / "baseline.json"
    run("check", root, "--write-baseline", file)
    assert run("check", root, "--baseline", file)[::2] == (0, "")
    (root / "worse.py").write_text(BROKEN)
    code, _, err = run("check", root, "--baseline", file)
    assert code == 1
    assert err.startswith("bn2gn: skipped worse.py: ")


def test_findings_of_a_file_that_broke_are_not_gone(root: Path, run: Run, baseline: Path) -> None:
    (root / "net.py").write_text(BROKEN)
    code, _, err = run("check", root, "--baseline", baseline)
    assert code == 1
    assert err.startswith("bn2gn: skipped net.py: ")
    assert err.count("\n") == 1


def test_a_baseline_does_not_name_lines(root: Path, baseline: Path) -> None:
    document = json.loads(baseline.read_text())
    assert document["version"] == 1
    assert {key for entry in document["findings"] for key in entry} == {
        "code",
        "path",
        "fingerprint",
    }


def test_writing_it_again_changes_nothing(root: Path, run: Run, baseline: Path) -> None:
    before = baseline.read_bytes()
    (root / "net.py").write_text("# a line more\n" + MODEL)
    run("check", root, "--write-baseline", baseline)
    assert baseline.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "line 1: not JSON: Expecting property name enclosed in double quotes"),
        ('{\n"findings": [,]}', "line 2: not JSON: Expecting value"),
        ("[]", 'not a baseline: it has no "findings"'),
        ("[" * 100_000, "not JSON"),
        ('{"version": "2.1.0", "runs": []}', 'not a baseline: it has no "findings"'),
        ('{"version": 2, "findings": []}', 'not a baseline: its "version" is 2, not 1'),
        ('{"version": 1, "findings": {}}', 'not a baseline: its "findings" are no list'),
        (
            '{"version": 1, "findings": [{}]}',
            'not a baseline: entry 0 of its "findings" has no "fi',
        ),
        (
            '{"version": 1, "findings": [], "skipped": [3]}',
            'not a baseline: entry 0 of its "skippe',
        ),
        (b"\xff\xfe\xff", "not JSON"),
    ],
)
def test_what_is_no_baseline_is_one_line_and_exit_2(
    root: Path, run: Run, tmp_path: Path, content: str | bytes, message: str
) -> None:
    file = tmp_path / "baseline.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    code, out, err = run("check", root, "--baseline", file)
    assert (code, out) == (2, "")
    assert err.startswith(f"bn2gn: --baseline {file}: {message}")
    assert err.endswith(f"; write it anew with bn2gn check --write-baseline {file}\n")
    assert err.count("\n") == 1


def test_a_missing_baseline_is_one_line_and_exit_2(root: Path, run: Run) -> None:
    code, out, err = run("check", root, "--baseline", "no.json")
    assert (code, out) == (2, "")
    expected = "no such file; write it with bn2gn check --write-baseline no.json"
    assert err == f"bn2gn: --baseline no.json: {expected}\n"


@pytest.mark.parametrize("option", ["--baseline", "--write-baseline"])
def test_a_directory_is_no_baseline(root: Path, run: Run, option: str) -> None:
    code, _, err = run("check", root, option, root)
    assert code == 2
    assert err.startswith(f"bn2gn: {option} {root}: cannot be ")
    assert err.count("\n") == 1


def test_a_baseline_in_a_folder_that_is_not_there(root: Path, run: Run) -> None:
    code, _, err = run("check", root, "--write-baseline", root / "no" / "baseline.json")
    assert code == 2
    assert err.startswith(f"bn2gn: --write-baseline {root}/no/baseline.json: cannot be written: ")


def test_explain_has_no_form_for_code_scanning(root: Path, run: Run) -> None:
    code, _, err = run("check", root, "--explain", "net.py:8", "--output-format", "sarif")
    assert code == 2
    assert err.startswith("bn2gn: --explain has no format sarif: use text or json")


def test_strict_fails_while_a_known_layer_is_undecided(root: Path, run: Run) -> None:
    (root / "net.py").write_text(
        "from torch import nn\n\n\nclass Part(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.bn = nn.BatchNorm2d(8)\n"
    )
    file = root / "known.json"
    run("check", root, "--write-baseline", file)
    assert run("check", root, "--baseline", file)[0] == 0
    assert run("check", root, "--baseline", file, "--strict")[0] == 1
