"""By which dotted name one file of a repository can import another."""

from __future__ import annotations

import ast
import collections
import sys
from collections.abc import Iterable, Iterator

from bn2gn_codemod.module_names import ModuleIndex, dotted_parts
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import flat

Root = tuple[str, ...]  # the folders above the first part of a dotted name


class ImportNames:
    """The package roots that a repository's own imports show.

    ``paths`` are all files of the repository, ``modules`` those that were read.
    """

    def __init__(self, modules: Iterable[Module], paths: Iterable[str]) -> None:
        paths = list(paths)
        self._index = ModuleIndex(paths)
        self._packages = {path for path in paths if path.endswith("__init__.py")}
        self._used: dict[str, collections.Counter[Root]] = {}  # by importing file
        self._known_as: dict[str, collections.Counter[Root]] = {}  # by imported file
        self._levels: dict[str, int] = {}  # how far up relative imports go
        self._all: collections.Counter[Root] = collections.Counter()
        for module in modules:
            self._read(module)

    def name_for(self, importer: str, target: str) -> str | None:
        """The dotted name of the file ``target`` (it may not exist yet) for ``importer``.

        Relative where the importer's own imports are. ``None`` when nothing in
        the repository shows which folder is on ``sys.path``.
        """
        used = self._used.get(importer)
        if used is None and importer in self._levels:
            relative = self._relative_name(importer, target)
            if relative is not None:
                return relative
        wanted = dotted_parts(target)
        for root in self._roots(importer):
            rest = wanted[len(root) :]
            if wanted[: len(root)] == root and rest and all(part.isidentifier() for part in rest):
                return ".".join(rest)
        return self._relative_name(importer, target)

    def _roots(self, importer: str) -> Iterator[Root]:
        """Roots that hold for the importer, the surest first."""
        for counter in (self._used.get(importer), self._known_as.get(importer)):
            for root, _ in counter.most_common() if counter else ():
                yield root
        package = self._top_package(importer)
        if package is not None:
            yield package[:-1]
        home = dotted_parts(importer)[:-1]
        for root, _ in self._all.most_common():
            if home[: len(root)] == root:
                yield root
        if not self._all:
            yield home

    def _relative_name(self, importer: str, target: str) -> str | None:
        package, wanted = dotted_parts(importer), dotted_parts(target)
        if importer not in self._packages:
            package = package[:-1]
        shared = 0
        while shared < min(len(package), len(wanted) - 1) and package[shared] == wanted[shared]:
            shared += 1
        rest, level = wanted[shared:], len(package) - shared + 1
        known = self._known_as.get(importer)
        if known is not None:
            leaves_package = shared <= len(known.most_common(1)[0][0])
        else:
            leaves_package = level > self._levels.get(importer, 0)
        if leaves_package or not all(part.isidentifier() for part in rest):
            return None
        return "." * level + ".".join(rest)

    def _top_package(self, path: str) -> tuple[str, ...] | None:
        """The outermost package around the file, as far as ``__init__.py`` goes without a gap."""
        found: tuple[str, ...] | None = None
        home = dotted_parts(path) if path in self._packages else dotted_parts(path)[:-1]
        for end in range(len(home), 0, -1):
            if "/".join(home[:end]) + "/__init__.py" not in self._packages:
                break
            found = home[:end]
        return found

    def _read(self, module: Module) -> None:
        for statement in flat(module.tree.body):
            if isinstance(statement, ast.ImportFrom) and statement.level:
                known = self._levels.get(module.path, 0)
                self._levels[module.path] = max(known, statement.level)
            elif isinstance(statement, ast.ImportFrom) and statement.module:
                names = [f"{statement.module}.{alias.name}" for alias in statement.names]
                self._note(module, [statement.module, *names])
            elif isinstance(statement, ast.Import):
                self._note(module, [alias.name for alias in statement.names])

    def _note(self, module: Module, names: list[str]) -> None:
        for name in names:
            if name.split(".")[0] in sys.stdlib_module_names:
                continue  # a file copy.py somewhere is not what ``import copy`` means
            path = self._index.find(name, module.path)
            if path is None or path == module.path:
                continue
            parts = dotted_parts(path)
            root = parts[: len(parts) - name.count(".") - 1]
            self._used.setdefault(module.path, collections.Counter())[root] += 1
            self._known_as.setdefault(path, collections.Counter())[root] += 1
            self._all[root] += 1
