"""What PATHs mean: which repository is read, and what of it is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod.plan import (
    FileEdits,
    Finding,
    HelperEdit,
    NewFile,
    NormEdit,
    Place,
    Plan,
    Site,
    Skipped,
    Verdict,
)
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.selection import Selection, select
from tests.conftest import MakeRepository

TREE = {
    "pyproject.toml": "",
    "train.py": "",
    "lib/models/__init__.py": "",
    "lib/models/neck.py": "",
    "lib/data/clips.py": "",
    "README.md": "",
    "bin/train": "",
    "bin/site.wsgi": "",
}


@pytest.mark.parametrize(
    ("paths", "root", "within"),
    [
        (["."], ".", ()),
        (["lib"], "lib", ()),
        (["lib/models"], ".", ("lib/models",)),
        (["train.py"], ".", ("train.py",)),
        (["bin/train"], ".", ("bin/train",)),
        (["bin/site.wsgi"], ".", ("bin/site.wsgi",)),
        (["lib/models/neck.py", "train.py"], ".", ("lib/models/neck.py", "train.py")),
        (["lib", "train.py"], ".", ("lib", "train.py")),
        ([".", "train.py"], ".", ()),
    ],
)
def test_paths(
    repository: MakeRepository, paths: list[str], root: str, within: tuple[str, ...]
) -> None:
    top = repository(TREE)
    selection = select([top / path for path in paths])
    assert selection.root == top / root
    assert selection.within == within


@pytest.mark.parametrize(("path", "is_part"), [("lib", True), (".", False), ("train.py", False)])
def test_directory_inside_a_repository_is_noticed(
    repository: MakeRepository, path: str, is_part: bool
) -> None:
    top = repository(TREE)
    assert select([top / path]).part_of == (top if is_part else None)


def test_file_outside_of_any_repository_means_its_directory(tmp_path: Path) -> None:
    (tmp_path / "net.py").touch()
    assert select([tmp_path / "net.py"]).root == tmp_path


def test_paths_through_a_link_mean_what_it_leads_to(
    repository: MakeRepository, tmp_path: Path
) -> None:
    top = repository(TREE)
    (tmp_path / "link").symlink_to(top, target_is_directory=True)
    selection = select([tmp_path / "link" / "train.py"])
    assert (selection.root, selection.within) == (top, ("train.py",))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.py", r"nowhere\.py: no such file or directory"),
        ("README.md", r"README\.md: not a Python file"),
    ],
)
def test_unusable_paths(repository: MakeRepository, path: str, message: str) -> None:
    with pytest.raises(Problem, match=message):
        select([repository(TREE) / path])


def test_loose_files_of_several_folders_mean_the_folder_around_them(tmp_path: Path) -> None:
    for path in ("a/net.py", "b/net.py"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).touch()
    selection = select([tmp_path / "a/net.py", tmp_path / "b/net.py"])
    assert (selection.root, selection.within) == (tmp_path, ("a/net.py", "b/net.py"))


def test_project_inside_a_repository_is_part_of_it_beside_its_other_files(
    repository: MakeRepository,
) -> None:
    top = repository({**TREE, "tools/pyproject.toml": "", "tools/a.py": ""})
    assert select([top / "tools/a.py"]).root == top / "tools"
    assert select([top / "tools/a.py", top / "train.py"]).root == top


@pytest.mark.parametrize("names", [["train.py", "../net.py"], ["../net.py", "lib", "train.py"]])
def test_paths_of_two_repositories(
    repository: MakeRepository, tmp_path: Path, names: list[str]
) -> None:
    top = repository(TREE)
    (tmp_path / "net.py").touch()
    with pytest.raises(Problem, match=r"(lib|train\.py) and .*/net\.py: not of one repository"):
        select([top / name for name in names])


def test_directory_does_not_select_its_namesakes(tmp_path: Path) -> None:
    selection = Selection(tmp_path, within=("lib",))
    assert "lib/net.py" in selection
    assert "lib2/net.py" not in selection
    assert "lib.py" not in selection


def everything_in(*paths: str) -> Plan:
    return Plan(
        root="/r",
        sites=tuple(
            Site(Place(path, 1), "BatchNorm2d", "A", "bn", Verdict.KEEP, ()) for path in paths
        ),
        findings=tuple(Finding("BN103", Place(path, 1), "m") for path in paths),
        skipped=tuple(Skipped(path, "m") for path in paths),
        files=tuple(FileEdits(path) for path in paths),
    )


def test_narrow_keeps_what_is_selected_only(tmp_path: Path) -> None:
    selection = Selection(tmp_path, within=("a.py",))
    assert selection.narrow(everything_in("a.py", "b.py")) == everything_in("a.py")


def test_narrow_keeps_a_shared_module_that_a_selected_file_imports(tmp_path: Path) -> None:
    shared = NewFile("lib/norm.py", ("get_group_norm",))
    imports = FileEdits("a.py", helper=HelperEdit("a.py", "nn", import_from="lib.norm"))
    plan = Plan("/r", files=(imports, FileEdits("b.py")), new_files=(shared,))
    assert Selection(tmp_path, within=("a.py",)).narrow(plan).new_files == (shared,)
    assert Selection(tmp_path, within=("b.py",)).narrow(plan).new_files == ()


def test_narrow_keeps_what_a_selected_file_imports_from_one_that_is_not(tmp_path: Path) -> None:
    definition = HelperEdit("lib/norm.py", "nn")
    norm = NormEdit(Place("lib/norm.py", 9), "call", "BatchNorm2d")
    shared = FileEdits("lib/norm.py", norms=(norm,), helper=definition)
    imports = FileEdits("a.py", helper=HelperEdit("a.py", "nn", import_from="lib.norm"))
    plan = Plan("/r", files=(imports, FileEdits("b.py"), shared))
    selection = Selection(tmp_path, within=("a.py",))
    assert selection.narrow(plan).files == (imports, FileEdits("lib/norm.py", helper=definition))
    assert Selection(tmp_path, within=("b.py",)).narrow(plan).files == (FileEdits("b.py"),)
