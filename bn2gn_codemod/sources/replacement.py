"""Writing: a file is entirely old or entirely new, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from bn2gn_codemod.sources.source_file import SourceFile

# Neither ends in .py, so what a killed run leaves behind is never read as source.
_PREFIX, _SUFFIX = ".bn2gn-", ".tmp"


class NotWritten(Exception):
    """A file was left as it is; the message is one line and says why."""


def is_leftover(name: str) -> bool:
    """Whether a file of this name was left behind by a killed run."""
    return name.startswith(_PREFIX) and name.endswith(_SUFFIX)


def remove_leftovers(leftovers: Iterable[Path]) -> None:
    """Delete what killed runs left behind; what cannot be deleted does no harm."""
    for path in leftovers:
        if is_leftover(path.name):
            with contextlib.suppress(OSError):
                path.unlink()


def encoded(source: SourceFile, text: str) -> bytes:
    """``text`` as bytes of ``source``; raises ``NotWritten`` if its encoding lacks some of it."""
    try:
        return source.encode(text)
    except UnicodeEncodeError as error:
        missing = ascii(text[error.start])
        raise NotWritten(f"its encoding {source.encoding} has no {missing}") from None


def replace(root: Path, source: SourceFile, text: str) -> None:
    """Give ``source`` the content ``text``, atomically; raises ``NotWritten``.

    Encoding, byte order mark and mode bits stay; a symbolic link stays a link
    and its target is written. Refuses a file without write permission (also
    for root, who could) and one that changed since it was read.
    """
    data = encoded(source, text)
    target = Path(os.path.realpath(root / source.path))
    with _one_line():
        mode = target.stat()
        if not stat.S_IMODE(mode.st_mode) & 0o222:
            raise NotWritten("is read-only; make it writable (chmod u+w) and run again")
        if target.read_bytes() != source.data:
            raise NotWritten("changed while bn2gn was running; run again")
        _write(target, data, mode)


def create(root: Path, path: str, text: str) -> None:
    """Write the new UTF-8 file ``path``, atomically; raises ``NotWritten`` if it exists."""
    target = root / path
    require_absent(root, path)
    with _one_line():
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, text.encode(), None)


def require_absent(root: Path, path: str) -> None:
    """Raise ``NotWritten`` if there is something at ``path`` already."""
    if os.path.lexists(root / path):
        raise NotWritten("already exists")


@contextlib.contextmanager
def new_version(target: Path, like: os.stat_result | None, force: bool = True) -> Iterator[Path]:
    """An empty temporary file to write, which becomes ``target`` when the block ends well.

    It gets owner and mode of ``like``. Without ``force`` a ``target`` that
    appeared meanwhile stays (``FileExistsError``). Raises ``OSError``.
    """
    import tempfile  # only where something is written

    handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=target.parent)
    os.close(handle)
    try:
        yield Path(name)
        _sync(name)
        _copy_owner_and_mode(name, like)
        if force:
            os.replace(name, target)
        else:
            _move_to_new(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _write(target: Path, data: bytes, like: os.stat_result | None) -> None:
    with new_version(target, like) as path:
        path.write_bytes(data)


def _sync(name: str) -> None:
    handle = os.open(name, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _move_to_new(name: str, target: Path) -> None:
    try:
        os.link(name, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(f"{target} already exists") from None
        os.replace(name, target)
    else:
        os.unlink(name)


def _copy_owner_and_mode(name: str, like: os.stat_result | None) -> None:
    if like is None:
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        return
    mine = os.stat(name)
    if (mine.st_uid, mine.st_gid) != (like.st_uid, like.st_gid):
        with contextlib.suppress(OSError, AttributeError):
            os.chown(name, like.st_uid, like.st_gid)
    os.chmod(name, stat.S_IMODE(like.st_mode))


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotWritten(f"cannot be written: {error.strerror or error}") from None
