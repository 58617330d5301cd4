"""Replacing a file: all of it or nothing, and only its content."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bn2gn_codemod.sources import (
    NotWritten,
    SourceFile,
    create,
    discover,
    remove_leftovers,
    replace,
)
from tests.conftest import MakeRepository


def only_file(root: Path) -> SourceFile:
    [source] = discover(root).files
    return source


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755, 0o664, 0o444 | 0o200])
def test_mode_bits_stay(repository: MakeRepository, mode: int) -> None:
    root = repository({"net.py": "x = 1\n"})
    (root / "net.py").chmod(mode)
    replace(root, only_file(root), "x = 2\n")
    assert (root / "net.py").read_bytes() == b"x = 2\n"
    assert stat.S_IMODE((root / "net.py").stat().st_mode) == mode


def test_byte_order_mark_and_encoding_stay(repository: MakeRepository) -> None:
    root = repository({"net.py": ""})
    (root / "net.py").write_bytes(b"# coding: latin-1\r\n# \xe9\r\n")
    replace(root, only_file(root), "# coding: latin-1\r\n# \xe9\xe8\r\n")
    assert (root / "net.py").read_bytes() == b"# coding: latin-1\r\n# \xe9\xe8\r\n"
    (root / "net.py").write_bytes(b"\xef\xbb\xbfx = 1\n")
    replace(root, only_file(root), "x = 2\n")
    assert (root / "net.py").read_bytes() == b"\xef\xbb\xbfx = 2\n"


def test_link_stays_a_link(repository: MakeRepository) -> None:
    root = repository({".store/net": "x = 1\n"})
    (root / "net.py").symlink_to(".store/net")
    replace(root, only_file(root), "x = 2\n")
    assert (root / "net.py").is_symlink()
    assert (root / ".store/net").read_bytes() == b"x = 2\n"


def test_read_only_file_is_left_even_by_root(repository: MakeRepository) -> None:
    root = repository({"net.py": "x = 1\n"})
    (root / "net.py").chmod(0o444)
    with pytest.raises(NotWritten, match="read-only; make it writable"):
        replace(root, only_file(root), "x = 2\n")
    assert (root / "net.py").read_bytes() == b"x = 1\n"


def test_file_that_changed_meanwhile_is_left(repository: MakeRepository) -> None:
    root = repository({"net.py": "x = 1\n"})
    source = only_file(root)
    (root / "net.py").write_bytes(b"x = 'mine'\n")
    with pytest.raises(NotWritten, match="changed while"):
        replace(root, source, "x = 2\n")
    assert (root / "net.py").read_bytes() == b"x = 'mine'\n"


def test_character_that_the_encoding_lacks(repository: MakeRepository) -> None:
    root = repository({"net.py": "# coding: ascii\n"})
    with pytest.raises(NotWritten, match="has no"):
        replace(root, only_file(root), "# coding: ascii\n# 层\n")


def test_deleted_file(repository: MakeRepository) -> None:
    root = repository({"net.py": "x = 1\n"})
    source = only_file(root)
    (root / "net.py").unlink()
    with pytest.raises(NotWritten, match="No such file"):
        replace(root, source, "x = 2\n")
    assert list(root.iterdir()) == []


def test_failure_leaves_the_old_file_and_nothing_else(
    repository: MakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository({"net.py": "x = 1\n"})
    source = only_file(root)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bn2gn_codemod.sources.replacement.os.fsync", full)
    with pytest.raises(NotWritten, match="No space left on device"):
        replace(root, source, "x = 2\n")
    assert [path.name for path in root.iterdir()] == ["net.py"]
    assert (root / "net.py").read_bytes() == b"x = 1\n"


def test_create(tmp_path: Path) -> None:
    create(tmp_path, "lib/models/norm.py", "x = '层'\n")
    created = tmp_path / "lib/models/norm.py"
    assert created.read_bytes() == "x = '层'\n".encode()
    ordinary = tmp_path / "ordinary.py"
    ordinary.touch()
    assert created.stat().st_mode == ordinary.stat().st_mode
    with pytest.raises(NotWritten, match="already exists"):
        create(tmp_path, "lib/models/norm.py", "")
    assert created.read_bytes() == "x = '层'\n".encode()


def test_only_leftovers_are_removed(tmp_path: Path) -> None:
    leftover, mine = tmp_path / ".bn2gn-a1.tmp", tmp_path / "notes.tmp"
    leftover.touch()
    mine.touch()
    remove_leftovers([leftover, mine, tmp_path / ".bn2gn-gone.tmp"])
    assert os.listdir(tmp_path) == ["notes.tmp"]
