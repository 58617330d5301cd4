"""Unified diffs that ``git apply`` accepts, of files of any encoding.

Everything is bytes: a diff of a Latin-1 file with CRLF line ends has to carry
these very bytes.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator

import click

from bn2gn_codemod.migration import Change
from bn2gn_codemod.reports import pager
from bn2gn_codemod.reports.visible import visible

NO_NEWLINE = b"\\ No newline at end of file\n"
# By how a line begins; the first that fits.
STYLES = {
    "diff ": "bold",
    "--- ": "bold",
    "+++ ": "bold",
    "@@ ": "cyan",
    "-": "red",
    "+": "green",
}


def show(changes: Iterable[Change], *, paged: bool = True) -> None:
    """Write one diff of all changes to stdout: the very bytes, or coloured on a terminal.

    There it goes through the user's pager when it is long, unless not ``paged``.
    """
    diff = b"".join(unified(change.path, change.before, change.after) for change in changes)
    if not sys.stdout.isatty():
        click.echo(diff, nl=False)
        return
    coloured = _coloured(diff.decode(errors="replace"))
    if paged:
        pager.show(coloured)
    else:
        click.echo(coloured, nl=False, color=True)


def _coloured(diff: str) -> str:
    """The diff with escape sequences for the terminal on stdout, and none of its own."""
    from rich.text import Text

    from bn2gn_codemod.reports import console

    out = console.stdout()
    with out.capture() as shown:
        for line in diff.split("\n")[:-1]:
            style = next((style for mark, style in STYLES.items() if line.startswith(mark)), "")
            out.print(Text(visible(line), style=style), soft_wrap=True)
    return shown.get()


def unified(path: str, before: bytes | None, after: bytes) -> bytes:
    """The change of one file, ``b""`` if there is none.

    ``path`` is relative to the repository and uses ``/``. ``before`` is
    ``None`` for a new file.
    """
    if before == after:
        return b""
    return b"".join((*_header(path, is_new=before is None), *_hunks(before or b"", after)))


def _header(path: str, *, is_new: bool) -> Iterator[bytes]:
    old, new = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    yield b"diff --git %s %s\n" % (old, new)
    if is_new:
        yield b"new file mode 100644\n"
    # git ends a name with a blank in it by a tab: patch(1) would cut it off.
    end = b"\t\n" if " " in path else b"\n"
    yield b"--- " + (b"/dev/null\n" if is_new else old + end)
    yield b"+++ " + new + end


def _hunks(before: bytes, after: bytes) -> Iterator[bytes]:
    lines = difflib.diff_bytes(difflib.unified_diff, _lines(before), _lines(after), lineterm=b"\n")
    for line in list(lines)[2:]:  # without difflib's own header
        yield line
        if not line.endswith(b"\n"):
            yield b"\n" + NO_NEWLINE


def _lines(data: bytes) -> list[bytes]:
    # Not splitlines(): to git only a line feed ends a line.
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _quoted(name: str) -> bytes:
    """The name as git writes it: in C quotes when it holds what would end it."""
    if name.isprintable() and not set(name) & set('"\\'):
        return name.encode("utf-8", "surrogateescape")
    escapes = {ord("\n"): "\\n", ord("\t"): "\\t", ord('"'): '\\"', ord("\\"): "\\\\"}
    data = name.encode("utf-8", "surrogateescape")
    quoted = "".join(
        escapes.get(byte, chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in data
    )
    return f'"{quoted}"'.encode()
