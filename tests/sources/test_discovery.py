"""Which files of a directory are read, and what is said about the others."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import IO, Any

import pytest

from bn2gn_codemod.sources import Repository, discover, find_root
from tests.conftest import MakeRepository


def paths(repository: Repository) -> list[str]:
    return [source.path for source in repository.files]


def messages(repository: Repository) -> dict[str, str]:
    return {skipped.path: skipped.message for skipped in repository.skipped}


@pytest.mark.parametrize(
    "left_out",
    [
        "net.pyc",
        "net.ipynb",
        "README",
        ".hidden.py",
        ".cache/net.py",
        "lib/__pycache__/net.py",
        "web/node_modules/tool/net.py",
        "site-packages/torch/nn.py",
        "build/lib/net.py",
        "dist/net.py",
        ".bn2gn-kx81.tmp",
    ],
)
def test_not_source(repository: MakeRepository, left_out: str) -> None:
    root = repository({"lib/net.py": "", "train.py": "", left_out: ""})
    found = discover(root)
    assert paths(found) == ["lib/net.py", "train.py"]
    assert found.skipped == ()


def test_virtual_environment_is_left_out_whatever_its_name(repository: MakeRepository) -> None:
    root = repository({"net.py": "", "my-env/pyvenv.cfg": "", "my-env/lib/torch.py": ""})
    assert paths(discover(root)) == ["net.py"]


def test_directory_without_python(repository: MakeRepository) -> None:
    found = discover(repository({"data/labels.txt": ""}))
    assert (found.files, found.skipped) == ((), ())


def test_root_that_is_no_directory(repository: MakeRepository) -> None:
    root = repository({"net.py": ""})
    with pytest.raises(NotADirectoryError, match=r"net\.py is not a directory"):
        discover(root / "net.py")


# ---------------------------------------------------------------- exclude, .gitignore


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        (["legacy/"], ["lib/legacy.py", "lib/net.py"]),
        (["/lib"], ["legacy/net.py"]),
        (["net.py"], ["lib/legacy.py"]),
        (["**/net.py", "!lib/net.py"], ["lib/legacy.py", "lib/net.py"]),
        (["*.py"], []),
    ],
)
def test_exclude(repository: MakeRepository, exclude: list[str], left: list[str]) -> None:
    root = repository({"legacy/net.py": "", "lib/net.py": "", "lib/legacy.py": ""})
    assert paths(discover(root, exclude)) == left


def test_exclude_pattern_that_is_none(repository: MakeRepository) -> None:
    with pytest.raises(ValueError, match="!"):
        discover(repository({"net.py": ""}), ["!"])


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


def test_gitignored_file_is_left_out_unless_git_tracks_it(repository: MakeRepository) -> None:
    files = {
        ".gitignore": "models\nruns/\nbuild\n",
        "lib/models/net.py": "",
        "build/tracked.py": "",
        "train.py": "",
    }
    root = repository(files)
    git(root, "init")
    git(root, "add", "--force", ".")
    repository({"runs/copy/net.py": "", "lib/models/draft.py": ""})
    assert paths(discover(root)) == ["build/tracked.py", "lib/models/net.py", "train.py"]


def test_gitignore_of_a_folder_above_and_of_a_folder_below(repository: MakeRepository) -> None:
    files = {".gitignore": "draft_*.py\n", "src/net.py": "", "src/draft_a.py": ""}
    files |= {"src/lib/.gitignore": "!draft_b.py\n", "src/lib/draft_b.py": ""}
    root = repository(files)
    git(root, "init")
    assert paths(discover(root / "src")) == ["lib/draft_b.py", "net.py"]


def test_gitignore_without_git_says_nothing_about_an_unpacked_archive(
    repository: MakeRepository,
) -> None:
    assert paths(discover(repository({".gitignore": "*.py", "net.py": ""}))) == ["net.py"]


def test_git_is_not_run(repository: MakeRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository's settings can name a program that git starts."""
    root = repository({".gitignore": "draft.py", "net.py": "", "draft.py": ""})
    git(root, "init")
    git(root, "config", "core.fsmonitor", f"touch {root}/ran; false")
    assert paths(discover(root)) == ["net.py"]
    assert not (root / "ran").exists()


# ---------------------------------------------------------------- links


def test_links_are_read_once_under_the_name_of_their_target(repository: MakeRepository) -> None:
    root = repository({"lib/net.py": ""})
    (root / "alias.py").symlink_to("lib/net.py")
    (root / "package").symlink_to("lib")
    found = discover(root)
    assert (paths(found), found.skipped) == (["lib/net.py"], ())


def test_link_to_a_file_that_is_not_source_by_its_own_name(repository: MakeRepository) -> None:
    root = repository({".store/net": "x = 1\n", ".store/lib/head.py": ""})
    (root / "net.py").symlink_to(".store/net")
    (root / "lib").symlink_to(".store/lib")
    assert paths(discover(root)) == ["lib/head.py", "net.py"]


def test_links_that_are_not_followed(repository: MakeRepository, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "net.py").touch()
    root = repository({"lib/net.py": ""})
    (root / "lib/loop").symlink_to("..")
    (root / "lib/self.py").symlink_to("self.py")
    (root / "lib/gone.py").symlink_to("nowhere.py")
    (root / "lib/gone_data").symlink_to("/nowhere/data")
    (root / "net.py").symlink_to(outside / "net.py")
    (root / "shared").symlink_to(outside)
    found = discover(root)
    assert paths(found) == ["lib/net.py"]
    said = messages(found)
    assert sorted(said) == ["lib/gone.py", "lib/loop", "lib/self.py", "net.py", "shared"]
    assert "loop" in said["lib/loop"]
    assert "back to itself" in said["lib/self.py"]
    assert "leads nowhere" in said["lib/gone.py"]
    assert "leaves the repository" in said["net.py"]
    assert "leaves the repository" in said["shared"]


def test_excluded_link_is_not_mentioned(repository: MakeRepository, tmp_path: Path) -> None:
    root = repository({"net.py": ""})
    (root / "data").symlink_to(tmp_path)
    assert discover(root, ["data"]).skipped == ()


def test_two_links_into_each_other_end(repository: MakeRepository) -> None:
    root = repository({"a/one.py": "", "b/two.py": ""})
    (root / "a/to_b").symlink_to("../b")
    (root / "b/to_a").symlink_to("../a")
    assert paths(discover(root)) == ["a/one.py", "b/two.py"]


# ---------------------------------------------------------------- what cannot be read


def test_files_that_cannot_be_read_stop_no_other(repository: MakeRepository) -> None:
    root = repository({"net.py": "x = 1\n"})
    os.mkfifo(root / "pipe.py")
    (root / "latin.py").write_bytes("# caf\xe9\n".encode("latin-1"))
    (root / "utf16.py").write_bytes("x = 1\n".encode("utf-16"))
    (root / "odd.py").write_bytes(b"# coding: klingon\n")
    found = discover(root)
    assert paths(found) == ["net.py"]
    said = messages(found)
    assert sorted(said) == ["latin.py", "odd.py", "pipe.py", "utf16.py"]
    assert said["pipe.py"] == "cannot be read: not a regular file"
    assert "save it as UTF-8" in said["latin.py"] or "invalid" in said["latin.py"]
    assert "klingon" in said["odd.py"]
    assert all("\n" not in message for message in said.values())


def test_file_without_read_permission(
    repository: MakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the refusal of the system is played here."""
    root = repository({"net.py": "", "secret.py": ""})
    real_open = open

    def refusing(path: str, mode: str = "r") -> IO[Any]:
        if path.endswith("secret.py"):
            raise PermissionError(13, "Permission denied")
        return real_open(path, mode)

    monkeypatch.setattr("builtins.open", refusing)
    found = discover(root)
    assert paths(found) == ["net.py"]
    assert messages(found) == {"secret.py": "cannot be read: Permission denied"}


def test_name_that_is_not_utf8(repository: MakeRepository) -> None:
    root = repository({"net.py": ""})
    os.close(os.open(os.fsencode(root) + b"/caf\xe9.py", os.O_CREAT))
    found = discover(root)
    assert paths(found) == ["net.py"]
    [skipped] = found.skipped
    assert "not valid UTF-8" in skipped.message
    skipped.path.encode()


# ---------------------------------------------------------------- named files


def test_named_file_is_read_whatever_its_name(repository: MakeRepository) -> None:
    root = repository({"bin/train": "x = 1\n", ".hidden/net.py": "", "net.ipynb": "{}"})
    named = [root / "bin/train", root / ".hidden/net.py", root / "net.ipynb"]
    found = discover(root, (), named)
    assert paths(found) == [".hidden/net.py", "bin/train"]
    assert messages(found) == {"net.ipynb": "is a notebook, not Python source"}


def test_excluded_file_stays_out_when_it_is_named(repository: MakeRepository) -> None:
    root = repository({"train.py": "", "legacy/old/net.py": ""})
    found = discover(root, ["legacy/"], [root / "train.py", root / "legacy/old/net.py"])
    assert paths(found) == ["train.py"]
    assert found.excluded == ("legacy/old/net.py",)


def test_named_file_outside(repository: MakeRepository, tmp_path: Path) -> None:
    (tmp_path / "net.py").touch()
    found = discover(repository({"train.py": ""}), (), [tmp_path / "net.py"])
    assert paths(found) == ["train.py"]
    assert "outside the repository" in messages(found)["../net.py"]


@pytest.mark.parametrize(
    ("file", "marker", "root"),
    [
        ("lib/models/net.py", ".git/HEAD", "."),
        ("lib/models/net.py", "pyproject.toml", "."),
        ("lib/models/net.py", "lib/pyproject.toml", "lib"),
        ("lib/models/net.py", "setup.cfg", "lib/models"),
    ],
)
def test_find_root(repository: MakeRepository, file: str, marker: str, root: str) -> None:
    top = repository({file: "", marker: ""})
    assert find_root(top / file) == top / root


def test_leftovers_of_a_killed_run_are_known(repository: MakeRepository) -> None:
    root = repository({"lib/net.py": "", "lib/.bn2gn-kx81.tmp": "half"})
    assert discover(root).leftovers == (root / "lib/.bn2gn-kx81.tmp",)
