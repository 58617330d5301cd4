"""Stands in for modules that the repository imports and that are not there.

Only for imports written in the repository's own files: libraries probe for
optional modules and must see that they are missing. So must a file that is
ready for it (``try: import x`` with ``except ImportError``).
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import os
import re
import sys
import types
from types import FrameType
from typing import Any, Sequence

from . import deformable, inert
from .tree import Tree, stack

_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
_MACHINERY = ("importlib", "_frozen_importlib", "_frozen_importlib_external")
_COMPILED = re.compile(r"_.*|.*_(ext|cuda|cpu|gpu|cpp|c|kernels?)", re.IGNORECASE)
_COMPILED_SOURCES = (".pyx", ".c", ".cc", ".cpp", ".cu")


class StandIn(types.ModuleType):
    """A module whose every name is a stand-in."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "Stands in for a module that could not be found.")
        self.__path__: list[str] = []
        self.__version__ = "0.0.0"
        self.has_deformable = any(deformable.is_name(part) for part in name.split("."))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = deformable.make(name)
        if value is None:
            value = inert.make(f"{self.__name__}.{name}")
        else:
            self.has_deformable = True
        setattr(self, name, value)
        return value


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The last finder asked: what reaches it was found nowhere."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._trees: dict[str, ast.Module | None] = {}
        self._made: dict[str, tuple[StandIn, str]] = {}
        self._compiled = _compiled_names(tree.root)
        self._repaired: set[str] = set()

    def install(self) -> None:
        sys.meta_path.append(self)

    @property
    def stubs(self) -> list[dict[str, str]]:
        """What was stood in for so far."""
        return [
            {"module": name, "kind": self._kind(module, importer), "imported_by": importer}
            for name, (module, importer) in sorted(self._made.items())
        ]

    def repair_deformable(self) -> None:
        """Replace the kernels of the repository's own classes that import something missing."""
        folders = {
            importer.rpartition("/")[0]
            for name, (_, importer) in self._made.items()
            if self._may_be_kernels(name.rpartition(".")[2])
        }
        self._repaired |= deformable.repair(self._tree, folders)

    def _kind(self, module: StandIn, importer: str) -> str:
        is_deformable = module.has_deformable or importer.rpartition("/")[0] in self._repaired
        return "deformable convolution" if is_deformable else "inert"

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        importer = self._importer(fullname)
        if importer is None or not self._may_stand_in(fullname):
            return None
        self._made[fullname] = (StandIn(fullname), importer)
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return self._made[spec.name][0]

    def exec_module(self, module: types.ModuleType) -> None:
        pass

    def _importer(self, fullname: str) -> str | None:
        """The repository's file whose import statement needs ``fullname``."""
        importer: str | None = None
        for frame in stack(2):
            module = str(frame.f_globals.get("__name__"))
            if module == "importlib.util" and frame.f_code.co_name == "find_spec":
                return None  # a question whether it is there, not an import
            if module.partition(".")[0] in _MACHINERY:
                continue
            filename = frame.f_code.co_filename
            path = self._tree.relative(filename)
            if path is None and importer is None:
                return None
            if path is not None:
                if self._expects_failure(filename, frame):
                    return None
                importer = importer or path
        return importer

    def _expects_failure(self, filename: str, frame: FrameType) -> bool:
        tree = self._parsed(filename)
        return tree is not None and _is_guarded(tree.body, frame.f_lineno)

    def _parsed(self, filename: str) -> ast.Module | None:
        if filename not in self._trees:
            try:
                with open(filename, "rb") as file:
                    self._trees[filename] = ast.parse(file.read())
            except (OSError, SyntaxError, ValueError):
                self._trees[filename] = None
        return self._trees[filename]

    def _may_stand_in(self, fullname: str) -> bool:
        parent, _, name = fullname.rpartition(".")
        package = sys.modules.get(parent)
        if package is None or isinstance(package, StandIn):
            return True
        folders = list(getattr(package, "__path__", ()))
        if not any(self._tree.relative(os.path.join(folder, "x")) for folder in folders):
            return True
        # A module of the repository's own that is missing is a mistake, unless
        # it is compiled or a submodule that was not checked out.
        return self._may_be_kernels(name) or not any(map(_has_python, folders))

    def _may_be_kernels(self, name: str) -> bool:
        return (
            name in self._compiled
            or _COMPILED.fullmatch(name) is not None
            or deformable.is_name(name)
        )


def _has_python(folder: str) -> bool:
    try:
        return any(name.endswith(".py") for name in os.listdir(folder))
    except OSError:
        return False


def _compiled_names(root: str) -> set[str]:
    found = set()
    for _, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            stem, extension = os.path.splitext(name)
            if extension in _COMPILED_SOURCES:
                found.add(stem)
    return found


def _is_guarded(body: Sequence[ast.stmt], line: int) -> bool:
    """Whether the statement at ``line`` is an import whose failure is handled."""
    for statement in body:
        if not statement.lineno <= line <= (statement.end_lineno or statement.lineno):
            continue
        handled = False
        if isinstance(statement, ast.Try) and _covers(statement.body, line):
            handled = any(map(_handles, statement.handlers))
        elif isinstance(statement, ast.With):
            handled = any("suppress" in ast.dump(item.context_expr) for item in statement.items)
        if handled and _is_import(_blocks(statement)[0], line):
            return True
        return any(_is_guarded(inner, line) for inner in _blocks(statement))
    return False


def _blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    blocks = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
    return blocks + [handler.body for handler in getattr(statement, "handlers", [])]


def _covers(body: Sequence[ast.stmt], line: int) -> bool:
    return body[0].lineno <= line <= (body[-1].end_lineno or body[-1].lineno)


def _is_import(body: Sequence[ast.stmt], line: int) -> bool:
    return any(
        isinstance(node, (ast.Import, ast.ImportFrom))
        or (isinstance(node, ast.Call) and "import" in ast.dump(node.func))
        for statement in body
        for node in ast.walk(statement)
        if getattr(node, "lineno", 0) <= line <= (getattr(node, "end_lineno", None) or 0)
    )


def _handles(handler: ast.ExceptHandler) -> bool:
    caught = [handler.type] if handler.type is not None else []
    if isinstance(handler.type, ast.Tuple):
        caught = list(handler.type.elts)
    names = {node.id for node in caught if isinstance(node, ast.Name)}
    if handler.type is not None and not names & _IMPORT_ERRORS:
        return False
    return not _gives_up(handler.body[-1])


def _gives_up(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Raise):
        return True
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and "exit" in ast.dump(call.func)
