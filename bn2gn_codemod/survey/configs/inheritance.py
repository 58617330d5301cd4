"""What a config says together with the files that it inherits from."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import posixpath
import re
from collections.abc import Callable
from pathlib import Path

from bn2gn_codemod.plan import Place, Skipped
from bn2gn_codemod.sources import SourceFile
from bn2gn_codemod.survey.configs.reading import BASE, Reader, base_files, base_modules
from bn2gn_codemod.survey.configs.values import Table, copied_table, merged

_USES_BASE = re.compile(r"\b_base_\s*[.\[]")


@dataclasses.dataclass(eq=False)
class Config:
    """One config file.

    ``own`` is what stands in the file, ``resolved`` what it amounts to with its
    bases. ``is_pure_python`` tells the ``read_base`` style from ``_base_``.
    ``problems`` says what could not be read, in this file and its bases.
    """

    source: SourceFile
    bases: tuple[Config, ...]
    own: Table
    resolved: Table
    is_pure_python: bool
    problems: tuple[Skipped, ...] = ()

    @property
    def path(self) -> str:
        return self.source.path

    def sources(self) -> dict[str, SourceFile]:
        """The file and all that it inherits from, by path."""
        found = {self.path: self.source}
        for base in self.bases:
            found |= base.sources()
        return found

    def family(self) -> set[str]:
        """The paths of the file and of all that it inherits from."""
        return set(self.sources())


class Configs:
    """Reads configs and their bases, each file once.

    ``load`` gives the file of a path (relative to the repository, or absolute),
    ``None`` where there is none.
    """

    def __init__(self, load: Callable[[str], SourceFile | None]) -> None:
        self._load = load
        self._read: dict[str, Config | None] = {}

    def read(self, path: str) -> Config | None:
        """The config in ``path``; ``None`` when there is no such file.

        Raises ``SyntaxError``, with its ``filename`` set, for one that does not parse.
        """
        if path not in self._read:
            source = self._load(path)
            self._read[path] = None  # an inheritance loop ends here
            if source is not None:
                self._read[path] = self._config(source)
        return self._read[path]

    def _config(self, source: SourceFile) -> Config:
        body = source.tree.body
        if any(map(base_modules, body)):
            return self._pure_python(source, body)
        return self._text(source, body)

    def _text(self, source: SourceFile, body: list[ast.stmt]) -> Config:
        names, all_read = base_files(source)
        problems = [] if all_read else [Skipped(source.path, f"{BASE} is computed; not followed")]
        bases = []
        for name, place in names:
            base = self._base(source, name, place, problems)
            if base:
                bases.append(base)
        inherited = Table(Place(source.path, 1))
        for base in bases:
            inherited = merged(inherited, base.resolved)
        if _USES_BASE.search(source.text):  # and may change what it gets there
            inherited = copied_table(inherited)
        reader = Reader(source, inherited)
        for statement in body:
            reader.run(statement)
        resolved = merged(inherited, reader.names)
        return self._finish(source, bases, reader, resolved, problems, is_pure_python=False)

    def _pure_python(self, source: SourceFile, body: list[ast.stmt]) -> Config:
        bases: list[Config] = []
        problems: list[Skipped] = []
        reader = Reader(source, Table(Place(source.path, 1)))
        for statement in body:
            imports = base_modules(statement)
            for node, names in imports:
                place = Place(source.path, node.lineno)
                base = self._base(source, _module_path(node, source.path), place, problems)
                if base:
                    bases.append(base)
                    reader.take(base.resolved, names)
            if not imports:
                reader.run(statement)
        return self._finish(source, bases, reader, reader.names, problems, is_pure_python=True)

    def _finish(
        self,
        source: SourceFile,
        bases: list[Config],
        reader: Reader,
        resolved: Table,
        problems: list[Skipped],
        *,
        is_pure_python: bool,
    ) -> Config:
        inherited = [problem for base in bases for problem in base.problems]
        found = (*inherited, *problems)
        return Config(source, tuple(bases), reader.names, resolved, is_pure_python, found)

    def _base(
        self, source: SourceFile, name: str, place: Place, problems: list[Skipped]
    ) -> Config | None:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source.path), name))
        package, separator, inside = name.partition("::")
        if separator:
            path = _installed(package, f".mim/configs/{inside}") or path
        elif name.startswith("/"):
            path = name
        base = self.read(path)
        if base is None:
            why = "was not found"
            if path in self._read and self._load(path) is not None:
                why = "leads back to it"
            elif separator:
                why += f"; is {package} installed where bn2gn runs?"
            problems.append(Skipped(source.path, f"line {place.line}: its base {name} {why}"))
        return base


def _module_path(node: ast.ImportFrom, importer: str) -> str:
    """The file of ``from .._base_.model import *``, relative to the importer's folder."""
    parts = (node.module or "").split(".")
    if node.level:
        return "/".join([".."] * (node.level - 1) + parts) + ".py"
    inside = "/".join(parts[1:]) + ".py"
    return _installed(parts[0], inside) or posixpath.relpath(
        "/".join(parts) + ".py", posixpath.dirname(importer) or "."
    )


def _installed(package: str, inside: str) -> str | None:
    """A file of an installed package, found without importing it."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder, inside)
        if path.is_file():
            return path.as_posix()
    return None
