"""What code puts into a network from outside: ``setattr(net.layer1, name, Block())``.

Of a network of a library there is no class that could hold it, and of one of the repository
it is not always told which part it goes to. Where weights are loaded after that, they are
in it too. So whatever such code makes may be backbone.
"""

from __future__ import annotations

import ast
import functools
import itertools
import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.because import Role
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.spoken_names import Definition, SpokenNames
from bn2gn_codemod.survey.flow.syntax_tree import Tree
from bn2gn_codemod.survey.known.library_models import builds_networks, library_model
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.syntax.nodes import (
    call_name,
    flat,
    given_arguments,
    target_names,
    walk,
)
from bn2gn_codemod.survey.syntax.replaced_children import replaces_children
from bn2gn_codemod.survey.syntax.stores import TENSORS_OF, Store, parts_of, stores_in
from bn2gn_codemod.survey.values import (
    Class,
    External,
    Function,
    FunctionValue,
    Instance,
    NormLayer,
    Spot,
    Value,
)

# Calls of a function for each layer of a network, or for what is in a list.
_FOR_EACH = frozenset({"apply", "map", "starmap", "reduce", "filter"})
# What makes a list, a dict or a container of layers that holds what is put into it alone.
_CONTAINERS = frozenset({
    "list", "dict", "OrderedDict", "defaultdict", "ModuleList", "ModuleDict", "Sequential",
})  # fmt: skip
# ``mock.patch("net.Block", Own)``: what goes by that name is another one now.
_PATCHES = re.compile(r"(?:unittest\.)?mock\.patch(?:\.object)?$")


class PutInto(NamedTuple):
    """A network, and where code puts something into it."""

    network: str
    spot: Spot


class Surgery:
    """Finds what makes layers that code puts into networks; ``backbones``: the repository's."""

    def __init__(
        self, flow: Flow, roles: RoleMap, names: SpokenNames, backbones: Collection[Class]
    ) -> None:
        self._flow = flow
        self._roles = roles
        self._names = names
        self._backbones = backbones

    @functools.cached_property
    def found(self) -> dict[Definition, PutInto]:
        """The classes and functions whose layers are put into a network, with what these name."""
        found: dict[Definition, PutInto] = {}
        for definition, put in self._put():
            found.setdefault(definition, put)
        pending = list(found)
        for one in pending:
            if isinstance(one, Class) and one.is_registry:
                continue
            for inner, _ in self._names.of(one):
                if inner not in found:
                    found[inner] = found[one]
                    pending.append(inner)
        return found

    def _put(self) -> Iterator[tuple[Definition, PutInto]]:
        for module in self._flow.modules:
            tree = Tree(self._flow, module)
            for node in walk(module.tree):
                for store in stores_in(node):
                    yield from self._stored(store, tree)
                if isinstance(node, ast.Call):
                    yield from self._handed(node, tree)

    # ------------------------------------------------------------------ stores

    def _stored(self, store: Store, tree: Tree) -> Iterator[tuple[Definition, PutInto]]:
        network = self._rebuilt(store.owner) or self._network_around(store, tree)
        if network is None:
            return
        function = tree.function(store.node)
        own = function.enclosing_class or function
        put = PutInto(network, Spot(tree.module, store.node, function))
        is_followed = self._is_followed(store)
        for definition in self._makers(store.value, function):
            if definition is not own and (not is_followed or self._is_wrapper(definition)):
                yield definition, put

    def _rebuilt(self, owner: ast.expr) -> str | None:
        """``torchvision.models.resnet.BasicBlock = Block``: the library builds with that."""
        held = self._flow.value_of(owner)
        names = (value.name for value in held if isinstance(value, External))
        return next(filter(builds_networks, names), None)

    def _network_around(self, store: Store, tree: Tree) -> str | None:
        """The network in which something is stored, directly or further down."""
        function = tree.function(store.node)
        if _is_own_container(store.owner, function):
            return None
        parts = _ways_to(store.owner, function)
        if store.way == "entry" and isinstance(store.owner, ast.Attribute):
            next(parts)  # what is put into a container in an attribute is followed
        return self._first_network(parts)

    def _first_network(self, parts: Iterable[ast.expr]) -> str | None:
        return next((one for part in parts if (one := self._network(part)) is not None), None)

    def _network(self, expr: ast.expr) -> str | None:
        """The name of a network that an expression may be, or be part of."""
        if isinstance(expr, ast.Name) and expr.id == "self":
            return None  # what a class puts into itself is followed
        for value in self._flow.value_of(expr):
            name = library_model(value)
            if name is not None:
                return name
            if isinstance(value, Instance) and value.class_ in self._backbones:
                return value.class_.name
        return None

    def _is_followed(self, store: Store) -> bool:
        """Whether what is stored is seen to be in an attribute of a class of the repository."""
        owners = list(self._flow.value_of(store.owner))
        if any(library_model(value) is not None for value in owners):
            return False
        held = self._flow.value_of(store.value)
        return any(isinstance(value, Instance) for value in owners) and any(map(self._is_new, held))

    def _is_new(self, value: Value) -> bool:
        """Whether a value is a layer, or holds some, that is no part of the network anyway."""
        if isinstance(value, Instance):
            return value.class_ not in self._backbones
        made_in = value.spot.function.enclosing_class if isinstance(value, NormLayer) else None
        return isinstance(value, NormLayer) and made_in not in self._backbones

    def _is_wrapper(self, definition: Definition) -> bool:
        """Whether a class holds part of a network, so that what it adds seems to stand beside."""
        return isinstance(definition, Class) and any(
            because.role is Role.BACKBONE
            for slot in self._roles.family_slots(definition)
            if (because := self._roles.own.get(slot)) is not None
        )

    def _makers(self, value: ast.expr, function: Function) -> Iterator[Definition]:
        """What makes the layers that a value may hold."""
        for held in self._flow.value_of(value):
            if isinstance(held, Instance):
                yield held.class_
            elif isinstance(held, NormLayer) and held.spot.function.enclosing_class is None:
                yield held.spot.function
        written = [value]
        for one in written:
            names = dict.fromkeys(_variables_in(one))
            given = (given for name in names for given in _assigned_to(name, function))
            written += [new for new in given if new not in written]
        for one in written:
            yield from self._names.said_in(function, one)

    # ----------------------------------------------------------------- handing

    def _handed(self, call: ast.Call, tree: Tree) -> Iterator[tuple[Definition, PutInto]]:
        """``net.apply(inject)``, ``map(inject, stages)``: what a function gets is not followed."""
        given = given_arguments(call)
        network = self._patched(call, given)
        if network is None:
            functions = self._unfollowed(call, given)
            if not any(map(_puts_into_others, functions)):
                return
            owner = [call.func.value] if isinstance(call.func, ast.Attribute) else []
            around = [part for one in (*owner, *given) for part in parts_of(one)]
            network = self._first_network(around)
            if network is None:
                return
        else:
            functions = []
        put = PutInto(network, Spot(tree.module, call, tree.function(call)))
        for part in given:
            for definition in self._names.opened(self._flow.value_of(part)):
                yield definition, put
        for function in functions:
            yield from ((named, put) for named, _ in self._names.of(function))

    def _patched(self, call: ast.Call, given: list[ast.expr]) -> str | None:
        """What ``mock.patch("net.Block", Own)`` gives another meaning."""
        if call_name(call) not in ("patch", "object"):
            return None
        held = self._flow.value_of(call.func)
        is_patch = any(isinstance(one, External) and _PATCHES.match(one.name) for one in held)
        return ast.unparse(given[0]) if is_patch and given else None

    def _unfollowed(self, call: ast.Call, given: list[ast.expr]) -> list[Function]:
        """The functions that are called for parts of what a call is handed, unseen by the flow."""
        if call_name(call) in _FOR_EACH:
            return [one for part in given for one in self._functions(part)]
        return [one for one in self._functions(call.func) if replaces_children(one.node)]

    def _functions(self, expr: ast.expr) -> list[Function]:
        held = self._flow.value_of(expr)
        return [value.function for value in held if isinstance(value, FunctionValue)]


def _puts_into_others(function: Function) -> bool:
    """Whether a function stores something in what is not ``self``."""
    return any(
        not (isinstance(store.owner, ast.Name) and store.owner.id == "self")
        for node in walk(function.node)
        for store in stores_in(node)
    )


def _ways_to(expr: ast.expr, function: Function) -> Iterator[ast.expr]:
    """What an expression is taken out of, also by way of the variables of a function."""
    pending = [expr]
    for one in pending:
        for part in parts_of(one):
            yield part
            if isinstance(part, ast.Name):
                given = _assigned_to(part.id, function)
                pending += [value for value in given if value not in pending]


def _is_own_container(owner: ast.expr, function: Function) -> bool:
    """Whether a list, a dict or the like is filled that the code makes for itself."""
    return isinstance(owner, ast.Name) and any(
        owner.id in names and _is_container(value) for names, value in _assignments(function.node)
    )


def _variables_in(value: ast.expr) -> Iterator[str]:
    """The variables that a value is, or is made by: ``table`` of ``table[kind](8)``."""
    inner: list[ast.expr] = []
    match value:
        case ast.Name(id=name):
            yield name
        case ast.Call(func=func, args=args):
            inner = [func, *args] if call_name(value) in _CONTAINERS else [func]
        case ast.Subscript(value=one) | ast.Starred(value=one):
            inner = [one]
        case ast.IfExp(body=first, orelse=second):
            inner = [first, second]
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            inner = parts
        case _:
            pass
    for one in inner:
        yield from _variables_in(one)


def _assigned_to(name: str, function: Function) -> list[ast.expr]:
    """What a variable of a function may be, or is an element of."""
    given = itertools.chain(_assignments(function.node), _loops(function.node))
    return [value for names, value in given if name in names]


def _assignments(function: ast.AST) -> Iterator[tuple[list[str], ast.expr]]:
    for statement in _statements(function):
        match statement:
            case ast.Assign(targets=targets, value=value):
                yield [name for target in targets for name in target_names(target)], value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield [name], value
            case _:
                pass


def _loops(function: ast.AST) -> Iterator[tuple[list[str], ast.expr]]:
    for statement in _statements(function):
        match statement:
            case ast.For(target=target, iter=source):
                yield list(target_names(target)), source
            case _:
                pass


def _statements(function: ast.AST) -> Iterator[ast.stmt]:
    body = getattr(function, "body", None)
    return flat(body) if isinstance(body, list) else iter(())


def _is_container(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return call_name(value) in _CONTAINERS | TENSORS_OF
    if isinstance(value, ast.Tuple):  # backbones, heads = {}, {}
        return any(map(_is_container, value.elts))
    return isinstance(value, (ast.List, ast.Dict, ast.ListComp, ast.DictComp, ast.Set))
