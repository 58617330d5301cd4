"""Classes and functions that nothing in the repository names: nobody builds or calls them.

Names are compared as such, in whatever module they stand, and words in strings that are no
documentation count as names too. So a class is unreferenced only where nothing else goes by
its name, and where no code looks names up that are put together at run time.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax import call_name
from bn2gn_codemod.survey.values import Class, ModuleValue, NamespaceValue, Spot

_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

# Calls that may give whatever goes by a name that is not in the code.
_LOOK_UP = frozenset({"eval", "exec", "globals", "locals", "__import__"})
_LOOK_UP_IN = frozenset({"getmembers", "__subclasses__", "locate", "instantiate", "import_string"})
_IMPORTS_BY_NAME = re.compile(rb"\b(?:import_module|spec_from_file_location)\(|\bsys\.modules\[")
# Functions that are called from outside of the code, by a command or a test runner.
_ENTRY = re.compile(r"main|run|train|test|setup|demo|eval|infer|cli|app|pytest", re.IGNORECASE)
_ENTRY_FILE = re.compile(r"(?:^|/)(?:hubconf\.py$|conftest\.py$|tests?/|test_[^/]*$)|_test\.py$")
_WORD = re.compile(r"[A-Za-z_]\w*")


class Unreferenced:
    """The definitions at the top of modules that are named by no code but such definitions."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def is_unused(self, cls: Class) -> bool:
        """Whether nothing builds a class, however it may be looked up."""
        return cls.node in self._unused and all(
            made.spot is None or self._is_inside(made.spot)
            for child in cls.descendants()
            for made in self._flow.instances.get(child, ())
        )

    def _is_inside(self, spot: Spot) -> bool:
        """Whether code stands in a definition that is unused itself."""
        return any(
            one in self._unused and one.lineno <= spot.line <= (one.end_lineno or 0)
            for one in spot.module.tree.body
            if isinstance(one, _Definition)
        )

    @functools.cached_property
    def _unused(self) -> set[_Definition]:
        if self._looks_names_up():
            return set()
        named = {word for file in self._flow.unread for word in _WORD.findall(file.text)}
        kept: dict[str, list[_Definition]] = {}
        for module in self._flow.modules:
            for statement in module.tree.body:
                if isinstance(statement, _Definition) and not _is_entry(module, statement):
                    kept.setdefault(statement.name, []).append(statement)
                else:
                    named.update(_names(statement))
        pending = [name for name in named if name in kept]
        while pending:
            for definition in kept.pop(pending.pop(), ()):
                new = _names(definition) - named
                named |= new
                pending.extend(name for name in new if name in kept)
        return {definition for left in kept.values() for definition in left}

    def _looks_names_up(self) -> bool:
        return any(
            self._is_look_up(node)
            for module in self._flow.modules
            for node in ast.walk(module.tree)
            if isinstance(node, (ast.Call, ast.Subscript))
        )

    def _is_look_up(self, node: ast.Call | ast.Subscript) -> bool:
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _LOOK_UP:
                return True
            case ast.Call(func=ast.Name(id="getattr"), args=[base, name, *_]):
                return not isinstance(name, ast.Constant) and self._may_be_module(base)
            case ast.Call():
                return call_name(node) in _LOOK_UP_IN
            case ast.Subscript(value=base, slice=key):
                return not isinstance(key, ast.Constant) and self._is_namespace(base)

    def _may_be_module(self, base: ast.expr) -> bool:
        """Whether an object is a module of the repository, or what is not followed."""
        held = list(self._flow.value_of(base))
        if not held and not (isinstance(base, ast.Name) and base.id == "self"):
            return self._imports_by_name
        return any(isinstance(value, (ModuleValue, NamespaceValue)) for value in held)

    @functools.cached_property
    def _imports_by_name(self) -> bool:
        return any(_IMPORTS_BY_NAME.search(module.source.data) for module in self._flow.modules)

    def _is_namespace(self, base: ast.expr) -> bool:
        return any(isinstance(value, NamespaceValue) for value in self._flow.value_of(base))


def _is_entry(module: Module, definition: _Definition) -> bool:
    """Whether a definition is for more than the code that names it."""
    if definition.decorator_list or _ENTRY_FILE.search(module.path):
        return True
    if isinstance(definition, ast.ClassDef):
        return bool(definition.keywords)  # a metaclass may register it
    return _ENTRY.search(definition.name) is not None


def _names(statement: ast.stmt) -> set[str]:
    return set(_found_names(statement))


def _found_names(statement: ast.stmt) -> Iterator[str]:
    documentation = {one.value for one in ast.walk(statement) if isinstance(one, ast.Expr)}
    for node in ast.walk(statement):
        match node:
            case ast.Constant() if node in documentation:
                pass
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.keyword(arg=str(name)):
                yield name
            case ast.alias(name=name):
                yield from _WORD.findall(name)
            case ast.Constant(value=str(text)):
                yield from _WORD.findall(text)
            case _:
                pass
