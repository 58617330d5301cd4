"""What the code of a backbone names: a part that it names may be in it, whatever else is seen.

The flow analysis follows what it knows of Python. Where a class goes in a way that it
does not know, the class seems to be held by the others alone. So before anything is
new, the code of the backbones is asked whether it speaks of the class or function.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

from bn2gn_codemod.survey.because import Role, Slot
from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.library_models import library_model
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.roles import RoleMap
from bn2gn_codemod.survey.syntax import built_of, call_name, children, flat, target_names
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    Entries,
    Function,
    FunctionValue,
    Instance,
    NormLayer,
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
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Variable(NamedTuple):
    """A variable of a module, for what its assignments name."""

    module: Module
    name: str


Definition = Class | Function | Variable


class Mention(NamedTuple):
    """A backbone, and where its code, or what this calls, names something."""

    backbone: str
    spot: Spot


class Mentions:
    """Finds classes and functions that the code of backbones names."""

    def __init__(self, flow: Flow, roles: RoleMap) -> None:
        self._flow = flow
        self._roles = roles
        self._assignments: dict[Module, dict[str, list[ast.expr]]] = {}

    def of(self, layer: NormLayer) -> Mention | None:
        """Where a backbone names what makes the layer, though it is not seen to hold any of it."""
        function = layer.spot.function
        maker: Definition = function.enclosing_class or function
        found = self._found.get(maker)
        return None if found is None or self._is_known(maker) else found

    def _is_known(self, maker: Definition) -> bool:
        """Whether it is known that backbones hold layers of a class or function."""
        if isinstance(maker, Class):
            family = (*maker.ancestors(), *maker.descendants())
            return any(Role.BACKBONE in self._roles.contexts.get(one, ()) for one in family) or any(
                because.role is Role.BACKBONE
                for slot in self._roles.family_slots(maker)
                if (because := self._roles.own.get(slot)) is not None
            )
        return any(
            Role.BACKBONE in self._roles.layer_roles(layer)
            for layer in self._flow.norm_layers
            if layer.spot.function is maker or layer.norm.function is maker
        )

    @functools.cached_property
    def _found(self) -> dict[Definition, Mention]:
        found: dict[Definition, Mention] = {}
        for backbone in self._backbones():
            self._follow(backbone, found)
        for definition, mention in self._handed_to_libraries():
            found.setdefault(definition, mention)
        return found

    def _handed_to_libraries(self) -> Iterator[tuple[Definition, Mention]]:
        """``resnet18(norm_layer=make_norm)``: the library builds its network with that."""
        for function, calls in self._flow.calls_in.items():
            for _, call in calls:
                given = [*call.args, *(keyword.value for keyword in call.keywords)]
                held = list(self._flow.value_of(call)) if given else []
                network = next((name for value in held if (name := library_model(value))), None)
                if network is None:
                    continue
                for argument in given:
                    for definition in self._opened(self._flow.value_of(argument)):
                        yield definition, Mention(network, Spot(function.module, call, function))

    def _backbones(self) -> Iterator[Class]:
        """Classes of which all that is decided is backbone."""
        roles = self._roles
        for cls in self._flow.classes:
            contexts = roles.contexts.get(cls, {})
            own = {
                because.role: because
                for slot in roles.family_slots(cls)
                if (because := roles.own.get(slot)) is not None
            }
            seen = {**contexts, **own}
            if (
                Role.BACKBONE in seen
                and not seen[Role.BACKBONE].vague
                and not seen[Role.BACKBONE].is_guess
                and Role.NEW not in seen
                and Role.UNDECIDED not in own
                and not any(map(self._holds_new, roles.family_slots(cls)))
            ):
                yield cls

    def _holds_new(self, slot: Slot) -> bool:
        """Whether a layer of its own stands in an attribute beside parts of a network."""
        return any(
            isinstance(value, (Instance, NormLayer))
            and Role.NEW in self._roles.roles_in(slot, value)
            for value in self._roles.contents[slot]
        )

    def _follow(self, backbone: Class, found: dict[Definition, Mention]) -> None:
        seen: set[Definition] = {backbone}
        pending: list[Definition] = [backbone]
        for one in pending:
            for definition, spot in self._named_in(one):
                if definition in seen:
                    continue
                seen.add(definition)
                found.setdefault(definition, Mention(backbone.name, spot))
                if self._may_follow(definition):
                    pending.append(definition)

    def _may_follow(self, definition: Definition) -> bool:
        """Whether what it names is for those that name it, not for whoever asks a registry."""
        if isinstance(definition, Class):
            return not definition.is_registry and not any(
                because.role is not Role.BACKBONE
                for slot in self._roles.family_slots(definition)
                if (because := self._roles.own.get(slot)) is not None
            )
        if isinstance(definition, Variable):
            return True
        return not definition.name.startswith("build_from") and built_of(definition.node) is None

    def _named_in(self, definition: Definition) -> Iterator[tuple[Definition, Spot]]:
        if isinstance(definition, Function):
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
                for inner in self._opened(self._flow.values(self._flow.slots[cls, name])):
                    yield inner, Spot(cls.module, cls.node, scope)

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
                    for definition in self._all_that_make_layers:
                        yield definition, Spot(scope.module, cast(ast.expr, part), scope)
                if isinstance(part, ast.Name):
                    variable = self._variable(function, part)
                    if variable is not None:
                        yield variable, Spot(scope.module, part, scope)
                if isinstance(part, (ast.Name, ast.Attribute)):
                    for definition in self._opened(self._values(function, part)):
                        yield definition, Spot(scope.module, part, scope)

    def _values(self, function: Function, part: ast.Name | ast.Attribute) -> list[Value]:
        """What a name may stand for; nothing where a registry hands it out."""
        if isinstance(part, ast.Name):
            values = list(self._flow.values(self._flow.lookup(function, part.id)))
        elif isinstance(part.value, ast.Name) and part.value.id == _first_parameter(function):
            return []  # ``self.make``: what the class and its attributes hold is looked at anyway
        elif part.attr not in _ASKED and (inside := self._registered(function, part.value)):
            return inside
        else:
            values = list(self._flow.value_of(part))
        return [] if any(map(is_registry, values)) else values

    def _registered(self, function: Function, registry: ast.expr) -> list[Value]:
        """What is in a registry, of which something else is asked than what goes by a name."""
        if not isinstance(registry, ast.Name):
            return []
        values = list(self._flow.values(self._flow.lookup(function, registry.id)))
        return values if any(map(is_registry, values)) else []

    @functools.cached_property
    def _all_that_make_layers(self) -> dict[Definition, None]:
        return {
            layer.spot.function.enclosing_class or layer.spot.function: None
            for layer in self._flow.norm_layers
        }

    def _variable(self, function: Function, name: ast.Name) -> Variable | None:
        """The variable of a module that a name stands for, also of the one it is imported from."""
        scope: Function | None = function
        while scope is not None and name.id not in scope.locals:
            scope = scope.outer
        if scope is None or scope.outer is not None:
            return None
        flow = self._flow
        if any(map(is_registry, flow.values(flow.name_node(scope, name.id)))):
            return None
        module, attribute, seen = scope.module, name.id, set[tuple[str, str]]()
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

    def _opened(self, values: Iterable[Value]) -> Iterator[Definition]:
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
        case ast.Call(func=ast.Attribute(value=ast.Call() as inner)):
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
    while isinstance(target, (ast.Subscript, ast.Attribute)):
        target = target.value
    return list(target_names(target))


def _first_parameter(function: Function) -> str:
    """``self`` of a method, also in what stands in it."""
    scope: Function | None = function
    while scope is not None and scope.class_ is None:
        scope = scope.outer
    if scope is None or isinstance(scope.node, (ast.Module, ast.Lambda)):
        return ""
    placed = [*scope.node.args.posonlyargs, *scope.node.args.args]
    return placed[0].arg if placed and not scope.is_static else ""
