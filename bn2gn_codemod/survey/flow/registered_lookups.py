"""Look-ups that find nothing but registered classes: ``getattr(cfg["module"], name)``.

Some registries keep a record of each class, with the module that it stands in, and find the
class again by the name that its record is kept under. All that is found so is what was handed
to the registry, so its name stands in the code: as a decorator's class, or as an argument.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import call_name, given_arguments, walk
from bn2gn_codemod.survey.values import External


class _Record(NamedTuple):
    """What is kept of a class: the expression that makes it, and the class as named there."""

    made: ast.expr
    cls: str


class RegisteredLookups:
    """Knows the keys under which records have the modules of their classes."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._known: dict[str, bool] = {}

    def is_one(self, module: Module, base: ast.expr, name: ast.expr) -> bool:
        """Whether ``getattr(base, name)`` gives the class that a record is of."""
        match base:
            case ast.Subscript(value=record, slice=ast.Constant(value=str(key))):
                return _is_own_name(module, record, name, base) and self._are_records(key)
            case _:
                return False

    def _are_records(self, key: str) -> bool:
        """Whether all that is stored under a key is the module of what a registry keeps."""
        if key not in self._known:
            modules = self._with(key) or []
            stores = [store for one in modules for store in _stores(one, key)]
            self._known[key] = (
                bool(stores)
                and all(store is not None and self._is_kept_by_name(*store) for store in stores)
                and not any(_reads_otherwise(one, key) for one in modules)
            )
        return self._known[key]

    def _is_kept_by_name(self, module: Module, store: ast.Assign | ast.Dict) -> bool:
        """Whether the record in which a module is stored is kept under its class's name."""
        if isinstance(store, ast.Dict):
            cls = next(filter(None, map(_class_with_module, store.values)), None)
            return cls is not None and self._keeps(module, _Record(store, cls))
        cls = _class_with_module(store.value)
        makers = [
            one
            for one in walk(module.tree)
            if isinstance(one, ast.FunctionDef) and store in walk(one)
        ]
        if not makers or cls not in [argument.arg for argument in makers[-1].args.args[:1]]:
            return False
        return self._are_calls_kept(makers[-1].name)

    def _are_calls_kept(self, maker: str) -> bool:
        """Whether all that a function makes is kept under the name of what it is handed."""
        modules = self._with(maker)
        return modules is not None and all(self._keeps_all(module, maker) for module in modules)

    def _keeps_all(self, module: Module, maker: str) -> bool:
        """Whether a module does nothing with a function but to keep what it makes of classes."""
        calls = _only_called(module, maker)
        return calls is not None and all(
            isinstance(cls, ast.Name) and self._keeps(module, _Record(call, cls.id))
            for call in calls
            for cls in (call.args if len(call.args) == 1 and not call.keywords else [None])
        )

    def _keeps(self, module: Module, record: _Record) -> bool:
        """Whether a record is kept under its class's name, and the code names the class."""
        register = _registering(module, record)
        modules = self._with(register) if register else None
        return (
            modules is not None
            and _is_kept(module, record)
            and all(self._is_handed_names(one, register) for one in modules)
        )

    def _is_handed_names(self, module: Module, register: str) -> bool:
        """Whether a module uses a function for classes alone that stand there by their names.

        As a decorator, that is, or in calls: ``register(Net)``, ``register()(Net)``.
        """
        if _is_renamed(module, register):
            return False
        nodes = walk(module.tree)
        decorators = {
            _callee(one)
            for node in nodes
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            for one in node.decorator_list
        }
        handed: dict[ast.expr, list[ast.expr]] = {}
        for node in nodes:
            if isinstance(node, ast.Call):
                handed.setdefault(_callee(node), []).extend(given_arguments(node))
        named = _defined(module)
        return all(
            use in decorators
            or self._is_elsewhere(use)
            or (
                use in handed
                and all(isinstance(one, ast.Constant) or _root(one) in named for one in handed[use])
            )
            for use in nodes
            if isinstance(use, ast.expr) and _goes_by(use, register)
        )

    def _is_elsewhere(self, use: ast.expr) -> bool:
        """``atexit.register`` is a function of another package."""
        held = list(self._flow.value_of(use))
        return bool(held) and all(isinstance(value, External) for value in held)

    def _with(self, word: str) -> list[Module] | None:
        """The modules that have a word; ``None``: a file has it that was not read."""
        text = word.encode()
        if any(text in file.data for file in (*self._flow.unread, *self._flow.left_out)):
            return None
        return [module for module in self._flow.modules if text in module.source.data]


def _stores(module: Module, key: str) -> Iterator[tuple[Module, ast.Assign | ast.Dict] | None]:
    """The statements and dicts that store something under a key; ``None``: something else may."""
    read: set[ast.AST] = set()
    for node in walk(module.tree):
        match node:
            case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=named) as at)]):
                if named == key:
                    read.add(at)
                    yield module, node
            case ast.Dict(keys=keys):
                for one in keys:
                    if isinstance(one, ast.Constant) and one.value == key:
                        read.add(one)
                        yield module, node
            case ast.Subscript(slice=ast.Constant() as at, ctx=ast.Load()):
                read.add(at)
            case ast.keyword(arg=named) if named == key:
                yield None
            case _:
                pass
    if any(
        isinstance(node, ast.Constant) and node.value == key and node not in read
        for node in walk(module.tree)
    ):
        yield None


def _only_called(module: Module, function: str) -> list[ast.Call] | None:
    """The calls of a function in a module; ``None`` where it is used for anything else."""
    nodes = walk(module.tree)
    calls = [one for one in nodes if isinstance(one, ast.Call) and call_name(one) == function]
    named = sum(_goes_by(one, function) for one in nodes)
    return calls if named == len(calls) and not _is_renamed(module, function) else None


def _goes_by(node: ast.AST, name: str) -> bool:
    return (isinstance(node, ast.Name) and node.id == name) or (
        isinstance(node, ast.Attribute) and node.attr == name
    )


def _is_renamed(module: Module, function: str) -> bool:
    return any(
        alias.asname is not None and alias.name == function
        for one in walk(module.tree)
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
    )


def _callee(expr: ast.expr) -> ast.expr:
    """``register`` of ``register``, ``register(...)`` and ``register(...)(...)``"""
    while isinstance(expr, ast.Call):
        expr = expr.func
    return expr


def _root(expr: ast.expr) -> str | None:
    """``optim`` of ``optim.SGD``"""
    while isinstance(expr, ast.Attribute):
        expr = expr.value
    return expr.id if isinstance(expr, ast.Name) else None


def _defined(module: Module) -> set[str | None]:
    """What a module imports or defines: no variable, which may be anything."""
    found: set[str | None] = set()
    for node in walk(module.tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update((one.asname or one.name).partition(".")[0] for one in node.names)
    return found


def _registering(module: Module, record: _Record) -> str:
    """The function that is handed the class of a record, or gives one that is; ``""``: none."""
    around = [
        one
        for one in walk(module.tree)
        if isinstance(one, ast.FunctionDef) and record.made in walk(one)
    ]
    if not around or record.cls not in [one.arg for one in around[-1].args.args]:
        return ""
    outer, *inner = around
    nodes = walk(outer)
    returned = {one.value for one in nodes if isinstance(one, ast.Return)}
    names = {one.name for one in inner}
    if any(_goes_by(one, name) and one not in returned for one in nodes for name in names):
        return ""
    return outer.name


def _class_with_module(value: ast.expr) -> str | None:
    """``C`` in ``import_module(C.__module__)``."""
    match value:
        case ast.Call(args=[ast.Attribute(value=ast.Name(id=cls), attr="__module__")]):
            return cls if call_name(value) == "import_module" else None
        case _:
            return None


def _is_kept(module: Module, record: _Record) -> bool:
    """``registry[C.__name__] = record``, or under a name that is this if no other is given."""
    for block in _blocks(module.tree):
        for statement in block:
            match statement:
                case ast.Assign(targets=[ast.Subscript(slice=key)], value=made):
                    if made is record.made:
                        return _is_name_of(module, key, record.cls)
                case _:
                    pass
    return False


def _is_name_of(module: Module, key: ast.expr, cls: str) -> bool:
    match key:
        case ast.Attribute(value=ast.Name(id=owner), attr="__name__"):
            return owner == cls
        case ast.IfExp(body=body, orelse=orelse):
            return _is_name_of(module, body, cls) or _is_name_of(module, orelse, cls)
        case ast.Name(id=name):
            values = [
                node.value
                for node in walk(module.tree)
                if isinstance(node, ast.Assign)
                and any(isinstance(one, ast.Name) and one.id == name for one in node.targets)
            ]
            return bool(values) and all(
                not isinstance(one, ast.Name) and _is_name_of(module, one, cls) for one in values
            )
        case _:
            return False


def _is_own_name(module: Module, record: ast.expr, name: ast.expr, look_up: ast.expr) -> bool:
    """Whether a name is the one that a record is kept under, or that the record itself has."""
    match record, name:
        case ast.Subscript(slice=key), ast.Name():
            return ast.dump(key) == ast.dump(name)
        case _, ast.Subscript(value=owner, slice=ast.Constant(value=str(entry))):
            return ast.dump(owner) == ast.dump(record) and "name" in entry
        case ast.Name(id=kept), ast.Name(id=key):
            return any(
                _is_taken_before(block, kept, key, look_up) for block in _blocks(module.tree)
            )
        case _:
            return False


def _is_taken_before(block: list[ast.stmt], record: str, name: str, look_up: ast.expr) -> bool:
    """``record = registry[name]``, and both stay what they are up to the look-up."""
    is_taken = False
    for statement in block:
        if is_taken and look_up in walk(statement):
            is_simple = not isinstance(statement, (ast.FunctionDef, ast.ClassDef))
            return is_simple and not _stores_any(statement, {record, name})
        match statement:
            case ast.Assign(
                targets=[ast.Name(id=taken)], value=ast.Subscript(slice=ast.Name(id=key))
            ) if (taken, key) == (record, name):
                is_taken = True
            case ast.If(body=[*_, ast.Return() | ast.Raise()], orelse=[]):
                pass  # what is bound there is not bound behind it
            case _:
                is_taken = is_taken and not _stores_any(statement, {record, name})
    return False


def _reads_otherwise(module: Module, key: str) -> bool:
    """Whether a module gets at what is kept under a key but to look for its own class in it."""
    nodes = walk(module.tree)
    looked_into = {base for node in nodes for base in _looked_into(module, node)}
    return any(
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.slice, ast.Constant)
        and node.slice.value == key
        and node not in looked_into
        for node in nodes
    )


def _looked_into(module: Module, node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Call(
            func=ast.Name(id="getattr"), args=[ast.Subscript(value=record) as base, name, *_]
        ) if _is_own_name(module, record, name, base):
            yield base
        case _:
            pass


def _stores_any(statement: ast.stmt, names: set[str]) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id in names and not isinstance(node.ctx, ast.Load)
        for node in walk(statement)
    )


def _blocks(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    for node in walk(tree):
        for _, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield value
