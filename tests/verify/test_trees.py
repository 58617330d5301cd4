"""Copies of a repository, as it is and as it was."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bn2gn_codemod.problem import Problem
from bn2gn_codemod.verify import trees

Write = Callable[[str, Mapping[str, str]], Path]


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


def texts(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_text() for path in files}


@pytest.fixture
def committed(write: Write) -> Path:
    """Two tracked files, then one of them changed, one removed, and untracked ones beside."""
    root = write("repository", {"lib/model.py": "old\n", "gone.py": "gone\n"})
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    (root / "gone.py").unlink()
    write("repository", {"lib/model.py": "new\n", "lib/_ext.so": "compiled\n"})
    return root


def test_copy_leaves_environments_and_hidden_folders_out(write: Write, tmp_path: Path) -> None:
    wanted = {"lib/a.py": "a\n", "data/weights.txt": "w\n", ".style.yapf": "s\n"}
    root = write(
        "repository",
        {
            **wanted,
            ".git/config": "",
            "lib/__pycache__/a.pyc": "",
            "env/pyvenv.cfg": "",
            "env/lib/x.py": "",
        },
    )
    trees.lay_out(root, tmp_path / "copy")
    assert texts(tmp_path / "copy") == wanted


def test_large_files_are_linked_to(write: Write, tmp_path: Path) -> None:
    root = write("repository", {"weights.pth": "w" * (2**20 + 1), "a.py": "a\n"})
    trees.lay_out(root, tmp_path / "copy")
    assert (tmp_path / "copy/weights.pth").resolve() == root / "weights.pth"
    assert not (tmp_path / "copy/a.py").is_symlink()


def test_links_stay_inside_the_copy(write: Write, tmp_path: Path) -> None:
    root = write("repository", {"lib/a.py": "a\n"})
    (root / "relative").symlink_to("lib")
    (root / "absolute").symlink_to(root / "lib")
    (root / "loop").symlink_to("loop")
    outside = write("outside", {"b.py": "b\n"})
    (root / "away").symlink_to(outside)
    copy = tmp_path / "copy"
    trees.lay_out(root, copy)
    assert (copy / "relative").resolve() == copy / "lib"
    assert (copy / "absolute").resolve() == copy / "lib"
    assert (copy / "away").resolve() == outside


def test_earlier_state(committed: Path, tmp_path: Path) -> None:
    trees.lay_out_before(committed, "HEAD", tmp_path / "before")
    assert texts(tmp_path / "before") == {
        "gone.py": "gone\n",
        "lib/_ext.so": "compiled\n",  # git does not track it: as it is now
        "lib/model.py": "old\n",
    }
    assert (committed / "lib/model.py").read_text() == "new\n"


def test_earlier_state_of_a_folder_inside_the_git_repository(
    committed: Path, tmp_path: Path
) -> None:
    trees.lay_out_before(committed / "lib", "HEAD", tmp_path / "before")
    assert texts(tmp_path / "before") == {"_ext.so": "compiled\n", "model.py": "old\n"}


def test_earlier_state_with_a_submodule(committed: Path, tmp_path: Path) -> None:
    """What a submodule holds is there as it is now, checked out or not."""
    commit = "1" * 40
    for name in ("external", "absent"):
        git(committed, "update-index", "--add", "--cacheinfo", f"160000,{commit},{name}")
    git(committed, "commit", "-qm", "submodules")
    (committed / "external").mkdir()
    (committed / "external/net.py").write_text("external\n")
    trees.lay_out_before(committed, "HEAD", tmp_path / "before")
    assert texts(tmp_path / "before")["external/net.py"] == "external\n"


def test_changes(committed: Path, write: Write) -> None:
    assert trees.has_changes(committed)
    git(committed, "commit", "-qam", "second")
    assert not trees.has_changes(committed)
    assert not trees.has_changes(write("elsewhere", {"a.py": "a\n"}))


def test_index_of_the_repository_is_left_alone(committed: Path, tmp_path: Path) -> None:
    index = (committed / ".git/index").read_bytes()
    trees.lay_out_before(committed, "HEAD", tmp_path / "before")
    assert (committed / ".git/index").read_bytes() == index


@pytest.mark.parametrize("ref", ["no-such-ref", "HEAD~5", "--help"])
def test_unknown_reference(ref: str, committed: Path, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="git knows no such state"):
        trees.lay_out_before(committed, ref, tmp_path / "before")


def test_no_git(write: Write, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="git rev-parse"):
        trees.lay_out_before(write("plain", {"a.py": ""}), "HEAD", tmp_path / "before")
