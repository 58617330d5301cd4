"""``--report``: where a report may be written, when that is found out, and how it is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bn2gn_codemod.problem import Problem
from bn2gn_codemod.reports import report_file
from tests.conftest import MakeRepository, Run
from tests.reports.review.test_trees import MODEL, TRAIN


@pytest.fixture
def root(repository: MakeRepository) -> Path:
    return repository({"model.py": MODEL, "train.py": TRAIN})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "review.html"


def test_check_writes_a_page_beside_what_it_says(root: Path, file: Path, run: Run) -> None:
    plain = run("check", root)
    assert run("check", root, "--report", file) == plain
    page = file.read_text(encoding="utf-8")
    assert "<h1>Review of repository</h1>" in page
    assert "What bn2gn migrate would do." in page
    assert "get_group_norm(8)" in page


def test_migrate_writes_a_page_of_what_it_did(root: Path, file: Path, run: Run) -> None:
    code, _, _ = run("migrate", root, "--report", file)
    assert code == 0
    page = file.read_text(encoding="utf-8")
    assert "What bn2gn migrate changed." in page
    assert "get_group_norm(8)" in page
    assert "get_group_norm(8)" in (root / "model.py").read_text()


def test_a_diff_stays_the_diff_alone(root: Path, file: Path, run: Run) -> None:
    plain = run("migrate", root, "--diff")
    assert run("migrate", root, "--diff", "--report", file) == plain
    assert file.exists()


def test_nothing_to_change_makes_a_page_too(
    repository: MakeRepository, file: Path, run: Run
) -> None:
    root = repository({"empty.py": "x = 1\n"})
    assert run("migrate", root, "--report", file)[0] == 0
    assert "No norm layers." in file.read_text()


def test_a_report_in_the_repository_is_no_part_of_it(root: Path, run: Run) -> None:
    plain = run("check", root)
    inside = root / "review.html"
    assert run("check", root, "--report", inside) == plain
    first = inside.read_bytes()
    assert run("check", root, "--report", inside) == plain
    assert inside.read_bytes() == first
    assert sorted(path.name for path in root.iterdir()) == ["model.py", "review.html", "train.py"]


# --------------------------------------------------------------- where it cannot be


@pytest.mark.parametrize(
    ("command", "name", "says"),
    [
        ("check", "review.md", "is a page for the browser (.html)"),
        ("migrate", "review.py", "is a page for the browser (.html)"),
        ("verify", "review", "is a page for the browser (.html)"),
        ("audit", "audit.html", "is Markdown (.md)"),
    ],
)
def test_the_suffix_has_to_fit(
    root: Path, tmp_path: Path, run: Run, command: str, name: str, says: str
) -> None:
    code, out, err = run(command, root, "--report", tmp_path / name)
    assert (code, out) == (2, "")
    assert err == (
        f"bn2gn: --report {tmp_path / name}: the report of this command {says};"
        " name a file that ends so\n"
    )


def in_no_folder(file: Path) -> Path:
    return file.parent / "nowhere" / file.name


def a_directory(file: Path) -> Path:
    file.mkdir()
    return file


def read_only(file: Path) -> Path:
    file.write_text("old")
    file.chmod(0o444)
    return file


def a_pipe(file: Path) -> Path:
    os.mkfifo(file)
    return file


def through_a_file(file: Path) -> Path:
    (file.parent / "file").write_text("")
    return file.parent / "file" / file.name


def a_device(file: Path) -> Path:
    file.symlink_to("/dev/null")
    return file


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (in_no_folder, "there is no folder"),
        (a_directory, "is a directory; name a file in it"),
        (read_only, "is there and is read-only"),
        (a_pipe, "is there and is not a regular file"),
        (a_device, "is there and is not a regular file"),
        (through_a_file, "cannot be written: Not a directory"),
    ],
)
def test_migrate_writes_nothing_when_its_report_cannot_be(
    root: Path, file: Path, run: Run, made: object, says: str
) -> None:
    assert callable(made)
    target = made(file)
    code, out, err = run("migrate", root, "--report", target)
    assert (code, out) == (2, "")
    assert err.startswith(f"bn2gn: --report {target}: {says}")
    assert err.count("\n") == 1
    assert (root / "model.py").read_text() == MODEL


def test_a_folder_without_permission_is_one_line(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(Problem, match=r"the folder \S+ is not writable"):
        report_file.require_usable(file, (".html",))


# ---------------------------------------------------------------------- writing


def test_a_file_that_is_there_is_replaced_and_keeps_its_mode(file: Path) -> None:
    file.write_text("old")
    file.chmod(0o640)
    report_file.write("new\n", file)
    assert file.read_bytes() == b"new\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(file.parent) == [file.name]


def test_a_link_stays_a_link(file: Path) -> None:
    target = file.with_name("target.html")
    target.write_text("old")
    file.symlink_to(target)
    report_file.write("new", file)
    assert file.is_symlink()
    assert target.read_text() == "new"


def test_a_failed_write_leaves_what_was_there(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    file.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(Problem, match=r"cannot be written: No space left on device"):
        report_file.write("new", file)
    assert file.read_text() == "old"
    assert os.listdir(file.parent) == [file.name]
