"""Classes and functions that nothing in the repository names: nobody builds or calls them.

A class of which parts are judged is taken for used, whoever builds it: what it names is, too.

Names are compared as such, in whatever module they stand, and words in strings that are no
documentation count as names too. So a class is unreferenced only where nothing else goes by
its name, and where no code looks names up that are put together at run time: anywhere, or in a
module that has the name.
"""

from __future__ import annotations

import ast
import fnmatch
import functools
import re
from collections.abc import Callable, Iterable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.registered_lookups import RegisteredLookups
from bn2gn_codemod.survey.flow.registering_bases import RegisteringBases
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import call_name, nodes_on, walk
from bn2gn_codemod.survey.values import Class, Lost, ModuleValue, NamespaceValue, Spot

_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

# Calls that may give whatever goes by a name that is not in the code.
_LOOK_UP = frozenset({"eval", "exec", "__import__"})
_LOOK_UP_HERE = frozenset({"globals", "locals"})
_LOOK_UP_IN = frozenset({
    "getmembers", "__subclasses__", "locate", "instantiate", "import_string", "run_path",
    "run_module", "entry_points", "iter_entry_points", "load_entry_point", "DriverManager",
    "LightningCLI", "instantiate_classes",
})  # fmt: skip
_CALLED = sorted({*_LOOK_UP, *_LOOK_UP_HERE, *_LOOK_UP_IN, "getattr", "vars"})
# Alternatives that begin with a letter each are searched for fastest.
_MAY_LOOK_UP = re.compile(
    "|".join([*(rf"{name}\s*\(" for name in _CALLED), "__dict__", r"sys\.modules"]).encode()
)
_IMPORTS_BY_NAME = re.compile(
    rb"\b(?:import_module|spec_from_file_location|load_source)\(|\bsys\.modules\["
)
# Functions that are called from outside of the code, by a command or a test runner.
_ENTRY = re.compile(r"main|run|train|test|setup|demo|eval|infer|cli|app|pytest", re.IGNORECASE)
_ENTRY_FILE = re.compile(r"(?:^|/)(?:hubconf\.py$|conftest\.py$|tests?/|test_[^/]*$)|_test\.py$")
_WORD = re.compile(r"[A-Za-z_]\w*")


class Unreferenced:
    """The definitions at the top of modules that are named by no code but such definitions."""

    def __init__(self, flow: Flow, is_judged: Callable[[Class], bool]) -> None:
        self._flow = flow
        self._is_judged = is_judged
        self._names: dict[ast.stmt, frozenset[str]] = {}
        self._used: dict[str, bool] = {}
        self._registered = RegisteredLookups(flow)
        self._bases = RegisteringBases(flow)

    def is_unused(self, cls: Class) -> bool:
        """Whether nothing builds a class, however it may be looked up."""
        return self._is_unused(cls.module, cls.node) and all(
            made.spot is None or self._is_inside(made.spot)
            for child in cls.descendants()
            for made in self._flow.instances.get(child, ())
        )

    def _is_inside(self, spot: Spot) -> bool:
        """Whether code stands in a definition that is unused itself."""
        return any(
            one.lineno <= spot.line <= (one.end_lineno or 0) and self._is_unused(spot.module, one)
            for one in spot.module.tree.body
            if isinstance(one, _Definition)
        )

    def _is_unused(self, module: Module, definition: _Definition) -> bool:
        if definition not in module.tree.body or self._is_entry(module, definition):
            return False
        return not self._is_used(definition.name)

    def _is_entry(self, module: Module, definition: _Definition) -> bool:
        """Whether a definition is for more than the code that names it."""
        if _is_entry(module, definition):
            return True
        return isinstance(definition, ast.ClassDef) and self._bases.may_tell(
            self._flow.class_of[definition]
        )

    def _is_used(self, name: str) -> bool:
        """Whether anything goes by the name outside of what is unused itself."""
        if name not in self._used:
            seen = {name}
            pending = [name]
            self._used[name] = any(self._is_reached(one, seen, pending) for one in pending)
            if not self._used[name]:
                self._used.update(dict.fromkeys(pending, False))
        return self._used[name]

    def _is_reached(self, name: str, seen: set[str], pending: list[str]) -> bool:
        """Whether something that is used names it; what may be unused is ``pending``."""
        if name in self._unread_words or self._is_looked_up(name):
            return True
        # Imports are read soonest, and are mostly enough.
        if any(True for _ in self._naming(name, in_definitions=False)):
            return True
        for module, statement in self._naming(name, in_definitions=True):
            assert isinstance(statement, _Definition)
            if self._is_entry(module, statement) or self._used.get(statement.name):
                return True
            if isinstance(statement, ast.ClassDef) and self._is_judged(
                self._flow.class_of[statement]
            ):
                return True
            if statement.name not in seen and statement.name not in self._used:
                seen.add(statement.name)
                pending.append(statement.name)
        return False

    def _naming(self, name: str, *, in_definitions: bool) -> Iterator[tuple[Module, ast.stmt]]:
        """The statements at the top of modules that name something, its definitions left out."""
        text = name.encode()
        for module in self._flow.modules:
            if text not in module.source.data:
                continue
            for statement in module.tree.body:
                if isinstance(statement, _Definition):
                    is_asked = in_definitions and statement.name != name
                else:
                    is_asked = not in_definitions
                if is_asked and name in self._names_in(statement):
                    yield module, statement

    def _names_in(self, statement: ast.stmt) -> frozenset[str]:
        known = self._names.get(statement)
        if known is None:
            known = self._names[statement] = frozenset(_found_names(statement))
        return known

    @functools.cached_property
    def _unread_words(self) -> set[str]:
        return {word for file in self._flow.unread for word in _WORD.findall(file.text)}

    def _is_looked_up(self, name: str) -> bool:
        """Whether a name that is put together may be that one, where it is looked for."""
        if self._looked_into is None:
            return True
        scopes = (self._flow.top_level[module.path] for module in self._looked_into)
        return any(
            name in scope.locals or any(fnmatch.fnmatchcase(name, one) for one in scope.computed)
            for scope in scopes
        )

    @functools.cached_property
    def _looked_into(self) -> dict[Module, None] | None:
        """The modules in which code looks for names; ``None``: it may do so in any."""
        found: dict[Module, None] = {}
        unnamed: list[Module] = []
        for module in self._flow.modules:
            for node in nodes_on(module.tree, _lines_with(_MAY_LOOK_UP, module.source.data)):
                if isinstance(node, (ast.Call, ast.Subscript)):
                    where = self._where_looked_up(module, node)
                    if where is not None:
                        found.update(dict.fromkeys(where))
                    elif self._is_in_unnamed(module, node):
                        unnamed.append(module)
                    else:
                        return None
        # A class that nothing names may be looked up itself, and look for more then.
        return None if any(module in found for module in unnamed) else found

    def _is_in_unnamed(self, module: Module, node: ast.expr) -> bool:
        """Whether code stands in a class that no other code names; functions may be for others."""
        return any(
            one.lineno <= node.lineno <= (one.end_lineno or 0)
            and not (self._is_entry(module, one) or self._is_named(one.name))
            for one in module.tree.body
            if isinstance(one, ast.ClassDef)
        )

    def _is_named(self, name: str) -> bool:
        """Whether anything goes by a name, whatever that is for."""
        unfollowed = any(name.encode() in file.data for file in self._flow.left_out)
        return (
            unfollowed
            or name in self._unread_words
            or any(True for _ in self._naming(name, in_definitions=False))
            or any(True for _ in self._naming(name, in_definitions=True))
        )

    def _where_looked_up(
        self, module: Module, node: ast.Call | ast.Subscript
    ) -> Iterable[Module] | None:
        """The modules in which an expression looks for a name; ``None``: it may be any."""
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _LOOK_UP:
                return None
            case ast.Call(func=ast.Name(id=name)) if name in _LOOK_UP_HERE:
                return [module]
            case ast.Call(func=ast.Name(id="getattr"), args=[base, name, *_]):
                if isinstance(name, ast.Constant) or self._registered.is_one(module, base, name):
                    return []
                return self._modules_in(base)
            case ast.Call():
                return None if call_name(node) in _LOOK_UP_IN else []
            case ast.Subscript(slice=ast.Constant()):
                return []
            case ast.Subscript(
                value=ast.Attribute(value=base, attr="__dict__")
                | ast.Call(func=ast.Name(id="vars"), args=[base]),
                ctx=ast.Load(),
            ):
                return self._modules_in(base)
            case ast.Subscript(value=base):
                return self._namespaces_in(base)

    def _modules_in(self, base: ast.expr) -> Iterable[Module] | None:
        """The modules that an object may be; ``None`` where it is not followed."""
        held = list(self._flow.value_of(base))
        if not held and not (isinstance(base, ast.Name) and base.id == "self"):
            return None if self._imports_by_name else []
        if any(isinstance(value, Lost) for value in held):
            return None
        return [one.module for one in held if isinstance(one, (ModuleValue, NamespaceValue))]

    def _namespaces_in(self, base: ast.expr) -> Iterable[Module]:
        held = self._flow.value_of(base)
        return [value.module for value in held if isinstance(value, NamespaceValue)]

    @functools.cached_property
    def _imports_by_name(self) -> bool:
        return any(_IMPORTS_BY_NAME.search(module.source.data) for module in self._flow.modules)


def _lines_with(pattern: re.Pattern[bytes], data: bytes) -> list[int]:
    lines: list[int] = []
    line, read = 1, 0
    for match in pattern.finditer(data):
        line += data.count(b"\n", read, match.start())
        read = match.start()
        lines.append(line)
    return sorted(set(lines))


def _is_entry(module: Module, definition: _Definition) -> bool:
    """Whether somebody knows a definition by what stands in it."""
    if definition.decorator_list or _ENTRY_FILE.search(module.path):
        return True
    if isinstance(definition, ast.ClassDef):
        return bool(definition.keywords)  # a metaclass may register it
    return _ENTRY.search(definition.name) is not None


def _found_names(statement: ast.stmt) -> Iterator[str]:
    nodes = walk(statement)
    documentation = {one.value for one in nodes if isinstance(one, ast.Expr)}
    for node in nodes:
        match node:
            case ast.Constant() if node in documentation:
                pass
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case ast.keyword(arg=str(name)):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                for alias in names:
                    yield from _WORD.findall(alias.name)
            case ast.Constant(value=str(text)):
                yield from _WORD.findall(text)
            case _:
                pass
