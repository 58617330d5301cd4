"""Importing from the module that ``shared-module`` names."""

from __future__ import annotations

from bn2gn_codemod.sources import Repository
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.top_names import TopNames
from bn2gn_codemod.survey.statements.import_names import ImportNames


class NotPlaced(Exception):
    """A file cannot have a generated function; the message says why."""


class SharedImport:
    """By which name each file can import the shared module at ``path``."""

    def __init__(self, flow: Flow, repository: Repository, names: TopNames, path: str) -> None:
        self._flow = flow
        self._repository = repository
        self._names = names
        self._imports: ImportNames | None = None
        self.path = path

    def name_for(self, importer: str) -> str:
        """The dotted name; raises ``NotPlaced``."""
        if self._imports is None:
            files = {file.path for file in self._repository.files}
            self._imports = ImportNames(self._flow.modules, sorted(files | {self.path}))
        if self._reaches(self.path, importer):
            raise NotPlaced(f"{self.path} imports this file, which cannot import it in turn")
        dotted = self._imports.name_for(importer, self.path)
        if dotted is None:
            raise NotPlaced(f"by which name it can import {self.path} cannot be told")
        return dotted

    def exists(self) -> bool:
        """Whether the file is there; reads its names, and raises ``NotPlaced``."""
        source = self._repository.file(self.path)
        if source is None:
            return False
        try:
            self._names.read(self.path, source.tree)
        except SyntaxError:
            raise NotPlaced(f"{self.path} does not parse") from None
        return True

    def _reaches(self, start: str, goal: str) -> bool:
        """Whether importing ``start`` imports ``goal`` by its top-level statements."""
        seen, pending = {start}, [start]
        while pending:
            path = pending.pop()
            if path not in self._flow.by_path:
                continue
            for bindings in self._names.of(path).values():
                for binding in bindings:
                    target = binding.module.path if binding.module is not None else None
                    if target == goal:
                        return True
                    if target is not None and target not in seen:
                        seen.add(target)
                        pending.append(target)
        return False
