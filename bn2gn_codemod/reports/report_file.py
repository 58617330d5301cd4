"""The file that ``--report`` names: looked at before the work, written as a whole after it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from bn2gn_codemod.problem import Problem
from bn2gn_codemod.sources import new_version

_KINDS = {".html": "a page for the browser", ".md": "Markdown"}


def require_usable(path: Path, suffixes: Sequence[str]) -> None:
    """Raise ``Problem`` when a report cannot become ``path``.

    Its suffix has to be one of ``suffixes``: never that of a source file, so
    that a report is not surveyed. Asked before the work is done, so that a
    mistyped name costs nobody a migration that is written and not reported.
    """
    if path.suffix.lower() not in suffixes:
        kinds = " or ".join(f"{_KINDS[suffix]} ({suffix})" for suffix in suffixes)
        raise _problem(path, f"the report of this command is {kinds}; name a file that ends so")
    target = Path(os.path.realpath(path))
    reason = _obstacle(target)
    if reason:
        raise _problem(path, reason)


def write(text: str, path: Path) -> None:
    """Make ``text`` the content of ``path``, atomically; raises ``Problem``.

    A file that is there is replaced; of a symbolic link, what it leads to.
    """
    target = Path(os.path.realpath(path))
    try:
        like = target.stat() if target.exists() else None
        with new_version(target, like) as new:
            new.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise _problem(path, f"cannot be written: {error.strerror or error}") from None


def _obstacle(target: Path) -> str:
    try:
        status = target.stat()
    except FileNotFoundError:
        status = None
    except OSError as error:
        return f"cannot be written: {error.strerror or error}"
    if status is not None and stat.S_ISDIR(status.st_mode):
        return "is a directory; name a file in it"
    if status is not None and not stat.S_ISREG(status.st_mode):
        return "is there and is not a regular file; name another one"
    if status is not None and not status.st_mode & 0o222:
        return "is there and is read-only; name another one"
    if not target.parent.is_dir():
        return f"there is no folder {target.parent}; make it first"
    if not os.access(target.parent, os.W_OK | os.X_OK):
        return f"cannot be written: the folder {target.parent} is not writable"
    return ""


def _problem(path: Path, reason: str) -> Problem:
    return Problem(f"--report {path}: {reason}")
