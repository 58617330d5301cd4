"""Whether the very model that a call loads weights into is trained from there on.

It is followed by its name, through the statements that run after the load, to what it is handed
to, and to those that call the function that loads it. Other branches, and what stands behind a
``return``, do not run after it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.flow.optimizer_calls import drives, optimizer_call
from bn2gn_codemod.survey.statements.function_ends import ends_function
from bn2gn_codemod.survey.statements.run_conditions import blocks_around, conditions_at, exclude
from bn2gn_codemod.survey.syntax.nodes import (
    bound_names,
    call_name,
    children,
    dotted,
    given_arguments,
    is_off,
    target_names,
    walk,
)
from bn2gn_codemod.survey.values import ClassValue, Function, FunctionValue

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)
# What a model is asked for by whoever trains it: also by the name of what holds it.
_OF_WHOLE = re.compile(r"(?:\.\w*param\w*|\.train)?")
# Methods of a model that give the model.
_GIVE_THEMSELVES = frozenset(
    {"to", "cuda", "cpu", "float", "half", "double", "apply", "train", "eval", "type"}
    | {"requires_grad_", "to_empty", "share_memory", "bfloat16"}
)


class _Place(NamedTuple):
    """A model by its name in a function, after ``node``: ``None`` is the beginning."""

    function: Function
    node: ast.AST | None
    model: str


def is_trained_after(flow: Flow, call: LoadCall) -> bool:
    """Whether the model comes to an optimizer, or is set to training, after it was loaded."""
    match call.spot.node:
        case ast.Call(func=ast.Attribute(value=receiver)) if model := dotted(receiver):
            return _Search(flow).run(_Place(call.spot.function, call.spot.node, model))
    return False


class _Search:
    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._sites = CallSites(flow)
        self._pending: list[_Place] = []

    def run(self, place: _Place) -> bool:
        self._add(place)
        return any(map(self._is_trained_at, self._pending))  # grows

    def _add(self, place: _Place) -> None:
        place = place._replace(model=place.model.removesuffix(".module"))
        if place not in self._pending:
            self._pending.append(place)

    def _is_trained_at(self, place: _Place) -> bool:
        names = {place.model}
        if any(self._is_trained_in(place, block, names) for block in _after(place)):
            return True
        self._add_callers(place.function, place.model)
        for name in {place.model, *names}:
            if name.startswith("self."):
                self._add_methods(place.function, name)
        return False

    def _is_trained_in(self, place: _Place, block: list[ast.stmt], names: set[str]) -> bool:
        """Whether a block trains the model; ``names`` is what it is called before and after it."""
        for statement in block:
            if not names:
                return False  # it was left, or the model is there no more
            for call in _own_calls(statement):
                if self._may_run(place, call) and self._trains(call, names):
                    return True
            _rebind(statement, names)
            ways = _ways(statement)
            ends = [set(names) for _ in ways]
            for way, end in zip(ways, ends, strict=True):
                if self._is_trained_in(place, way, end):
                    return True
            if ways:
                names.clear()
                names.update(*ends)
            if ends_function(statement):
                self._add_returned(place, statement, names)
                names.clear()
        return False

    def _add_returned(self, place: _Place, statement: ast.stmt, names: set[str]) -> None:
        match statement:
            case ast.Return(value=ast.expr() as value) if dotted(value) in names:
                if self._may_run(place, statement):
                    self._add_callers(place.function, None)
            case _:
                pass

    def _may_run(self, place: _Place, node: ast.AST) -> bool:
        if place.node is None:
            return True
        here = conditions_at(place.function, place.node)
        return not exclude(here, conditions_at(place.function, node))

    def _trains(self, call: ast.Call, names: set[str]) -> bool:
        """Whether a call trains a model; where it hands it on, that is looked at next."""
        given = given_arguments(call)
        is_set = isinstance(call.func, ast.Attribute) and call.func.attr == "train"
        if is_set and not any(map(is_off, given)) and _is_whole(dotted(call.func) or "", names):
            return True
        if optimizer_call(self._flow, call) or drives(self._flow, call):
            return any(_is_whole(chain, names) for one in given for chain in _chains(one))
        for value in self._flow.value_of(call.func):
            if isinstance(value, FunctionValue):
                self._hand_over(call, value.function, names)
            elif isinstance(value, ClassValue) and (init := value.class_.find_method("__init__")):
                self._hand_over(call, init, names)
        return False

    def _hand_over(self, call: ast.Call, function: Function, names: set[str]) -> None:
        for parameter, given in _arguments(call, function):
            if dotted(given) in names:
                self._add(_Place(function, None, parameter))
        if function.class_ is not None and isinstance(call.func, ast.Attribute):
            owner = dotted(call.func.value)
            for name in names:
                if owner is not None and f"{name}.".startswith(f"{owner}."):
                    self._add(_Place(function, None, f"self{name[len(owner) :]}"))

    def _add_methods(self, function: Function, name: str) -> None:
        """What a method has stored, where it goes on: after a constructor, in any other one."""
        cls = function.class_
        if cls is None:
            return
        if not function.is_constructor:
            for caller, site in self._sites.of(function):
                if isinstance(site.func, ast.Attribute) and (owner := dotted(site.func.value)):
                    self._add(_Place(caller, site, name.replace("self", owner, 1)))
            return
        for one in {*cls.ancestors(), *cls.descendants()}:
            for method in one.methods.values():
                if not method.is_constructor:
                    self._add(_Place(method, None, name))

    def _add_callers(self, function: Function, model: str | None) -> None:
        """What a function was handed, or with ``None`` what it returns, where it is called."""
        for caller, site in self._sites.of(function):
            if model is None:
                self._add_result(caller, site)
            elif model == "self" and isinstance(site.func, ast.Attribute):
                self._add_named(caller, site, site.func.value)
            else:
                for parameter, given in _arguments(site, function):
                    if parameter == model:
                        self._add_named(caller, site, given)

    def _add_named(self, caller: Function, site: ast.Call, given: ast.expr) -> None:
        if name := dotted(given):
            self._add(_Place(caller, site, name))

    def _add_result(self, caller: Function, site: ast.Call) -> None:
        for block, index in blocks_around(caller.node, site)[-1:]:
            match block[index]:
                case ast.Assign(targets=[target], value=value) if _is_same_model(value, site):
                    self._add_named(caller, site, target)
                case ast.Return(value=ast.expr() as value) if _is_same_model(value, site):
                    self._add_callers(caller, None)
                case _:
                    pass


def _is_same_model(value: ast.expr, made: ast.Call) -> bool:
    """``make().cuda()`` and ``DataParallel(make())`` for ``make()``"""
    match value:
        case ast.Call() if value is made:
            return True
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in _GIVE_THEMSELVES:
            return _is_same_model(owner, made)
        case ast.Call(args=[wrapped, *_]):
            return call_name(value).endswith("DataParallel") and _is_same_model(wrapped, made)
        case _:
            return False


def _after(place: _Place) -> list[list[ast.stmt]]:
    """What runs after a place, by the blocks around it, innermost first."""
    if place.node is None:
        return [getattr(place.function.node, "body", [])]
    around = blocks_around(place.function.node, place.node)
    return [block[index + 1 :] for block, index in reversed(around)]


def _own_calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """The calls of a statement, but for those in its blocks; of a function, all that are in it."""
    pending: list[ast.AST] = [statement]
    for node in pending:  # grows
        if isinstance(node, ast.Call):
            yield node
        is_inside = isinstance(statement, _SCOPES)
        pending += [one for one in children(node) if is_inside or not isinstance(one, _BLOCKS)]


def _ways(statement: ast.stmt) -> list[list[ast.stmt]]:
    """The ways through a compound statement, each as one block; of other statements none."""
    match statement:
        case ast.With(body=body) | ast.AsyncWith(body=body):
            return [body]
        case ast.If(body=body, orelse=orelse):
            return [body, orelse]
        case ast.For() | ast.AsyncFor() | ast.While():
            whole = [statement.body + statement.orelse, statement.orelse]
            # A break may come before anything in the body, and passes the else over.
            is_left = any(isinstance(one, ast.Break) for one in walk(statement))
            return [*whole, statement.body, []] if is_left else whole
        case ast.Match(cases=cases):
            return [[], *(case.body for case in cases)]
        case ast.Try(body=body, orelse=orelse, finalbody=last, handlers=handlers):
            return [body + orelse + last, *(handler.body + last for handler in handlers)]
        case _:
            return []


def _rebind(statement: ast.stmt, names: set[str]) -> None:
    """Take out what a statement gives another value, and add what it makes of the model."""
    before = frozenset(names)
    for bound, value in _bindings(statement):
        is_made_of_it = value is not None and any(_is_whole(one, before) for one in _handed(value))
        if is_made_of_it and (len(bound) > 1 or isinstance(statement, (ast.For, ast.AsyncFor))):
            continue  # model, optimizer = prepare(model, optimizer): which of them is not told
        for name in bound:
            names.difference_update([one for one in names if f"{one}.".startswith(f"{name}.")])
            names.update([name] if is_made_of_it else [])


def _bindings(statement: ast.stmt) -> Iterator[tuple[list[str], ast.expr | None]]:
    """The names that a statement gives a value, with that value where it is known."""
    match statement:
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(
            targets
        ) == len(values) and not any(isinstance(one, ast.Starred) for one in (*targets, *values)):
            yield from zip(map(_names_of, targets), values, strict=True)
        case ast.Assign(targets=[target], value=value):
            yield _names_of(target), value
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if item.optional_vars is not None:
                    yield _names_of(item.optional_vars), item.context_expr
        case _:
            made = getattr(statement, "iter", getattr(statement, "value", None))
            yield list(bound_names(statement)), made if isinstance(made, ast.expr) else None


def _names_of(target: ast.expr) -> list[str]:
    name = dotted(target)
    return list(target_names(target)) if name is None else [name]


def _arguments(call: ast.Call, function: Function) -> Iterator[tuple[str, ast.expr]]:
    """What a call gives for which parameter of a function."""
    arguments = getattr(function.node, "args", None)
    if not isinstance(arguments, ast.arguments):
        return
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
    if function.class_ is not None and names[:1] == ["self"]:
        names = names[1:]
    yield from zip(names, call.args, strict=False)
    yield from ((one.arg, one.value) for one in call.keywords if one.arg is not None)


def _handed(value: ast.expr) -> Iterator[str]:
    """The dotted names in a value, but for what is called with something: ``model(images)``.

    Those methods that give the model itself do not make another of it: ``model.to(device)``.
    """
    called = {node.func for node in walk(value) if isinstance(node, ast.Call) and node.args}
    yield from _chains(value, without=called)
    for node in walk(value):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in _GIVE_THEMSELVES:
                if chain := dotted(owner):
                    yield chain
            case _:
                pass


def _chains(expr: ast.expr, without: Iterable[ast.AST] = ()) -> Iterator[str]:
    """The dotted names in an expression, each as a whole."""
    inner = set(without)
    for node in walk(expr):  # from the outside in
        if isinstance(node, (ast.Name, ast.Attribute)):
            if isinstance(node, ast.Attribute):
                inner.add(node.value)
            if node not in inner and (name := dotted(node)):
                yield name


def _is_whole(chain: str, names: Collection[str]) -> bool:
    """Whether a dotted name is of a model or of what holds it: ``net`` for ``net.trunk``."""
    for name in names:
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            whole = ".".join(parts[:end])
            if chain.startswith(whole) and _OF_WHOLE.fullmatch(chain[len(whole) :]):
                return True
    return False
