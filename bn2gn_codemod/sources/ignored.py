"""Which files a repository itself leaves out: ``.gitignore`` and ``exclude``."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


@dataclasses.dataclass(frozen=True)
class PatternFile:
    """gitignore-style patterns, matched relative to ``folder``."""

    folder: str
    lines: Sequence[str]

    @functools.cached_property
    def spec(self) -> GitIgnoreSpec:
        """The patterns, read; ``ValueError`` (one line) for one that cannot be understood."""
        import pathspec  # not needed where git tracks every file

        return pathspec.GitIgnoreSpec.from_lines(self.lines)

    def match(self, path: str) -> bool | None:
        """Whether absolute ``path`` is ignored; ``None`` where no pattern speaks of it.

        A directory is named with a slash at its end.
        """
        relative = path[len(self.folder) :].lstrip("/")
        return self.spec.check_file(relative).include


@dataclasses.dataclass(frozen=True)
class GitScope:
    """What git leaves out at one place of a working tree.

    A file that git tracks is never left out: research code often ignores
    ``models/`` for its weights and commits ``lib/models/*.py`` all the same.
    """

    root: str
    index: bytes | None
    patterns: tuple[PatternFile, ...] = ()

    @classmethod
    def at(cls, folder: str) -> GitScope | None:
        """The scope of the working tree around ``folder``, ``None`` outside of any."""
        path = Path(folder)
        for candidate in (path, *path.parents):
            if (candidate / ".git").exists():
                scope = cls(candidate.as_posix(), _read_index(candidate))
                between = path.relative_to(candidate).parts[:-1]
                for depth in range(len(between) + 1 if path != candidate else 0):
                    scope = scope.inside(candidate.joinpath(*between[:depth]).as_posix())
                return scope
        return None

    def inside(self, folder: str) -> GitScope:
        """The scope of ``folder``, with its own ``.gitignore`` if it has one."""
        try:
            with open(f"{folder}/.gitignore", encoding="utf-8", errors="replace") as file:
                own = PatternFile(folder, file.read().splitlines())
        except OSError:
            return self
        return dataclasses.replace(self, patterns=(*self.patterns, own))

    def ignores(self, path: str) -> bool:
        """Whether absolute ``path`` (a directory: ``/`` at its end) is left out."""
        if not self.patterns or self.may_track(path):
            return False
        for pattern_file in reversed(self.patterns):
            try:
                verdict = pattern_file.match(path)
            except ValueError:  # git too passes over what it cannot understand
                continue
            if verdict is not None:
                return verdict
        return False

    def may_track(self, path: str) -> bool:
        """Whether absolute ``path`` (a directory: ``/`` at its end) may be tracked.

        The index stores whole paths, so a look at its bytes answers without
        running git, whose settings can start programs of the repository.
        """
        if self.index is None:
            return True
        return os.fsencode(path[len(self.root) :].lstrip("/")) in self.index


def _read_index(git_root: Path) -> bytes | None:
    """git's index, empty where there is none, ``None`` where it cannot answer."""
    git = git_root / ".git"
    try:
        if git.is_file():  # a worktree or a submodule
            git = git_root / git.read_text().removeprefix("gitdir:").strip()
        index = (git / "index").read_bytes()
    except FileNotFoundError:
        return b""
    except (OSError, ValueError):
        return None
    # Version 4 shortens each path by what it shares with the one before.
    return None if index[4:8] == b"\0\0\0\4" else index
