"""Whether an ``exclude`` pattern leaves anything out, or is misspelt, say."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from bn2gn_codemod.sources.ignored import GitScope, PatternFile

_LITERAL = re.compile(r"[^*?!\[\\]+")


def problem(pattern: str) -> str | None:
    """Why a pattern is none, in one line."""
    try:
        _ = PatternFile("", [pattern]).spec
    except ValueError as error:
        return str(error)
    return None


def leaves_out(root: Path, pattern: str) -> bool:
    """Whether a pattern matches a file or folder below ``root``, of whatever kind.

    A folder that is not there counts where git knows of it: one that it is told
    to ignore is there on other machines, one that it tracks may not be checked
    out.
    """
    top = Path(os.path.realpath(root)).as_posix()
    if _LITERAL.fullmatch(pattern.strip("/")) and _is_known(top, pattern.lstrip("/")):
        return True
    wanted = PatternFile(top, [pattern])
    return any(wanted.match(f"{top}/{path}") is not None for path in _everything(top))


def nearest_path(root: Path, pattern: str) -> str | None:
    """What of the folders and Python files below ``root`` was probably meant by ``pattern``."""
    wanted = pattern.strip("/")
    spelled: dict[str, str] = {}
    for path in _everything(Path(os.path.realpath(root)).as_posix()):
        if path.endswith(("/", ".py")):
            name = path.strip("/")
            spelled.setdefault(name if "/" in wanted else os.path.basename(name), path)
    import difflib  # only for a message

    close = difflib.get_close_matches(wanted, spelled, n=1)
    return spelled[close[0]] if close else None


def _is_known(top: str, relative: str) -> bool:
    """Whether a path is there, or git knows of it."""
    path = f"{top}/{relative}"
    if os.path.isdir(path) or (os.path.exists(path) and not path.endswith("/")):
        return True
    scope = GitScope.at(top)
    if scope is None:
        return False
    scope = scope.inside(top)
    return scope.ignores(path) or (bool(scope.index) and scope.may_track(path))


def _everything(top: str) -> Iterator[str]:
    """Paths relative to ``top``, folders with a slash at their end; links are not followed."""
    for folder, folders, files in os.walk(top):
        relative = os.path.relpath(folder, top).replace(os.sep, "/")
        inside = "" if relative == "." else f"{relative}/"
        folders[:] = sorted(name for name in folders if name != ".git")
        yield from (f"{inside}{name}/" for name in folders)
        yield from (f"{inside}{name}" for name in sorted(files))
