"""What each of several results is: ``model, criterion = build(args)``.

A function may give one of them alone as well (``if not training: return model``). The flow
analysis has that one in either variable, though no module can be taken apart: where two values
are unpacked, only what returns two values comes there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.flow.origins import Origins
from bn2gn_codemod.survey.flow.unused_branches import UnusedBranches
from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.syntax.nodes import bound_names, flat, target_names, unpacks, walk
from bn2gn_codemod.survey.values import Class, ClassValue, Function, FunctionValue, Instance

_SAME = frozenset({"cuda", "to", "cpu", "train", "eval", "float", "half", "double"})
_DEEPEST = 4  # functions that hand on what another one gives


class UnpackedResults:
    """Follows variables back to the results that they are unpacked of."""

    def __init__(self, origins: Origins) -> None:
        self._flow = origins.flow
        self._functions = UnusedBranches(origins.flow)
        self._origins = origins

    def without_others(
        self, scope: Scope, expr: ast.expr, classes: tuple[Class, ...]
    ) -> tuple[Class, ...]:
        """The classes of a variable, without those that only the other variables are of."""
        told = self._of(scope, expr, _DEEPEST) if classes else None
        return classes if told is None else tuple(cls for cls in classes if cls in told)

    def _of(self, scope: Scope, expr: ast.expr, depth: int) -> set[Class] | None:
        """The classes that a variable may be of; ``None``: it is not told so."""
        if not isinstance(expr, ast.Name) or depth == 0:
            return None
        bound = list(_bindings(scope, expr.id))
        if _is_bound_inside(scope, expr.id):
            return None
        if scope.parameter(expr.id) is not None:
            handed = list(self._origins.handed(scope, expr))
            calls = [call for _, _, call in self._origins.callers(scope.function)]
            if bound or len(handed) < len(calls) or any(map(unpacks, calls)):
                return None
            if scope.function in self._functions.handed_on:
                return None  # others call it, too
            return _together(self._of(one.scope, one.expr, depth - 1) for one in handed)
        return _together(self._bound(one, expr.id, depth) for one in bound)

    def _bound(self, statement: ast.stmt, name: str, depth: int) -> set[Class] | None:
        match statement:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Call() as call) if not any(
                isinstance(one, ast.Starred) for one in targets
            ):
                places = [i for i, one in enumerate(targets) if name in target_names(one)]
                if len(places) == 1 and isinstance(targets[places[0]], ast.Name):
                    return self._given(call, len(targets), places[0], depth)
            case _:
                pass
        return None

    def _given(self, call: ast.Call, number: int, place: int, depth: int) -> set[Class] | None:
        """The classes of one of so many results of a call."""
        callees = list(self._flow.value_of(call.func))
        functions = [one.function for one in callees if isinstance(one, FunctionValue)]
        if depth == 0 or len(functions) < len(callees):
            return None
        return _together(self._returned(one, number, place, depth) for one in functions)

    def _returned(
        self, function: Function, number: int, place: int, depth: int
    ) -> set[Class] | None:
        node = function.node
        if not isinstance(node, ast.FunctionDef) or node.decorator_list:
            return None
        if any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in walk(node)):
            return None
        found: list[set[Class] | None] = []
        for statement in flat(node.body):
            if not isinstance(statement, ast.Return) or statement.value is None:
                continue
            match statement.value:
                case ast.Tuple(elts=parts) if not any(isinstance(p, ast.Starred) for p in parts):
                    if len(parts) == number:
                        found.append(self._classes(parts[place]))
                case ast.Call() as call:
                    found.append(self._given(call, number, place, depth - 1))
                case ast.Name() as name if self._is_one_module(function, name):
                    pass  # it cannot be unpacked
                case _:
                    found.append(None)
        return _together(found)

    def _classes(self, expr: ast.expr) -> set[Class]:
        values = self._flow.value_of(expr)
        return {value.class_ for value in values if isinstance(value, Instance)}

    def _is_one_module(self, function: Function, name: ast.Name) -> bool:
        """Whether a variable is bound once, to a new module that is no container."""
        scope = self._origins.scopes.get(function)
        if scope is None or scope.parameter(name.id) is not None:
            return False
        if _is_bound_inside(scope, name.id):
            return False
        match list(_bindings(scope, name.id)):
            case [ast.Assign(targets=[ast.Name()], value=ast.Call(func=callee))]:
                made = list(self._flow.value_of(callee))
            case _:
                return False
        return bool(made) and all(
            isinstance(one, ClassValue) and _is_plain_module(one.class_) for one in made
        )


def _is_plain_module(cls: Class) -> bool:
    owners = cls.ancestors()
    bases = {base for owner in owners for base in owner.external_bases}
    special = {"__iter__", "__getitem__", "__new__"}
    return bases == {"torch.nn.Module"} and all(special.isdisjoint(one.methods) for one in owners)


def _bindings(scope: Scope, name: str) -> Iterator[ast.stmt]:
    """The statements that bind a variable, but for ``net = net.cuda()``."""
    for statement in scope.order:
        match statement:
            case ast.Assign(
                targets=[ast.Name(id=bound)],
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=method)),
            ) if bound == owner == name and method in _SAME:
                continue
            case _:
                if name in bound_names(statement):
                    yield statement


def _is_bound_inside(scope: Scope, name: str) -> bool:
    """Whether an expression, or a function in this one, may give a variable another value."""
    return any(
        (isinstance(node, ast.NamedExpr) and node.target.id == name)
        or (isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names)
        or (
            isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler))
            and node.name == name
        )
        for node in walk(scope.function.node)
    )


def _together(found: Iterable[set[Class] | None]) -> set[Class] | None:
    """What all of them say; nothing, where one is silent or there is none."""
    sets = list(found)
    known = [one for one in sets if one is not None]
    return set().union(*known) if known and len(known) == len(sets) else None
