"""Which expressions of train scripts may be a list of parameters, and not a module.

The flow analysis tells what is *in* a list, not that it is one: what
``model.groups(0.1)`` gives seems to be the model. Calls of ``freeze_backbone_bn``
are written on modules alone, so where an expression comes from is read again here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.origins import Origins
from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.syntax.nodes import call_name, walk
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


class CollectionsOfParameters:
    """Follows an expression back to what made it, through calls and attributes."""

    def __init__(self, flow: Flow, origins: Origins) -> None:
        self._flow = flow
        self._origins = origins

    def may_be(self, scope: Scope, expr: ast.expr) -> bool:
        """Whether an expression of a function may be something else than a module."""
        return not is_used_as_module(scope, ast.unparse(expr)) and self._may_be(
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
                return self._may_call_give(expr, seen)
            case ast.Name() | ast.Attribute():
                key = (scope, ast.unparse(expr))
                if key in seen or len(seen) > _DEEPEST:
                    return False
                seen = seen | {key}
                return any(
                    origin.adds or self._may_be(origin.scope, origin.expr, seen)
                    for origin in self._origins.of(scope, expr)
                )
        return isinstance(expr, _DISPLAYS)

    def _may_call_give(self, call: ast.Call, seen: frozenset[tuple[Scope, str]]) -> bool:
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
        scope, key = self._origins.scopes.get(function), (function.name, "return")
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


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """The expressions of a plain statement."""
    if isinstance(statement, (ast.Expr, ast.Assign)):
        yield from walk(statement.value)


def is_used_as_module(scope: Scope, source: str) -> bool:
    """Whether the function calls a method of it that only modules have: ``x.parameters()``."""
    return any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in _OF_MODULES
        and ast.unparse(call.func.value) == source
        for _, call in scope.calls
    )
