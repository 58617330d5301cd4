"""Finding the Python files of a repository."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from bn2gn_codemod.plan import Skipped
from bn2gn_codemod.sources.ignored import GitScope, PatternFile
from bn2gn_codemod.sources.replacement import is_leftover
from bn2gn_codemod.sources.source_file import SourceFile, Undecodable

_NEVER_SOURCE = frozenset({"__pycache__", "node_modules", "site-packages"})
_SELDOM_SOURCE = frozenset({"build", "dist"})  # unless git tracks what is in them


@dataclasses.dataclass(frozen=True)
class Repository:
    """The Python files below one directory, sorted by path.

    ``skipped`` names what could not be read, ``excluded`` the files that were
    named and are left out all the same. ``ignored`` are Python files and folders
    (with ``/`` at their end) that ``.gitignore`` leaves out. ``leftovers`` are
    temporary files of a killed run.
    """

    root: Path
    files: tuple[SourceFile, ...]
    skipped: tuple[Skipped, ...] = ()
    leftovers: tuple[Path, ...] = ()
    excluded: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    yaml_paths: tuple[str, ...] = ()  # absolute; nothing of them is read before it is asked for

    def file(self, path: str) -> SourceFile | None:
        """The file of this path relative to the root, ``None`` if there is none."""
        return next((source for source in self.files if source.path == path), None)

    def yaml_files(self) -> Iterator[tuple[str, bytes]]:
        """The YAML files that can be read: path and bytes."""
        for path in self.yaml_paths:
            try:
                yield path, _read(path)
            except OSError:
                continue  # what it says is not known, and nobody trains by it

    def has_ignored(self, path: str) -> bool:
        """Whether there is a file of this path that ``.gitignore`` leaves out."""
        is_ignored = any(path == one or path.startswith(one) for one in self.ignored)
        return is_ignored and (self.root / path).is_file()

    def file_or_outside(self, path: str) -> SourceFile | None:
        """As ``file``, and files that lie elsewhere: absolute, or relative to the root."""
        known = self.file(path)
        if known is not None or not (self.root / path).is_file():
            return known
        try:
            return SourceFile.from_bytes(path, _read(str(self.root / path)))
        except (OSError, Undecodable):
            return None


def find_root(path: Path) -> Path:
    """The repository around ``path``: a directory is its own root.

    For a file it is the nearest folder with ``.git`` or ``pyproject.toml``,
    else the folder that the file lies in.
    """
    path = Path(os.path.abspath(path))
    if path.is_dir():
        return path
    return next(filter(is_root, path.parents), path.parent)


def is_root(folder: Path) -> bool:
    """Whether a repository begins at ``folder``."""
    return (folder / ".git").exists() or (folder / "pyproject.toml").is_file()


def discover(root: Path, exclude: Sequence[str] = (), named: Sequence[Path] = ()) -> Repository:
    """Read the Python files below ``root``; only its bytes, nothing is run.

    Left out: hidden files, virtual environments, caches, what ``exclude``
    (gitignore-style, relative to ``root``) matches, what the repository's
    ``.gitignore`` ignores and git does not track, and links to a file that is
    there under its own name. ``named`` files are read whatever their name, if
    ``exclude`` lets them: whoever names all files of a commit means no others.
    Raises ``NotADirectoryError`` for a root that is none, and ``ValueError``
    for an exclude pattern that cannot be understood.
    """
    root = Path(os.path.realpath(root))
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is not a directory")
    walk = _Walk(root, exclude)
    walk.run()
    for path in named:
        walk.add_named(path)
    files, skipped = [], walk.skipped
    for relative, absolute in sorted(walk.found.items()):
        try:
            files.append(SourceFile.from_bytes(relative, _read(absolute)))
        except OSError as error:
            skipped.append(Skipped(relative, f"cannot be read: {error.strerror or error}"))
        except Undecodable as error:
            skipped.append(Skipped(relative, str(error)))
    return Repository(
        root,
        tuple(files),
        tuple(sorted(set(skipped))),
        tuple(sorted(walk.leftovers)),
        tuple(walk.excluded),
        tuple(walk.ignored),
        tuple(walk.yaml_paths),
    )


def _read(path: str) -> bytes:
    # Opening a named pipe would wait for a writer for ever.
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError("not a regular file")
    with open(path, "rb") as file:
        return file.read()


class _Walk:
    """One pass over a directory tree; links are looked at after everything else."""

    def __init__(self, root: Path, exclude: Sequence[str]) -> None:
        self.root = root.as_posix()
        self.found: dict[str, str] = {}  # relative path -> absolute path
        self.skipped: list[Skipped] = []
        self.leftovers: list[Path] = []
        self.excluded: list[str] = []
        self.ignored: list[str] = []
        self.yaml_paths: list[str] = []
        self._real_files: set[str] = set()
        self._real_folders: set[str] = set()
        self._links: list[tuple[str, GitScope | None]] = []
        self._exclude = PatternFile(self.root, exclude) if exclude else None

    def run(self) -> None:
        self._folder(self.root, GitScope.at(self.root))
        for link, scope in self._links:  # grows while links lead to further links
            self._link(link, scope)

    def add_named(self, path: Path) -> None:
        absolute = Path(os.path.abspath(path)).as_posix()
        relative = self._relative(absolute)
        real = os.path.realpath(absolute)
        if absolute.endswith(".ipynb"):
            self.skipped.append(Skipped(relative, "is a notebook, not Python source"))
        elif not self._is_inside(real):
            self.skipped.append(Skipped(relative, f"lies outside the repository {self.root}"))
        elif self._exclude and self._exclude.match(absolute):
            self.excluded.append(relative)
        elif real not in self._real_files:
            self._real_files.add(real)
            self.found[relative] = absolute

    def _folder(self, folder: str, scope: GitScope | None) -> None:
        self._real_folders.add(os.path.realpath(folder))
        try:
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            message = f"cannot be read: {error.strerror or error}"
            self.skipped.append(Skipped(self._relative(folder), message))
            return
        names = {entry.name for entry in entries}
        if folder != self.root and names & {"pyvenv.cfg", "conda-meta"}:
            return
        if ".git" in names:  # a submodule tracks its own files
            scope = GitScope.at(folder)
        if scope and ".gitignore" in names:
            scope = scope.inside(folder)
        for entry in entries:
            self._entry(f"{folder.rstrip('/')}/{entry.name}", entry, scope)

    def _entry(self, path: str, entry: os.DirEntry[str], scope: GitScope | None) -> None:
        if is_leftover(entry.name):
            self.leftovers.append(Path(path))
        if entry.name.startswith("."):
            return
        if entry.is_symlink():
            self._links.append((path, scope))
        elif entry.is_dir(follow_symlinks=False):
            if self._is_wanted(path + "/", scope):
                self._folder(path, scope)
        elif entry.name.endswith(".py") and self._is_wanted(path, scope):
            self._file(path)
        elif entry.name.endswith((".yml", ".yaml")) and self._is_wanted(path, scope):
            self.yaml_paths.append(path)

    def _file(self, path: str) -> None:
        try:
            path.encode()
        except UnicodeEncodeError:
            name = ascii(self._relative(path))[1:-1]
            self.skipped.append(Skipped(name, "its name is not valid UTF-8; rename it"))
            return
        self._real_files.add(os.path.realpath(path))
        self.found[self._relative(path)] = path

    def _link(self, path: str, scope: GitScope | None) -> None:
        is_folder = os.path.isdir(path)
        if not (is_folder or path.endswith(".py")):
            return
        if not self._is_wanted(path + "/" * is_folder, scope):
            return
        real = os.path.realpath(path)
        if not os.path.exists(path):
            problem = "is a link that leads nowhere or back to itself"
        elif not self._is_inside(real):
            problem = f"is a link that leaves the repository (to {real}); not read"
        elif is_folder and f"{os.path.realpath(os.path.dirname(path))}/".startswith(real + "/"):
            problem = "is a link to a directory around it (a loop); not followed"
        else:
            if is_folder and real not in self._real_folders:
                self._folder(path, scope)
            elif not is_folder and real not in self._real_files:
                self._file(path)
            return
        self.skipped.append(Skipped(self._relative(path), problem))

    def _is_wanted(self, path: str, scope: GitScope | None) -> bool:
        name = os.path.basename(path.rstrip("/"))
        if path.endswith("/"):
            if name in _NEVER_SOURCE:
                return False
            if name in _SELDOM_SOURCE and not (scope and scope.may_track(path)):
                return False
        if self._exclude and self._exclude.match(path):
            return False
        if scope is None or not scope.ignores(path):
            return True
        if path.endswith((".py", "/")):
            self.ignored.append(self._relative(path) + "/" * path.endswith("/"))
        return False

    def _is_inside(self, real: str) -> bool:
        return f"{real}/".startswith(self.root.rstrip("/") + "/")

    def _relative(self, path: str) -> str:
        return os.path.relpath(path, self.root).replace(os.sep, "/")
