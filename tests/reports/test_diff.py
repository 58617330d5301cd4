"""Diffs: git applies them, and gets the very bytes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bn2gn_codemod.reports.diff import unified


def git(root: Path, *arguments: str, stdin: bytes | None = None) -> None:
    subprocess.run(["git", *arguments], cwd=root, input=stdin, check=True, capture_output=True)


def applied(root: Path, path: str, before: bytes | None, after: bytes) -> bytes:
    """The file after ``git apply`` of the diff in a fresh repository."""
    git(root, "init", "-q")
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if before is not None:
        file.write_bytes(before)
    git(root, "apply", "--whitespace=nowarn", stdin=unified(path, before, after))
    return file.read_bytes()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b"a\nb\nc\n", b"a\nB\nc\n", id="plain"),
        pytest.param(b"a\r\nb\r\n", b"a\r\nB\r\n", id="crlf"),
        pytest.param(b"a\nb", b"a\nB", id="no final newline"),
        pytest.param(b"a\nb", b"A\nb", id="no final newline, in the context"),
        pytest.param(b"a\nb", b"a\nb\n", id="final newline added"),
        pytest.param(b"a\nb\n", b"a\nb", id="final newline removed"),
        pytest.param(b"caf\xe9\nb\n", b"caf\xe9\nB\n", id="latin-1"),
        pytest.param(b"\xef\xbb\xbfa\nb\n", b"\xef\xbb\xbfa\nB\n", id="byte order mark"),
        pytest.param(b"a\x0cb\x1cc\nd\n", b"a\x0cb\x1cC\nd\n", id="form feed"),
        pytest.param(b"a\rb\rc\n", b"a\rB\rc\n", id="old mac line ends"),
        pytest.param(None, b"a\nb\n", id="new file"),
        pytest.param(None, b"a", id="new file, no final newline"),
        pytest.param(b"", b"a\n", id="empty file filled"),
        pytest.param(b"\n" * 9 + b"a", b"\n" * 9 + b"b", id="blank lines"),
        pytest.param(
            b"".join(b"%d\n" % n for n in range(99)),
            b"".join(b"%d\n" % (n - n % 40 // 39) for n in range(99)),
            id="several hunks",
        ),
    ],
)
def test_git_applies_it(tmp_path: Path, before: bytes | None, after: bytes) -> None:
    assert applied(tmp_path, "lib/net.py", before, after) == after


@pytest.mark.parametrize(
    "path", ["lib/my net.py", 'a"b.py', "back\\slash.py", "tab\there.py", "netz_ü.py", "模型.py"]
)
@pytest.mark.parametrize("before", [b"a\n", None])
def test_git_applies_it_to_odd_names(tmp_path: Path, path: str, before: bytes | None) -> None:
    assert applied(tmp_path, path, before, b"b\n") == b"b\n"


def test_no_change_is_no_diff() -> None:
    assert unified("a.py", b"a\n", b"a\n") == b""


def test_it_looks_as_git_writes_it() -> None:
    assert unified("a.py", b"a\nb", b"a\nc") == (
        b"diff --git a/a.py b/a.py\n"
        b"--- a/a.py\n"
        b"+++ b/a.py\n"
        b"@@ -1,2 +1,2 @@\n"
        b" a\n"
        b"-b\n"
        b"\\ No newline at end of file\n"
        b"+c\n"
        b"\\ No newline at end of file\n"
    )


LINES = st.lists(st.sampled_from([b"a\n", b"b\r\n", b"\n", b"\xff\n", b"c", b"\r"]), max_size=12)


@settings(max_examples=30, deadline=None)
@given(before=LINES.map(b"".join), after=LINES.map(b"".join))
def test_git_gets_any_bytes_right(
    tmp_path_factory: pytest.TempPathFactory, before: bytes, after: bytes
) -> None:
    if before != after:
        root = tmp_path_factory.mktemp("repository")
        assert applied(root, "net.py", before, after) == after
