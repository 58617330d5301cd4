"""Modules of a repository: which files matter, their syntax trees, who imports whom.

Nothing is imported: names are resolved by comparing dotted names with paths.
A package root need not be the repository's root (``src/lib`` on the path), so
a dotted name matches every file whose path ends with it; the one nearest to
the importing file wins.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterable, Iterator

from bn2gn_codemod.plan import Place, Skipped
from bn2gn_codemod.sources import Repository, SourceFile

_NORM = re.compile(
    rb"BatchNorm|get_group_norm|"
    # Backbones whose BatchNorm stands in a library must be frozen all the same.
    rb"torchvision\.models|from torchvision import[^\n]*\bmodels\b|"
    rb"\b(?:import|from) (?:timm|segmentation_models_pytorch|pretrainedmodels)\b"
)
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+([^\n]+))",
    re.MULTILINE,
)
_NAME = re.compile(rb"[A-Za-z_][\w.]*")
# A file without any of these neither builds a model nor trains one.
_MATTERS = re.compile(
    rb"\bnn\.[A-Z]|\bModule\b|[Rr]egist|\.train\(|\boptim\b|[Oo]ptimizer|Trainer|backbone|"
    rb"norm_layer"
)
# Nor does one without these hand on the names of torch, which short files do.
_SHORT = 50  # lines
_HANDS_ON = re.compile(rb"import[^\n]*\bnn\b")
_STAR_IMPORT = re.compile(rb"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]+\*", re.MULTILINE)


@dataclasses.dataclass(eq=False)
class Module:
    """One parsed file."""

    source: SourceFile
    tree: ast.Module
    is_package: bool

    @property
    def path(self) -> str:
        return self.source.path

    def place(self, node: ast.expr | ast.stmt) -> Place:
        """Where a node of the tree begins."""
        column = self.source.column(node.lineno, node.col_offset)
        return Place(self.path, node.lineno, column)


class ModuleIndex:
    """Finds files by the dotted names under which they are imported."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths: dict[tuple[str, ...], str] = {}
        self._by_tail: dict[str, list[tuple[str, ...]]] = {}
        for path in paths:
            parts = dotted_parts(path)
            self._paths[parts] = path
            if parts:
                self._by_tail.setdefault(parts[-1], []).append(parts)

    def find(self, dotted: str, importer: str) -> str | None:
        """The path that ``dotted`` (absolute) names for ``importer``, or ``None``."""
        wanted = tuple(dotted.split("."))
        home = dotted_parts(importer)
        candidates = [
            parts
            for parts in self._by_tail.get(wanted[-1], ())
            if parts[-len(wanted) :] == wanted and _plausible_root(parts[: -len(wanted)], home)
        ]
        if not candidates:
            return None
        return self._paths[max(candidates, key=lambda parts: _nearness(parts, home))]

    def find_relative(self, level: int, dotted: str, importer: str) -> str | None:
        """The path of ``from <dots><dotted> import``, or ``None``."""
        package = dotted_parts(importer)
        if not importer.endswith("/__init__.py") and importer != "__init__.py":
            package = package[:-1]
        if level - 1 > len(package):
            return None
        base = package[: len(package) - (level - 1)]
        return self._paths.get(base + tuple(part for part in dotted.split(".") if part))


def dotted_parts(path: str) -> tuple[str, ...]:
    """``lib/models/__init__.py`` -> ``("lib", "models")``."""
    parts = path[: -len(".py")].split("/") if path.endswith(".py") else path.split("/")
    return tuple(parts[:-1] if parts[-1] == "__init__" else parts)


def _plausible_root(root: tuple[str, ...], home: tuple[str, ...]) -> bool:
    # Any folder of the repository can be on sys.path; one inside a package of
    # the same depth elsewhere is as likely as not a vendored copy, and is
    # beaten by a nearer one.
    del home
    return not any(part.startswith(".") for part in root)


def _nearness(parts: tuple[str, ...], home: tuple[str, ...]) -> tuple[int, int]:
    shared = 0
    for a, b in zip(parts, home, strict=False):
        if a != b:
            break
        shared += 1
    return shared, -len(parts)


def read_modules(repository: Repository) -> tuple[list[Module], list[Skipped]]:
    """Parse the files that can bear on a norm layer; name those that do not parse.

    A file counts when it names BatchNorm, imports such a file, or is imported
    by one, each through any number of steps. The rest costs a byte scan. A
    file that names BatchNorm and does not parse is reported as skipped.
    """
    index = ModuleIndex(file.path for file in repository.files)
    by_path = {file.path: file for file in repository.files}
    seeds = [file.path for file in repository.files if _NORM.search(file.data)]
    imports: dict[str, set[str]] = {}
    importers: dict[str, set[str]] = {}
    if seeds:
        for file in repository.files:
            imports[file.path] = found = _imports(file, index)
            for target in found:
                importers.setdefault(target, set()).add(file.path)
    starred = {
        target
        for file in (repository.files if seeds else ())
        for match in _STAR_IMPORT.finditer(file.data)
        for target in _named(match.group(1).decode(), [""], file, index)
    }

    def matters(path: str) -> bool:
        data = by_path[path].data
        if path in starred or data.count(b"\n") < _SHORT:
            return bool(_MATTERS.search(data) or _HANDS_ON.search(data))
        return bool(_MATTERS.search(data))

    relevant = _closure(seeds, importers) | set(filter(matters, _closure(seeds, imports)))
    # What the importers use beside the models: registries, factories, and the
    # trainers whose loops call .train(), however many steps away.
    relevant |= _closure(
        relevant,
        {path: set(filter(matters, targets)) for path, targets in imports.items()},
    )
    modules, skipped = [], []
    for path in sorted(relevant):
        parsed = parse(by_path[path])
        if isinstance(parsed, Skipped):
            skipped.append(parsed)
        else:
            modules.append(Module(by_path[path], parsed, path.endswith("__init__.py")))
    return modules, skipped


def parse(source: SourceFile) -> ast.Module | Skipped:
    """The syntax tree, or the one line that says why there is none."""
    try:
        return source.tree
    except SyntaxError as error:
        where = f" (line {error.lineno})" if error.lineno else ""
        return Skipped(source.path, f"does not parse{where}: {error.msg}")


def _closure(start: Iterable[str], edges: dict[str, set[str]]) -> set[str]:
    seen = set(start)
    pending = list(seen)
    while pending:
        for path in edges.get(pending.pop(), ()):
            if path not in seen:
                seen.add(path)
                pending.append(path)
    return seen


def _imports(file: SourceFile, index: ModuleIndex) -> set[str]:
    found: set[str | None] = set()
    for match in _IMPORT.finditer(file.data):
        module, names, plain = match.groups()
        if plain is not None:
            for name in plain.split(b","):
                head = _NAME.search(name)
                if head:
                    found.add(index.find(head.group().decode(), file.path))
            continue
        children = [name.decode() for name in _NAME.findall(names)]
        found.update(_named(module.decode(), ["", *children], file, index))
    return {path for path in found if path is not None and path != file.path}


def _named(
    dotted: str, children: Iterable[str], file: SourceFile, index: ModuleIndex
) -> Iterator[str]:
    """The files that ``from <dotted> import <children>`` may mean."""
    stripped = dotted.lstrip(".")
    level = len(dotted) - len(stripped)
    for child in children:
        target = ".".join(part for part in (stripped, child) if part)
        path = None
        if level:
            path = index.find_relative(level, target, file.path)
        elif target:
            path = index.find(target, file.path)
        if path is not None:
            yield path
