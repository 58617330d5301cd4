"""What becomes of a norm class in the objects that one call makes.

``ConvBnRelu(64, 128, norm_layer=norm_layer)``: where a class serves both sides, all
its layers have both roles. What one call makes lies in known attributes, though, and
the class that this call hands over reaches nothing but what the call makes.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.because import Role, Roles
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.forwarded_keywords import ForwardedKeywords
from bn2gn_codemod.survey.flow.none_defaults import NeverNone, none_default
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.syntax.nodes import bound_names, flat, given_arguments, is_super
from bn2gn_codemod.survey.values import Class, Function, Instance, NormClass, NormLayer, Spot


class Objects(NamedTuple):
    """Objects of which only some are meant, and the roles of what holds these."""

    classes: frozenset[Class]  # theirs, and the bases
    roles: Roles


class _Default(NamedTuple):
    """What a constructor's parameter is for the calls that leave it.

    ``position`` is that in a call. ``for_none``: so it is for calls that hand ``None`` over.
    """

    cls: Class
    parameter: str
    position: int | None
    for_none: bool = False


class ComposingCalls:
    """Follows norm classes into the objects of single calls."""

    def __init__(self, flow: Flow, roles: RoleMap) -> None:
        self._flow = flow
        self._roles = roles
        self._arguments: dict[Function, dict[ast.expr, ast.Call]] = {}
        self._never_none = NeverNone(flow)
        self._keywords = ForwardedKeywords(flow)

    def layer_roles(self, norm: NormClass) -> Iterator[tuple[NormLayer, Roles | None]]:
        """The layers that one use of a name reaches, and their roles as far as it reaches them.

        ``None``: no single call is known to make what holds the layer there.
        """
        entered = self._entered_by_default(norm)
        seen: set[tuple[NormClass, frozenset[Class], frozenset[Role]]] = set()
        pending = [(norm, None if entered is None else self._objects(entered, None))]
        while pending:
            use, objects = pending.pop()
            key = (use, *((objects.classes, frozenset(objects.roles)) if objects else _ALL))
            if key in seen:
                continue
            seen.add(key)
            for layer in use.layers:
                if layer in self._roles.patterns:
                    continue
                yield layer, None if objects is None else self._roles_in(layer, objects)
            pending.extend(self._next(use, objects))

    def is_overridden(self, norm: NormClass) -> bool:
        """Whether a parameter's default is used by no call that makes an object."""
        return self._entered_by_default(norm) == []

    def is_default(self, norm: NormClass) -> bool:
        """Whether it is the default of a constructor's parameter."""
        return norm.spot.node in self._defaults

    def class_around(self, norm: NormClass) -> Class | None:
        """The class whose method names it, be it as the default of a parameter."""
        found = self._defaults.get(norm.spot.node)
        return norm.spot.function.enclosing_class if found is None else found.cls

    def enters_apart(self, norm: NormClass, other: NormClass) -> bool:
        """Whether what comes into a class by ``other`` is not for the objects of ``norm``."""
        is_same = norm.spot.function is other.spot.function and self._is_for_base(norm)
        return not is_same and self._enters(norm) and self._enters(other)

    def is_all_handed_over(self, norm: NormClass, use: NormClass) -> bool:
        """Whether objects that the call with ``norm`` makes get nothing else by the name ``use``.

        That is a parameter of their constructor, for which the call hands ``norm`` over: whatever
        other calls may hand over there, or leave to a default, they make other objects.
        """
        init, call, made = use.spot.function, self._call_with(norm), self._made_with(norm)
        name = use.spot.node.id if isinstance(use.spot.node, ast.Name) else ""
        if init.class_ is None or call is None or not made:
            return False
        if not _is_only_parameter(init, name) and not self._overrides_none(norm, init, name):
            return False
        return _takes_by_name(call, norm.spot.node, name, init) and all(
            one.class_.find_method("__init__") is init for one in made
        )

    def _overrides_none(self, norm: NormClass, init: Function, name: str) -> bool:
        """Whether a parameter has a value of the constructor's own only where it is ``None``."""
        is_default = none_default(init, name) is not None
        node = norm.spot.node
        return is_default and isinstance(node, ast.expr) and self._is_something(norm.spot, node)

    def _is_something(self, spot: Spot, given: ast.expr) -> bool:
        return self._never_none.is_sure(spot.function, given)

    def _enters(self, norm: NormClass) -> bool:
        return bool(
            self._made_with(norm) or self._is_for_base(norm) or self._entered_by_default(norm)
        )

    def _is_for_base(self, norm: NormClass) -> bool:
        """Whether a name is handed to the constructor of a base: ``super().__init__(norm)``."""
        call = self._call_with(norm)
        func = call.func if call is not None else None
        return isinstance(func, ast.Attribute) and func.attr == "__init__" and is_super(func.value)

    # ------------------------------------------------------- where a name goes

    def _next(
        self, use: NormClass, objects: Objects | None
    ) -> Iterator[tuple[NormClass, Objects | None]]:
        made = self._objects(self._made_with(use), objects)
        stays = made is None and objects is not None and self._stays_in_object(use)
        inside = objects if stays else made
        for child in use.children:
            home = child.spot.function.enclosing_class
            is_inside = inside is not None and home in inside.classes
            yield child, inside if is_inside else None

    def _stays_in_object(self, use: NormClass) -> bool:
        """Whether the name is handed to a method of the same object, or to no call at all."""
        if use.context != "argument":
            return True
        call = self._call_with(use)
        func = call.func if call is not None else None
        if not isinstance(func, ast.Attribute):
            return False
        return is_super(func.value) or (
            isinstance(func.value, ast.Name) and func.value.id == use.spot.function.first_parameter
        )

    def _made_with(self, use: NormClass) -> list[Instance]:
        """The objects that a call makes to which the name is handed."""
        call = self._call_with(use)
        made = self._made_by.get(call, []) if call is not None else []
        return [] if any(one.weak for one in made) else made

    def _call_with(self, use: NormClass) -> ast.Call | None:
        if use.context != "argument":
            return None
        function = use.spot.function
        known = self._arguments.get(function)
        if known is None:
            known = self._arguments[function] = {
                argument: call
                for _, call in self._flow.calls_in.get(function, ())
                for argument in given_arguments(call)
            }
        return known.get(use.spot.node) if isinstance(use.spot.node, ast.expr) else None

    @functools.cached_property
    def _made_by(self) -> dict[ast.AST, list[Instance]]:
        """The objects of the repository's classes, by the call that makes them."""
        found: dict[ast.AST, list[Instance]] = {}
        for instances in self._flow.instances.values():
            for one in instances:
                if one.spot is not None:
                    found.setdefault(one.spot.node, []).append(one)
        return found

    # --------------------------------------------------- defaults of parameters

    def _entered_by_default(self, norm: NormClass) -> list[Instance] | None:
        """The objects made by calls that leave a parameter to its default, ``norm``.

        ``None``: it is no such default, or who uses it cannot be told.
        """
        default = self._defaults.get(norm.spot.node)
        if default is None:
            return None
        init = default.cls.methods["__init__"]
        entered: list[Instance] = []
        is_built = False
        for child in default.cls.descendants():
            if child.find_method("__init__") is not init:
                return None  # it may call the one of its base with or without
            for one in filter(self._is_for_model, self._flow.instances.get(child, ())):
                is_built = True
                is_left = self._is_left(default, one)
                if is_left is None:
                    return None
                if is_left:
                    entered.append(one)
        return entered if is_built else None

    def _is_left(self, default: _Default, made: Instance) -> bool | None:
        """Whether the call that makes an object may leave it the default; ``None``: not known."""
        call = made.spot.node if made.spot is not None else None
        if made.spot is None or made.weak or not isinstance(call, ast.Call):
            return None
        given = _handed_over(call, default.parameter, default.position)
        if given is None:
            function = made.spot.function
            is_open = any(isinstance(one, ast.Starred) for one in call.args)
            is_sure = not is_open and self._keywords.is_left_out(function, call, default.parameter)
            return True if is_sure else None
        return default.for_none and not self._is_something(made.spot, given)

    def _is_for_model(self, made: Instance) -> bool:
        """Whether an object is more than what a test makes for itself."""
        is_tested = made.spot is not None and made.spot.module.is_test
        return not is_tested or bool(self._roles.held_in.get(made))

    @functools.cached_property
    def _defaults(self) -> dict[ast.AST, _Default]:
        """Defaults of constructors' parameters, in the signature or behind ``None``."""
        found: dict[ast.AST, _Default] = {}
        for cls in self._flow.classes:
            init = cls.methods.get("__init__")
            if init is None or not isinstance(init.node, ast.FunctionDef):
                continue
            arguments = init.node.args
            placed = [*arguments.posonlyargs, *arguments.args]
            values: list[ast.expr | None] = [*arguments.defaults]
            values = [None] * (len(placed) - len(values)) + values + arguments.kw_defaults
            for index, value in enumerate(values):
                if value is None:
                    continue
                parameter = [*placed, *arguments.kwonlyargs][index].arg
                # self is not handed over
                position = index - 1 if index < len(placed) else None
                if isinstance(value, ast.Constant) and value.value is None:
                    behind = none_default(init, parameter)
                    if behind is not None:
                        found[behind] = _Default(cls, parameter, position, for_none=True)
                else:
                    found[value] = _Default(cls, parameter, position)
        return found

    # -------------------------------------------------------------------- roles

    def _objects(self, made: Iterable[Instance], around: Objects | None) -> Objects | None:
        """The objects with the roles of what holds them, or ``None`` if nothing is seen to."""
        roles: Roles = {}
        classes: set[Class] = set()
        idle: list[Instance] = []
        for one in made:
            found = self._roles_in(one, around)
            if found:
                classes.update(one.class_.ancestors())
                roles = found | roles
            elif self._roles.held_in.get(one):
                idle.append(one)  # for certain, or it would be in doubt
            else:
                return None
        if not classes and idle:
            classes.update(idle[0].class_.ancestors())
            roles = self._roles.unseen(self._roles.held_in[idle[0]][0][0])
        return Objects(frozenset(classes), roles) if classes else None

    def _roles_in(self, value: Instance | NormLayer, objects: Objects | None) -> Roles:
        """The roles of all that holds a value, where ``objects`` are the only ones of theirs."""
        roles = self._roles.lost_roles(value)
        for slot in self._roles.held_in.get(value, ()):
            is_inside = objects is not None and slot[0] in objects.classes
            if objects is not None and is_inside and slot not in self._roles.own:
                found = objects.roles
            else:
                found = self._roles.roles_in(slot, value) or self._roles.doubt(slot)
            roles = found | roles
        return roles


_ALL: tuple[frozenset[Class], frozenset[Role]] = (frozenset(), frozenset())


def _handed_over(call: ast.Call, parameter: str, position: int | None) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == parameter:
            return keyword.value
    if position is None or position >= len(call.args):
        return None
    placed = call.args[: position + 1]
    return None if any(isinstance(one, ast.Starred) for one in placed) else placed[-1]


def _takes_by_name(call: ast.Call, argument: ast.AST, parameter: str, init: Function) -> bool:
    """Whether a call of a constructor hands an argument over for a parameter, certainly."""
    if any(keyword.value is argument for keyword in call.keywords):
        return any(keyword.arg == parameter for keyword in call.keywords)
    if any(isinstance(given, ast.Starred) for given in call.args):
        return False
    assert isinstance(init.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    placed = [*init.node.args.posonlyargs, *init.node.args.args][1:]
    handed = zip(call.args, placed, strict=False)
    return any(given is argument and taken.arg == parameter for given, taken in handed)


def _is_only_parameter(function: Function, name: str) -> bool:
    """Whether a name is a parameter to which the function gives no value of its own."""
    node = function.node
    if not isinstance(node, ast.FunctionDef) or name not in function.parameters:
        return False
    if name in function.extra_parameters:
        return False
    is_stored = any(
        isinstance(one, ast.Name) and one.id == name and not isinstance(one.ctx, ast.Load)
        for one in ast.walk(node)
    )
    return not is_stored and not any(name in bound_names(one) for one in flat(node.body))
