"""Lays a repository out in a temporary folder, as it is or as it was.

The code of a repository runs in such copies only: whatever it writes, the
repository itself stays as it is.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

from bn2gn_codemod.problem import Problem

_COPIED = 2**20  # bytes; larger files are weights and data, which a link serves
_CROWD = 5000  # entries; a folder of that many without Python is a data set
_LEFT_OUT = frozenset({"__pycache__", "node_modules", "site-packages"})
_ENVIRONMENT = frozenset({"pyvenv.cfg", "conda-meta"})


def lay_out(root: Path, target: Path) -> None:
    """Copy the repository at ``root`` to ``target``, which must not exist.

    Hidden folders and virtual environments are left out, large files linked to.
    """
    target.mkdir(parents=True)
    _copy_folder(os.path.realpath(root), os.path.realpath(root), str(target))


def lay_out_before(root: Path, ref: str, target: Path) -> None:
    """Copy ``root`` to ``target`` with every tracked file as it was at git's ``ref``.

    What git does not track (compiled extensions, weights) is there as it is
    now. Raises ``Problem`` for a reference that git does not know.
    """
    top = Path(_git(root, "rev-parse", "--show-toplevel"))
    prefix = _git(root, "rev-parse", "--show-prefix").rstrip("/")
    tree = _tree_at(root, ref, prefix)
    lay_out(root, target)
    for path in _git(root, "ls-files", "-z").split("\0"):
        # A folder that git lists is a submodule, with files that it does not track here.
        if (target / path).is_symlink() or (target / path).is_file():
            (target / path).unlink()
    index = {"GIT_INDEX_FILE": str(target.with_name(target.name + ".index"))}
    _git(top, "read-tree", tree, **index)
    _git(top, "checkout-index", "--all", "--force", f"--prefix={target}/", **index)


def has_changes(root: Path) -> bool:
    """Whether ``root`` is in git and a tracked file of it differs from HEAD."""
    try:
        return bool(_git(root, "diff", "--name-only", "HEAD", "--", "."))
    except Problem:
        return False


def _tree_at(root: Path, ref: str, prefix: str) -> str:
    try:
        return _git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}:{prefix}")
    except Problem:
        raise Problem(f"--before {ref}: git knows no such state of {root}") from None


def _git(folder: Path, *arguments: str, **variables: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *arguments],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
    except OSError:
        raise Problem("git is not installed; name the earlier state with --before DIR") from None
    if done.returncode:
        line = (done.stderr.decode("utf-8", "replace").strip().splitlines() or [""])[0]
        raise Problem(f"{folder}: git {arguments[0]}: {line}")
    return os.fsdecode(done.stdout).rstrip("\n")


def _copy_folder(root: str, source: str, target: str) -> None:
    try:
        with os.scandir(source) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError:
        return  # the survey names what cannot be read
    for entry in entries:
        goal = os.path.join(target, entry.name)
        if entry.is_symlink():
            _copy_link(root, entry.path, goal)
        elif entry.is_dir():
            if not _is_left_out(entry):
                _enter(root, entry.path, goal)
        elif entry.is_file():
            _copy_file(entry, goal)


def _enter(root: str, source: str, target: str) -> None:
    if _is_data_set(source):
        os.symlink(source, target)
    else:
        os.mkdir(target)
        _copy_folder(root, source, target)


def _is_left_out(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or entry.name in _LEFT_OUT:
        return True
    return any(os.path.lexists(os.path.join(entry.path, name)) for name in _ENVIRONMENT)


def _is_data_set(folder: str) -> bool:
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    return len(names) > _CROWD and not any(name.endswith(".py") for name in names)


def _copy_file(entry: os.DirEntry[str], target: str) -> None:
    try:
        if entry.stat().st_size > _COPIED:
            os.symlink(entry.path, target)
        else:
            shutil.copyfile(entry.path, target)
            os.chmod(target, stat.S_IMODE(entry.stat().st_mode) | stat.S_IWUSR)
    except OSError:
        return  # unreadable here means unreadable there


def _copy_link(root: str, source: str, target: str) -> None:
    real = os.path.realpath(source)
    inside = real.startswith(root + os.sep)
    if inside and not os.path.isabs(os.readlink(source)):
        os.symlink(os.readlink(source), target)
    elif inside:
        goal = os.path.join(os.path.dirname(target), os.path.relpath(real, os.path.dirname(source)))
        os.symlink(goal, target)
    else:
        os.symlink(real, target)
