"""Under which names the files of a repository import each other."""

from __future__ import annotations

import ast
import collections
import sys
from collections.abc import Iterable, Iterator

from bn2gn_codemod.module_names import ModuleIndex, dotted_parts
from bn2gn_codemod.plan import Skipped
from bn2gn_codemod.sources import Repository
from bn2gn_codemod.survey.modules import parse

# Never meant, even where a folder of the repository has such a file.
_OTHERS = sys.stdlib_module_names | {"numpy", "torch", "torchvision"}


class ImportGraph:
    """Who imports whom, and which folders that puts on ``sys.path``."""

    def __init__(self, repository: Repository) -> None:
        self._index = ModuleIndex(file.path for file in repository.files)
        self._roots: collections.Counter[str] = collections.Counter()
        self._names: dict[str, collections.Counter[str]] = {}
        self._imports: dict[str, set[str]] = {}
        self.trees: dict[str, ast.Module] = {}
        for file in repository.files:
            tree = parse(file)
            if not isinstance(tree, Skipped):
                self.trees[file.path] = tree
                self._imports[file.path] = set(self._imported(file.path, tree))

    @property
    def roots(self) -> tuple[str, ...]:
        """Folders (relative, ``""`` the repository) from which modules are imported."""
        found = [root for root, _ in self._roots.most_common()]
        return (*found, *(() if "" in found else ("",)))

    def name(self, path: str) -> str:
        """The dotted name under which the file at ``path`` is imported."""
        if path in self._names:
            return self._names[path].most_common(1)[0][0]
        parts = dotted_parts(path)
        inside = [root for root in self.roots if _under(parts, root)]
        return ".".join(parts[len(_parts(inside[0])) :])

    def path(self, name: str) -> str | None:
        """The file that the dotted ``name`` means when the repository's root asks."""
        return self._index.find(name, "")

    def root_of(self, name: str) -> str | None:
        """The folder from which ``name`` can be imported."""
        path = self.path(name)
        if path is None:
            return None
        parts = dotted_parts(path)
        return "/".join(parts[: len(parts) - len(name.split("."))])

    def reached_from(self, path: str) -> frozenset[str]:
        """The file itself and what it imports, through any number of files."""
        seen, pending = {path}, [path]
        while pending:
            new = self._imports.get(pending.pop(), set()) - seen
            seen |= new
            pending += new
        return frozenset(seen)

    def users_of(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Files that reach one of ``paths`` and are imported themselves: no scripts."""
        wanted = set(paths)
        imported = set().union(*self._imports.values())
        return tuple(
            path
            for path in self.trees
            if path in imported and path not in wanted and wanted & self.reached_from(path)
        )

    def _imported(self, importer: str, tree: ast.Module) -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from self._absolute(alias.name, importer)
            elif isinstance(node, ast.ImportFrom) and node.level:
                for name in _with_children(node):
                    found = self._index.find_relative(node.level, name, importer)
                    if found:
                        yield found
            elif isinstance(node, ast.ImportFrom):
                for name in _with_children(node):
                    yield from self._absolute(name, importer)

    def _absolute(self, name: str, importer: str) -> Iterator[str]:
        if name.partition(".")[0] in _OTHERS:
            return
        path = self._index.find(name, importer)
        if path is None or path == importer:
            return
        parts = dotted_parts(path)
        self._roots["/".join(parts[: len(parts) - len(name.split("."))])] += 1
        self._names.setdefault(path, collections.Counter())[name] += 1
        yield path


def _with_children(node: ast.ImportFrom) -> list[str]:
    module = node.module or ""
    children = [f"{module}.{alias.name}".lstrip(".") for alias in node.names]
    return [name for name in (module, *children) if name]


def _under(parts: tuple[str, ...], root: str) -> bool:
    return parts[: len(_parts(root))] == _parts(root)


def _parts(root: str) -> tuple[str, ...]:
    return tuple(root.split("/")) if root else ()
