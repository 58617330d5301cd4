"""Which expressions of train scripts may be a list of parameters, and not a module.

The flow analysis tells what is *in* a list, not that it is one: what
``model.groups(0.1)`` gives seems to be the model. Calls of ``freeze_backbone_bn``
are written on modules alone, so where an expression comes from is read again here.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping

from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.scopes import Scope, assignments
from bn2gn_codemod.survey.syntax import call_name, walk
from bn2gn_codemod.survey.values import ClassValue, Function, FunctionValue, Instance, TupleValue

_DISPLAYS = (
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.GeneratorExp,
    ast.BinOp,  # groups + others
)
# What gives a collection, or goes over one, whoever it belongs to.
_COLLECTS = {
    "parameters", "named_parameters", "modules", "named_modules", "children", "named_children",
    "buffers", "named_buffers", "state_dict", "filter", "map", "zip", "list", "tuple", "set",
    "dict", "frozenset", "sorted", "reversed", "iter", "enumerate", "chain", "from_iterable",
    "OrderedDict", "defaultdict", "namedtuple", "SimpleNamespace", "Namespace", "Munch", "edict",
    "EasyDict", "AttrDict", "items", "values", "keys",
}  # fmt: skip
# What gives the module that it is called on, and no list or dict has.
_SAME = {"cuda", "to", "cpu", "train", "eval", "float", "half", "double", "requires_grad_"}
# What no list or dict has.
_OF_MODULES = {"parameters", "named_parameters", "modules", "named_modules", *_SAME}
_DEEPEST = 6

Callers = Callable[[Function], list[tuple[Scope, ast.stmt, ast.Call]]]
Arguments = Callable[[Scope, ast.Call, str], list[ast.expr]]


class CollectionsOfParameters:
    """Follows an expression back to what made it, through calls and attributes."""

    def __init__(
        self, flow: Flow, scopes: list[Scope], callers: Callers, arguments: Arguments
    ) -> None:
        """``arguments`` are those that a call gives to a parameter of a scope's function."""
        self._flow = flow
        self._scopes: Mapping[Function, Scope] = {scope.function: scope for scope in scopes}
        self._callers = callers
        self._arguments = arguments

    def may_be(self, scope: Scope, expr: ast.expr) -> bool:
        """Whether an expression of a function may be something else than a module."""
        return not _is_used_as_module(scope, ast.unparse(expr)) and self._may_be(
            scope, expr, frozenset()
        )

    def _may_be(self, scope: Scope, expr: ast.expr, seen: frozenset[tuple[Scope, str]]) -> bool:
        match expr:
            case ast.IfExp(body=body, orelse=orelse):
                return any(self._may_be(scope, one, seen) for one in (body, orelse))
            case ast.BoolOp(values=values):
                return any(self._may_be(scope, one, seen) for one in values)
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                return self._may_be(scope, value, seen)
            case ast.Call():
                return self._may_call_give(scope, expr, seen)
            case ast.Name() | ast.Attribute():
                key = (scope, ast.unparse(expr))
                if key in seen or len(seen) > _DEEPEST:
                    return False
                seen = seen | {key}
                return any(self._may_be(*source, seen) for source in self._sources(scope, expr))
        return isinstance(expr, _DISPLAYS)

    def _may_call_give(
        self, scope: Scope, call: ast.Call, seen: frozenset[tuple[Scope, str]]
    ) -> bool:
        if isinstance(call.func, ast.Attribute) and call.func.attr in _SAME:
            return False
        callees = list(self._flow.value_of(call.func))
        functions = [value.function for value in callees if isinstance(value, FunctionValue)]
        if functions:
            # Of those that go by a computed name, some give nothing that a model is in.
            return any(self._may_give(f, seen) for f in functions if self._gives_modules(f))
        if any(isinstance(value, ClassValue) for value in callees):
            return any(
                isinstance(value, ClassValue) and not value.class_.is_module for value in callees
            )
        return call_name(call) in _COLLECTS

    def _may_give(self, function: Function, seen: frozenset[tuple[Scope, str]]) -> bool:
        """Whether a function of the repository may return no module."""
        scope, key = self._scopes.get(function), (function.name, "return")
        if isinstance(function.node, ast.Lambda) or scope is None:
            return False
        own = (scope, key[1])
        if own in seen or len(seen) > _DEEPEST:
            return False
        seen = seen | {own}
        for statement in scope.order:
            if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in _own(statement)):
                return True
            value = statement.value if isinstance(statement, ast.Return) else None
            if value is not None and self._may_be(scope, value, seen):
                return True
        return False

    def _gives_modules(self, function: Function) -> bool:
        """Whether a module is, or is in, what a function gives."""
        given = self._flow.values(self._flow.return_node(function))
        return any(isinstance(value, (Instance, TupleValue)) for value in given)

    def _sources(self, scope: Scope, expr: ast.expr) -> Iterator[tuple[Scope, ast.expr]]:
        """What is assigned to a variable or an attribute, or handed to a parameter."""
        source = ast.unparse(expr)
        places: list[tuple[Scope, str]] = [(scope, source)]
        if isinstance(expr, ast.Attribute):
            places += [(method, f"self.{expr.attr}") for method in self._methods(scope, expr)]
        elif not _is_local(scope.function, source):
            top = self._scopes.get(self._flow.top_level[scope.path])
            places += [(top, source)] if top is not None and top is not scope else []
        for where, name in places:
            for statement in where.body:
                for at, value in assignments(statement, name):
                    if isinstance(at, ast.AugAssign):
                        yield where, ast.List([], ast.Load())  # groups += [...]
                    elif value is not None:
                        yield where, value
        parameter = scope.parameter(source)
        if parameter is not None:
            for outer, _, call in self._callers(scope.function):
                for argument in self._arguments(scope, call, parameter):
                    yield outer, argument

    def _methods(self, scope: Scope, expr: ast.Attribute) -> Iterator[Scope]:
        """The methods that may set the attribute."""
        classes = {
            value.class_ for value in self._flow.value_of(expr.value) if isinstance(value, Instance)
        }
        if ast.unparse(expr.value) == "self" and scope.function.class_ is not None:
            classes.add(scope.function.class_)
        methods = {
            method
            for cls in classes
            for owner in cls.ancestors()
            for method in owner.methods.values()
        }
        return (self._scopes[m] for m in methods if m in self._scopes and m is not scope.function)


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """The expressions of a plain statement."""
    if isinstance(statement, (ast.Expr, ast.Assign)):
        yield from walk(statement.value)


def _is_local(function: Function, name: str) -> bool:
    return name in function.locals or name in function.parameters


def _is_used_as_module(scope: Scope, source: str) -> bool:
    """Whether the function calls a method of it that only modules have: ``x.parameters()``."""
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in _OF_MODULES
        and ast.unparse(call.func.value) == source
        for _, call in scope.calls
    )
