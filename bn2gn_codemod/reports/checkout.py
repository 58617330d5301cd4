"""Paths as continuous integration shows them: relative to the top of the checkout."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Checkout:
    """``top`` is the repository that is checked out; ``root`` is what was looked at in it."""

    top: Path
    root: Path

    @classmethod
    def around(cls, root: Path) -> Checkout:
        """The nearest folder with ``.git``, or GitHub's workspace; else ``root`` itself."""
        root = Path(os.path.realpath(root))
        workspace = os.environ.get("GITHUB_WORKSPACE")
        real = os.path.realpath(workspace) if workspace else None
        for folder in (root, *root.parents):
            if str(folder) == real or (folder / ".git").exists():
                return cls(folder, root)
        return cls(root, root)

    def absolute(self, path: str) -> str:
        """The absolute path of what is ``path`` relative to ``root``."""
        return os.path.normpath(os.path.join(self.root, path)).replace(os.sep, "/")

    def relative(self, path: str) -> str | None:
        """``path``, relative to ``root``, relative to ``top``; ``None`` for what lies outside."""
        inside = os.path.relpath(self.absolute(path), self.top).replace(os.sep, "/")
        return None if inside == ".." or inside.startswith("../") else inside
