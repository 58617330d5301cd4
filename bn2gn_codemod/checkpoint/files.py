"""The two files of a conversion: what is read, and where the result goes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bn2gn_codemod.problem import Problem

_POINTER = b"version https://git-lfs"


def require_readable(old: Path) -> None:
    """Raise ``Problem`` unless ``old`` is a file that can be a checkpoint."""
    if not old.exists():
        raise Problem(f"{old}: no such file")
    if not old.is_file():
        raise Problem(f"{old}: is a directory or no regular file; name a .pth or .safetensors file")
    try:
        with old.open("rb") as file:
            head = file.read(len(_POINTER))
    except OSError as error:
        raise Problem(f"{old}: cannot be read: {error.strerror}") from None
    if not head:
        raise Problem(f"{old}: is empty")
    if head == _POINTER:
        raise Problem(f"{old}: is a Git LFS pointer, not the file itself; run git lfs pull")


def require_writable(old: Path, new: Path, force: bool) -> None:
    """Raise ``Problem`` unless ``new`` may be created, or replaced with ``force``."""
    if os.path.realpath(old) == os.path.realpath(new) or (new.exists() and new.samefile(old)):
        raise Problem(f"{new}: is the old checkpoint itself; name another file")
    if (old.suffix == ".safetensors") != (new.suffix == ".safetensors"):
        raise Problem(f"{new}: the format is kept; name a file that ends like {old.name}")
    if new.is_dir():
        raise Problem(f"{new}: is a directory; name a file")
    if os.path.lexists(new):
        if not force:
            raise Problem(f"{new}: exists already; --force replaces it")
        if not new.is_file():
            raise Problem(f"{new}: is no regular file")
        _require_mode(new, "is read-only; make it writable (chmod u+w) or name another file")
    folder = Path(os.path.realpath(new)).parent
    if not folder.is_dir():
        raise Problem(f"{new}: its folder does not exist")
    _require_mode(folder, "is a read-only folder; name a file in another one")


def _require_mode(path: Path, otherwise: str) -> None:
    # The mode bits count for root, too, who could write anyway.
    if not stat.S_IMODE(path.stat().st_mode) & 0o222 or not os.access(path, os.W_OK):
        raise Problem(f"{path}: {otherwise}")
