"""The repository's files, seen from the running interpreter."""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import Iterator

_NOT_SOURCE = ("site-packages", "dist-packages")


class Tree:
    """The repository below ``root``; installed packages inside it are no part of it."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self._known: dict[str, str | None] = {}

    def relative(self, filename: str) -> str | None:
        """``filename`` relative to the root with ``/``, or ``None`` when it lies outside."""
        if filename not in self._known:
            self._known[filename] = self._relative(filename)
        return self._known[filename]

    def _relative(self, filename: str) -> str | None:
        if filename.startswith("<"):
            return None
        path = os.path.realpath(os.path.join(self.root, filename))
        if not path.startswith(self.root + os.sep):
            return None
        parts = path[len(self.root) + 1 :].split(os.sep)
        return None if any(part in _NOT_SOURCE for part in parts) else "/".join(parts)

    def absolute(self, relative: str) -> str:
        return os.path.join(self.root, *relative.split("/"))


def stack(skip: int = 0) -> Iterator[FrameType]:
    """The running frames, innermost first, from the caller on, without the first ``skip``."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if skip:
            skip -= 1
        else:
            yield frame
        frame = frame.f_back
