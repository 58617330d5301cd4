"""Dicts that are written out under keys, and never changed: which entry a name means.

``table[name]["make"]`` of ``table = {"a": {"make": net_a, "url": "..."}, ...}`` is one of those
that stand under that key, and none of the other values there. The flow of values does not tell
the entries of a dict apart.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Function

Entries = dict[str, ast.expr]
_READING_CALLS = frozenset({"len", "list", "sorted", "print", "tuple", "set"})


class Table(NamedTuple):
    """A dict, its values by key, and the module at whose top it stands; ``None``: a function's."""

    entries: Entries
    home: Module | None


class WrittenTables:
    """Finds the tables of a repository by the names that they are read by."""

    def __init__(
        self,
        modules: list[Module],
        bindings: dict[tuple[str, str], tuple[Module | str, str | None]],
    ) -> None:
        self._modules = modules
        self._bindings = bindings
        self._known: dict[tuple[str, str], Table | None] = {}

    def named(self, function: Function, name: str) -> Table | None:
        """The table that a name stands for in a function; ``None``: it may be something else."""
        if not isinstance(function.node, ast.Module):
            if name in function.locals:
                return _local(function, name)
            outer = function.outer
            while outer is not None and not isinstance(outer.node, ast.Module):
                if name in outer.locals:
                    return None
                outer = outer.outer
        module = function.module
        home, own = self._bindings.get((module.path, name), (module, name))
        if isinstance(home, str) or own is None:
            return None
        key = home.path, own
        if key not in self._known:
            self._known[key] = self._of_module(home, own)
        return self._known[key]

    def entry(self, function: Function, expr: ast.expr) -> tuple[list[ast.expr], Table] | None:
        """What ``table[name]["key"]`` may be, by each of the inner dicts that it may stand in."""
        match expr:
            case ast.Subscript(
                value=ast.Subscript(value=ast.Name(id=name), slice=outer),
                slice=ast.Constant(value=str(key)),
                ctx=ast.Load(),
            ):
                table = self.named(function, name)
            case _:
                return None
        if table is None:
            return None
        rows = table.entries
        if isinstance(outer, ast.Constant) and outer.value in rows:
            rows = {outer.value: rows[outer.value]}
        inner = [written_entries(row) for row in rows.values()]
        if not inner or any(row is None for row in inner):
            return None
        return [row[key] for row in inner if row is not None and key in row], table

    def _of_module(self, home: Module, name: str) -> Table | None:
        entries = _only_dict(home.tree, home.tree.body, name)
        if entries is None:
            return None
        for module in self._modules:
            if module is not home and not _is_only_read_in(module, name, entries):
                return None
        return Table(entries, home)


def _local(function: Function, name: str) -> Table | None:
    node = function.node
    if name in function.parameters or name in function.global_names | function.nonlocal_names:
        return None
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    entries = _only_dict(node, node.body, name)
    return None if entries is None else Table(entries, None)


def _only_dict(tree: ast.AST, body: list[ast.stmt], name: str) -> Entries | None:
    """The dict that one statement of a body gives a name, where nothing does more to it."""
    given: list[ast.expr] = [
        statement.value
        for statement in body
        if isinstance(statement, ast.Assign)
        and any(isinstance(one, ast.Name) and one.id == name for one in statement.targets)
        and len(statement.targets) == 1
    ]
    entries = written_entries(given[0]) if len(given) == 1 else None
    if entries is None or not _is_only_read(tree, name, entries):
        return None
    stores = 0
    for node in walk(tree):
        match node:
            case ast.Name(id=one, ctx=ast.Store() | ast.Del()) if one == name:
                stores += 1
            case ast.Global(names=names) | ast.Nonlocal(names=names) if name in names:
                return None
            case ast.alias(name=one, asname=other) if name in (one, other):
                return None
            case _:
                pass
    return entries if stores == 1 else None


def written_entries(expr: ast.expr) -> Entries | None:
    """The values of a dict by its keys, where all of these are texts that are written out."""
    if not isinstance(expr, ast.Dict):
        return None
    entries: Entries = {}
    for key, value in zip(expr.keys, expr.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            return None
        entries[key.value] = value
    return entries


def _is_only_read_in(module: Module, name: str, entries: Entries) -> bool:
    """Whether another module leaves the table as it is, should it mean it by that name."""
    if not any(name in line for line in module.source.lines):
        return True
    for node in ast.walk(module.tree):
        match node:
            case ast.alias(name=one, asname=str(other)) if one == name and other != name:
                return False  # by another name
            case _:
                pass
    return _is_only_read(module.tree, name, entries)


def _is_only_read(tree: ast.AST, name: str, entries: Entries) -> bool:
    """Whether all that code does with a table is to read entries of it."""
    has_rows = any(isinstance(value, (ast.Dict, ast.List)) for value in entries.values())
    parents: dict[ast.AST, ast.AST] = {}
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            parents[child] = node
    for node in list(parents):
        if isinstance(node, ast.Constant) and node.value == name:
            return False  # setattr(net, "table", {...})
        match node:
            case ast.Name(id=one, ctx=ast.Load()) | ast.Attribute(attr=one, ctx=ast.Load()):
                if one == name and not _reads(node, parents, has_rows=has_rows):
                    return False
            case ast.Attribute(attr=one) if one == name:
                return False
            case _:
                pass
    return True


def _reads(node: ast.expr, parents: dict[ast.AST, ast.AST], *, has_rows: bool) -> bool:
    """Whether an expression is only asked for entries; ``has_rows``: and for entries of these."""
    match parents[node]:
        case ast.Compare(ops=[ast.In() | ast.NotIn()]):
            return True
        case ast.Call(func=ast.Name(id=called)):
            return called in _READING_CALLS
        case ast.Attribute(attr=method) as asked:
            if method == "keys":
                return True
            if method in ("items", "values", "get"):
                return not has_rows and isinstance(parents[asked], ast.Call)
            return False
        case ast.Subscript(ctx=ast.Load(), value=owner) as row if owner is node:
            return not has_rows or _reads_row(row, parents)
        case ast.For(iter=iterated):
            return iterated is node
        case ast.comprehension(iter=iterated):
            return iterated is node
        case _:
            return False


def reads_entry(node: ast.expr, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether an expression is only asked for an entry under a written key, or for the key."""
    match parents[node]:
        case ast.Compare(ops=[ast.In() | ast.NotIn()]):
            return True
        case ast.Subscript(ctx=ast.Load(), value=owner, slice=ast.Constant(value=str())):
            return owner is node
        case _:
            return False


def _reads_row(row: ast.expr, parents: dict[ast.AST, ast.AST]) -> bool:
    match parents[row]:
        case ast.Subscript(ctx=ast.Load(), value=owner):
            return owner is row
        case ast.Attribute(attr="get" | "keys") as asked:
            return isinstance(parents[asked], ast.Call)
        case ast.Compare(ops=[ast.In() | ast.NotIn()]):
            return True
        case _:
            return False
