"""What code names: the classes, functions and variables that a definition speaks of.

Names are looked up in the flow analysis, so that imports and second names are known; what
tests or annotations say is left out, and what a registry hands out by a name.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import (
    call_name,
    children,
    flat,
    root_of,
    target_names,
    text_pattern,
    walk,
)
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    Entries,
    Function,
    FunctionValue,
    Spot,
    TupleValue,
    Value,
    is_registry,
)

# Calls that only ask what something is, or what a class inherits.
_TESTS = frozenset({"isinstance", "issubclass", "super", "print", "hasattr"})
# Calls that may give whatever goes by a name.
_LOOK_UPS = frozenset({"import_module", "__import__", "exec", "getmembers", "import_string"})
# What is asked of a registry for something that goes by a name, or to put something in.
_ASKED = frozenset({"get", "build", "register", "register_module", "module_dict", "name"})
_WORD = re.compile(r"[A-Za-z_]\w*")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Variable(NamedTuple):
    """A variable of a module, for what its assignments name."""

    module: Module
    name: str


Definition = Class | Function | Variable


class SpokenNames:
    """What the code of definitions names, and where."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._assignments: dict[Module, dict[str, list[ast.expr]]] = {}
        self._meant: dict[tuple[Function, str], list[Definition]] = {}

    def of(self, definition: Definition) -> Iterator[tuple[Definition, Spot]]:
        if isinstance(definition, Function):
            injections = self._flow.injections
            if injections is not None and definition.module in injections.workspaces:
                return  # it names whatever is registered
            yield from self._named(definition, definition.node)
            return
        if isinstance(definition, Variable):
            scope = self._flow.top_level[definition.module.path]
            for value in self._assigned(definition.module).get(definition.name, ()):
                yield from self._named(scope, value)
            return
        for cls in definition.ancestors():
            scope = self._scope_of(cls)
            yield from self._named(scope, cls.node)
            for name in self._flow.attributes_of(cls):
                for inner in self.opened(self._flow.values(self._flow.slots[cls, name])):
                    yield inner, Spot(cls.module, cls.node, scope)

    def said_in(self, function: Function, expr: ast.expr) -> Iterator[Definition]:
        """What an expression in a function names, also by the methods that it calls."""
        yield from (definition for definition, _ in self._named(function, ast.Expr(expr)))
        for part in walk(expr):
            match part:
                case ast.Call(func=ast.Attribute() as callee):
                    for value in self._flow.value_of(callee):
                        if isinstance(value, FunctionValue):
                            yield value.function
                case _:
                    pass

    def _scope_of(self, cls: Class) -> Function:
        """What the class statement stands in."""
        method = next(iter(cls.methods.values()), None)
        outer = method.outer if method is not None else None
        return outer or self._flow.top_level[cls.path]

    def _named(self, scope: Function, node: ast.AST) -> Iterator[tuple[Definition, Spot]]:
        pending = [(scope, node)]
        for function, one in pending:
            for part in _spoken(one):
                if isinstance(part, _FUNCTIONS):
                    pending.append((self._flow.function_of.get(part, function), part))
                    continue
                pending.append((function, part))
                if _looks_up(part):
                    for definition in self._looked_up_by(part):
                        yield definition, Spot(scope.module, cast(ast.expr, part), scope)
                if isinstance(part, ast.Name):
                    for definition in self._meant_by(function, part.id):
                        yield definition, Spot(scope.module, part, scope)
                if isinstance(part, ast.Attribute):
                    for definition in self.opened(self._values(function, part)):
                        yield definition, Spot(scope.module, part, scope)

    def _meant_by(self, function: Function, name: str) -> list[Definition]:
        """The variable that a name in a function stands for, and what that may hold."""
        key = function, name
        known = self._meant.get(key)
        if known is None:
            variable = self._variable(function, name)
            values = list(self._flow.values(self._flow.lookup(function, name)))
            held = () if any(map(is_registry, values)) else self.opened(values)
            known = self._meant[key] = [*([] if variable is None else [variable]), *held]
        return known

    def _values(self, function: Function, part: ast.Attribute) -> list[Value]:
        """What an attribute may be; nothing where a registry hands it out."""
        if isinstance(part.value, ast.Name) and part.value.id == _self_name(function):
            return []  # ``self.make``: what the class and its attributes hold is looked at anyway
        if part.attr not in _ASKED and (inside := self._registered(function, part.value)):
            return inside
        values = list(self._flow.value_of(part))
        return [] if any(map(is_registry, values)) else values

    def _registered(self, function: Function, registry: ast.expr) -> list[Value]:
        """What is in a registry, of which something else is asked than what goes by a name."""
        if not isinstance(registry, ast.Name):
            return []
        values = list(self._flow.values(self._flow.lookup(function, registry.id)))
        return values if any(map(is_registry, values)) else []

    def _looked_up_by(self, part: ast.AST) -> list[Definition]:
        """All that makes layers; of ``exec("self.x = Block(8)")`` what the text names."""
        text = text_pattern(part.args[0]) if isinstance(part, ast.Call) and part.args else None
        is_code = isinstance(part, ast.Call) and call_name(part) == "exec"
        words = set(_WORD.findall(text)) if text is not None and is_code else None
        return [one for one in self._all_that_make_layers if words is None or one.name in words]

    @functools.cached_property
    def _all_that_make_layers(self) -> dict[Definition, None]:
        return {
            layer.spot.function.enclosing_class or layer.spot.function: None
            for layer in self._flow.norm_layers
        }

    def _variable(self, function: Function, name: str) -> Variable | None:
        """The variable of a module that a name stands for, also of the one it is imported from."""
        scope: Function | None = function
        while scope is not None and name not in scope.locals:
            scope = scope.outer
        if scope is None or scope.outer is not None:
            return None
        flow = self._flow
        if any(map(is_registry, flow.values(flow.name_node(scope, name)))):
            return None
        module, attribute, seen = scope.module, name, set[tuple[str, str]]()
        while (module.path, attribute) not in seen:
            seen.add((module.path, attribute))
            target, imported = flow.bindings.get((module.path, attribute), ("", None))
            if isinstance(target, str) or imported is None:
                break
            module, attribute = target, imported
        return Variable(module, attribute) if attribute in self._assigned(module) else None

    def _assigned(self, module: Module) -> dict[str, list[ast.expr]]:
        """What is assigned to the variables of a module, by their names."""
        known = self._assignments.get(module)
        if known is None:
            known = self._assignments[module] = {}
            for statement in flat(module.tree.body):
                match statement:
                    case ast.Assign(targets=targets, value=value):
                        names = [name for target in targets for name in _bound(target)]
                    case ast.AnnAssign(target=target, value=ast.expr() as value):
                        names = _bound(target)
                    case ast.AugAssign(target=target, value=value):
                        names = _bound(target)
                    case _:
                        continue
                for name in names:
                    known.setdefault(name, []).append(value)
        return known

    def opened(self, values: Iterable[Value]) -> Iterator[Definition]:
        """The classes and functions among values, in tuples and dicts as well."""
        pending = list(values)
        seen = set(pending)
        for value in pending:
            nodes: Iterable[int] = ()
            if isinstance(value, ClassValue):
                yield value.class_
            elif isinstance(value, FunctionValue):
                yield value.function
            elif isinstance(value, TupleValue):
                nodes = value.elements
            elif isinstance(value, Entries):
                nodes = [node for _, node in value.nodes]
            for node in nodes:
                new = [held for held in self._flow.values(node) if held not in seen]
                seen.update(new)
                pending.extend(new)


def _looks_up(part: ast.AST) -> bool:
    """Whether code looks for something by a name, in a way that is not followed."""
    match part:
        case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Call(args=[]) as inner)):
            return call_name(inner) in ("globals", "vars", "locals")
        case ast.Call():
            return call_name(part) in _LOOK_UPS
        case _:
            return False


def _spoken(node: ast.AST) -> list[ast.AST]:
    """The parts of a node, without those that only ask what something is."""
    match node:
        case ast.Call() if call_name(node) in _TESTS:
            return []
        case ast.Compare() | ast.Raise():
            return []
        case ast.arg():
            return []
        case ast.AnnAssign(target=target, value=value):
            return [target] if value is None else [target, value]
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [node.args, *node.decorator_list, *node.body]
        case _:
            return children(node)


def _bound(target: ast.expr) -> list[str]:
    """``SPECS``, also of ``SPECS["a"] = ...``"""
    return list(target_names(root_of(target)))


def _self_name(function: Function) -> str | None:
    """``self`` of a method, also in what stands in it."""
    scope: Function | None = function
    while scope is not None and scope.class_ is None:
        scope = scope.outer
    return None if scope is None or scope.is_static else scope.first_parameter
