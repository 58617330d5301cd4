"""Dicts that are written out and handed over: ``Model(dict)``, which reads ``parts["backbone"]``.

Where all calls of a function are known by its name, each of them hands over a dict under written
keys, and no code does more with it than to read entries, an entry is none of the others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.written_tables import Entries, reads_entry, written_entries
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import call_name, nodes_on, walk
from bn2gn_codemod.survey.values import Function

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Handed(NamedTuple):
    """A dict that a function hands over."""

    caller: Function
    made: ast.Dict
    entries: Entries


class _Site(NamedTuple):
    caller: Function
    call: ast.Call


class HandedTables:
    """Finds what a parameter is handed, where that is a dict in each call."""

    def __init__(self, modules: list[Module], function_of: dict[ast.AST, Function]) -> None:
        self._modules = modules
        self._function_of = function_of
        self._known: dict[tuple[Function, str], list[Handed] | None] = {}

    def of(self, function: Function, parameter: str) -> list[Handed] | None:
        """The dicts that a parameter may be; ``None``: it may be something else."""
        key = function, parameter
        if key not in self._known:
            self._known[key] = None  # a function that hands it to itself
            self._known[key] = self._found(function, parameter)
        return self._known[key]

    def _found(self, function: Function, parameter: str) -> list[Handed] | None:
        node = function.node
        if not isinstance(node, _DEFINITIONS) or node.decorator_list or function.outer is None:
            return None
        if parameter not in function.parameters - function.extra_parameters:
            return None
        sites = self._sites(function) if self._only_reads(function, parameter, ()) else None
        found: list[Handed] = []
        for site in sites or ():
            handed = self._handed(function, parameter, site)
            if handed is None:
                return None
            found += handed
        return found or None

    def _only_reads(self, function: Function, name: str, above: tuple[Function, ...]) -> bool:
        """Whether code only asks a dict for entries, or hands it to a method that does."""
        parents = _parents(function.node)
        for node in parents:
            if not isinstance(node, ast.Name) or node.id != name:
                continue
            taking = self._own_method(function, parents[node])
            if taking is None or taking in above:
                if isinstance(node.ctx, ast.Load) and reads_entry(node, parents):
                    continue
                return False
            parameter = _parameter_of(taking, parents[node], node)
            if parameter is None or not self._only_reads(taking, parameter, (*above, function)):
                return False
        return True

    def _own_method(self, function: Function, call: ast.AST) -> Function | None:
        """The method of the same object that a call is of, if no other class has one like it."""
        cls = function.class_
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=own), attr=method)) if (
                cls is not None and own == function.first_parameter
            ):
                is_only_one = all(method not in one.methods for one in cls.descendants()[1:])
                return cls.methods.get(method) if is_only_one else None
            case _:
                return None

    def _sites(self, function: Function) -> list[_Site] | None:
        """All calls of a function; ``None`` where it may be called in ways that are not seen."""
        cls, name = function.class_, function.name
        if function.is_constructor and cls is not None:
            if cls.children or cls.parents or cls.node.decorator_list:
                return None
            name = cls.name
        own: ast.AST = cls.node if function.is_constructor and cls is not None else function.node
        name = name.rpartition(".")[2]
        found: list[_Site] = []
        for module in self._modules:
            if name.encode() in module.source.data:
                sites = self._sites_in(module, name, own)
                if sites is None:
                    return None
                found += sites
        return found

    def _sites_in(self, module: Module, name: str, own: ast.AST) -> list[_Site] | None:
        lines = [at for at, line in enumerate(module.source.lines, 1) if name in line]
        around = nodes_on(module.tree, lines)
        parents = {child: node for node in around for child in ast.iter_child_nodes(node)}
        found: list[_Site] = []
        for node, parent in parents.items():
            if node is own or not _names(node, name):
                continue
            if isinstance(node, ast.alias) and node.asname is None:
                continue
            if isinstance(parent, ast.Call) and call_name(parent) == "super":
                continue
            caller = self._function_around(node, parents)
            if not isinstance(parent, ast.Call) or parent.func is not node or caller is None:
                return None
            found.append(_Site(caller, parent))
        return found

    def _function_around(self, node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Function | None:
        while node in parents:
            node = parents[node]
            if isinstance(node, (*_DEFINITIONS, ast.Lambda, ast.ClassDef)):
                is_plain = isinstance(node, _DEFINITIONS)
                return self._function_of.get(node) if is_plain else None
        return None

    def _handed(self, function: Function, parameter: str, site: _Site) -> list[Handed] | None:
        given = next(
            (
                one
                for one in _arguments(site.call)
                if _parameter_of(function, site.call, one) == parameter
            ),
            None,
        )
        if isinstance(given, ast.Dict):
            entries = written_entries(given)
            return None if entries is None else [Handed(site.caller, given, entries)]
        if not isinstance(given, ast.Name):
            return None
        if given.id in site.caller.parameters:
            return self.of(site.caller, given.id)
        made = _local_dict(site.caller, given, site.call)
        entries = None if made is None else written_entries(made)
        return None if made is None or entries is None else [Handed(site.caller, made, entries)]


def _local_dict(caller: Function, given: ast.Name, call: ast.Call) -> ast.Dict | None:
    """The dict that a function gives a name once, to hand it over in a call alone."""
    node, name = caller.node, given.id
    if name not in caller.locals or not isinstance(node, _DEFINITIONS):
        return None
    if name in caller.global_names | caller.nonlocal_names:
        return None
    parents = _parents(node)
    given_by = [one for one in parents if isinstance(one, ast.Name) and one.id == name]
    stores = [one for one in given_by if not isinstance(one.ctx, ast.Load)]
    reads = [one for one in given_by if one not in stores and one is not given]
    if len(stores) != 1 or not all(reads_entry(one, parents) for one in reads):
        return None
    if any(isinstance(one, (ast.Global, ast.Nonlocal)) for one in parents):
        return None
    match parents[stores[0]]:
        case ast.Assign(targets=[_], value=ast.Dict() as made) as statement if (
            statement in node.body and statement.lineno < call.lineno
        ):
            return made
        case _:
            return None


def _parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    return {child: node for node in walk(tree) for child in ast.iter_child_nodes(node)}


def _names(node: ast.AST, name: str) -> bool:
    """Whether a piece of code goes by a name, or may look it up."""
    match node:
        case ast.Name(id=one) | ast.Attribute(attr=one) | ast.ClassDef(name=one):
            return one == name
        case ast.FunctionDef(name=one) | ast.AsyncFunctionDef(name=one) | ast.arg(arg=one):
            return one == name
        case ast.alias(name=one, asname=other):
            return name in (one.rpartition(".")[2], other)
        case ast.Constant(value=str(text)):
            return text == name
        case _:
            return False


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (keyword.value for keyword in call.keywords)


def _unpacks(call: ast.Call) -> bool:
    return any(isinstance(one, ast.Starred) for one in call.args) or any(
        keyword.arg is None for keyword in call.keywords
    )


def _parameter_of(function: Function, call: ast.AST, given: ast.expr) -> str | None:
    """The parameter for which a call hands something over."""
    node = function.node
    if not isinstance(call, ast.Call) or not isinstance(node, _DEFINITIONS) or _unpacks(call):
        return None
    named = next((one.arg for one in call.keywords if one.value is given), None)
    if named is not None:
        return named
    places = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
    if function.class_ is not None and not function.is_static:
        places = places[1:]
    place = next((at for at, one in enumerate(call.args) if one is given), len(places))
    return places[place] if place < len(places) else None
