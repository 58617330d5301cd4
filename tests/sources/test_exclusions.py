"""Whether an exclude pattern leaves anything out."""

from __future__ import annotations

import subprocess

import pytest

from bn2gn_codemod.sources.exclusions import leaves_out, nearest_path, problem
from tests.conftest import MakeRepository

FILES = {"lib/third_party/net.py": "", "lib/net.py": "", "data/a.txt": "", "__pycache__/a.pyc": ""}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("third_party/", True),
        ("/third_party/", False),
        ("lib/third_party", True),
        ("third_party/*.py", False),
        ("**/third_party/*.py", True),
        ("net.py", True),
        ("net.py/", False),
        ("*.txt", True),
        ("data", True),
        ("__pycache__/", True),
        ("!lib/net.py", True),
        ("!lib/ney.py", False),
        ("lib\\third_party", False),
        ("", False),
        ("[", False),
        (".git/", False),
    ],
)
def test_pattern(repository: MakeRepository, pattern: str, expected: bool) -> None:
    assert problem(pattern) is None
    assert leaves_out(repository(FILES), pattern) is expected


def test_folder_that_is_elsewhere_only(repository: MakeRepository) -> None:
    """What git ignores is made by a run, what it tracks may not be checked out."""
    root = repository({**FILES, ".gitignore": "runs/\n"})
    subprocess.run(["git", "-C", str(root), "init", "-q"], check=True)
    subprocess.run(["git", "-C", str(root), "add", "."], check=True)
    (root / "data/a.txt").unlink()
    (root / "data").rmdir()
    found = {pattern: leaves_out(root, pattern) for pattern in ("runs/", "data/", "rums/")}
    assert found == {"runs/": True, "data/": True, "rums/": False}


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("thirdparty/", "lib/third_party/"),
        ("/lib/3rd_party/", "lib/third_party/"),
        ("lib/nte.py", "lib/net.py"),
        ("zzz", None),
    ],
)
def test_what_was_meant(repository: MakeRepository, pattern: str, meant: str | None) -> None:
    assert nearest_path(repository(FILES), pattern) == meant
