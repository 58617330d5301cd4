"""What the names at the top level of a file mean, by its own statements alone."""

from __future__ import annotations

import ast
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import bound_names, exported_names, flat

_DEEPEST = 8  # modules that a name is handed through
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Binding(NamedTuple):
    """A statement that binds a name; an import says what it is, by dotted name.

    ``module`` is the repository's module that an import takes ``name`` from.
    """

    line: int
    statement: ast.stmt
    dotted: str = ""
    module: Module | None = None
    name: str = ""


class TopNames:
    """The top-level bindings of every module of the analysis, read when asked for."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._memo: dict[str, dict[str, list[Binding]]] = {}

    def of(self, path: str) -> dict[str, list[Binding]]:
        """Name to what binds it, in source order; star imports included."""
        if path not in self._memo:
            self.read(path, self._flow.by_path[path].tree)
        return self._memo[path]

    def read(self, path: str, tree: ast.Module) -> None:
        """Take in a file that the analysis did not need."""
        if path in self._memo:
            return
        names: dict[str, list[Binding]] = {}
        self._memo[path] = names  # at once: star imports may run in a circle
        for statement in flat(tree.body):
            self._read(path, statement, names)

    def torch_nn(self, path: str) -> str | None:
        """The expression under which the file knows ``torch.nn``, or ``None``."""
        found: str | None = None
        for name, bindings in self.of(path).items():
            kinds = {self._meaning(binding) for binding in bindings}
            if kinds == {"torch.nn"}:
                return name
            # ``import torch.nn`` and ``import torch`` both bind ``torch``.
            if kinds == {"torch"}:
                found = found or f"{name}.nn"
        return found

    def _meaning(self, binding: Binding, depth: int = 0) -> str:
        """The dotted name outside of the repository that a binding leads to, or ``""``."""
        if binding.module is None:
            return binding.dotted
        bindings = self.of(binding.module.path).get(binding.name, []) if depth < _DEEPEST else []
        found = {self._meaning(inner, depth + 1) for inner in bindings}
        return found.pop() if len(found) == 1 else ""

    def is_taken(self, path: str, name: str) -> bool:
        """Whether ``name`` is bound at the top level, or in a function or lambda of the file."""
        return name in self.of(path) or any(
            function.module.path == path and name in function.locals
            for function in self._flow.function_of.values()
        )

    def _read(self, path: str, statement: ast.stmt, names: dict[str, list[Binding]]) -> None:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                name = alias.asname or alias.name.split(".")[0]
                dotted = alias.name if alias.asname else name
                self._bind(names, name, Binding(statement.lineno, statement, dotted))
        elif isinstance(statement, ast.ImportFrom):
            self._read_from(path, statement, names)
        elif isinstance(statement, _SCOPES):
            self._bind(names, statement.name, Binding(statement.lineno, statement))
        else:
            for name in bound_names(statement):
                self._bind(names, name, Binding(statement.lineno, statement))

    def _read_from(
        self, path: str, statement: ast.ImportFrom, names: dict[str, list[Binding]]
    ) -> None:
        module = self._module(path, statement)
        for alias in statement.names:
            if alias.name == "*":
                for name in self._exported(module) if module is not None else ():
                    star = Binding(statement.lineno, statement, "", module, name)
                    self._bind(names, name, star)
                continue
            dotted = f"{statement.module}.{alias.name}" if statement.module else alias.name
            dotted = "." * statement.level + dotted
            binding = Binding(statement.lineno, statement, dotted, module, alias.name)
            self._bind(names, alias.asname or alias.name, binding)

    def _exported(self, module: Module) -> list[str]:
        """What ``from module import *`` brings."""
        names, listed = self.of(module.path), exported_names(module.tree)
        if not listed:
            return [name for name in names if not name.startswith("_")]
        return [name for name in listed if name in names]

    def _module(self, path: str, statement: ast.ImportFrom) -> Module | None:
        index, dotted = self._flow.index, statement.module or ""
        found = (
            index.find_relative(statement.level, dotted, path)
            if statement.level
            else index.find(dotted, path)
        )
        return self._flow.by_path[found] if found is not None else None

    def _bind(self, names: dict[str, list[Binding]], name: str, binding: Binding) -> None:
        names.setdefault(name, []).append(binding)
