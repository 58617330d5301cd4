"""Which expression stands for a module, where parameters are read, and which for a collection."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.statements.scopes import Scope, assignments, targets_of
from bn2gn_codemod.survey.syntax.nodes import call_name, walk
from bn2gn_codemod.survey.training.collecting_statements import CollectingStatements, given_to
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.values import Class, Function

_PARAMETERS = re.compile(r"para(?:m|s\b|_)|group|weights|wd|decay|_bn$")
_OVER_PARAMETERS = {"parameters", "named_parameters", "filter", "list", "tuple", "chain", "dict"}
_DISPLAYS = (
    ast.List,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.GeneratorExp,
)
_OF_DICTS = {"copy", "pop", "setdefault", "update", "get"}


class ModulesOrCollections:
    """Tells them apart by their names, and by what is put into them."""

    def __init__(self, flow: Flow, models: TrainedModels, collecting: CollectingStatements) -> None:
        self._flow = flow
        self._models = models
        self._collecting = collecting

    def module(
        self, scope: Scope, use: ast.stmt, expression: ast.expr, value: ast.AST
    ) -> ast.expr | None:
        """The expression that is the model itself; ``None`` for a collection of something."""
        source = ast.unparse(expression)
        if _PARAMETERS.search(source.rsplit(".", 1)[-1]):
            return None
        if not self._is_container(scope, use, source):
            return expression
        for node in walk(value):
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.slice, ast.Constant)
                and ast.unparse(node.value) == source
                and self.element_classes(scope, use, node)
            ):
                return node
        return None

    def element_classes(
        self, scope: Scope, use: ast.stmt, expression: ast.expr
    ) -> tuple[Class, ...]:
        """What an expression is; for ``models["depth"]`` by what is stored under that key."""
        if isinstance(expression, ast.Subscript):
            source, container = ast.unparse(expression), ast.unparse(expression.value)
            stored = [
                given
                for _, statement in self._collecting.before(scope, use, container)
                for made, value in assignments(statement, source)
                for given in ([value] if value is not None else targets_of(made, source))
                if value is not None or any(True for _ in self._flow.value_of(given))
            ]
            if stored:
                found = (cls for value in stored for cls in self._models.of(value))
                return tuple(dict.fromkeys(found))
        return self._models.of(expression)

    def _is_container(self, scope: Scope, use: ast.stmt, source: str) -> bool:
        """Whether a name stands for a list or dict, not for one module."""
        if source in scope.function.extra_parameters or _is_used_as_dict(scope.function, source):
            return True
        for where, statement in self._collecting.before(scope, use, source):
            del where
            if isinstance(statement, (ast.For, ast.AsyncFor)):
                return True
            # What is appended says nothing: self.net.layers.append([...])
            given = () if isinstance(statement, ast.Expr) else given_to(statement, source)
            for value in given:
                if isinstance(value, _DISPLAYS):
                    return True
                if isinstance(value, ast.Call) and call_name(value) in _OVER_PARAMETERS:
                    return True
        return False

    def inside_or_around(self, scope: Scope, use: ast.stmt, expression: ast.expr) -> ast.expr:
        """``net`` for ``plain`` of ``plain = net.module if parallel else net``.

        What is done to one is done to the other, and it is ``net`` that is trained.
        """
        source = ast.unparse(expression)
        earlier = scope.order[: scope.order.index(use)]
        bound = dict(pair for statement in earlier for pair in assignments(statement, source))
        value = next(iter(bound.values()), None)
        if len(bound) != 1 or not isinstance(value, ast.IfExp):
            return expression
        branches = [_without_module(branch) for branch in (value.body, value.orelse)]
        names = {ast.unparse(branch) for branch in branches}
        is_model = isinstance(branches[0], (ast.Name, ast.Attribute)) and names != {source}
        return branches[0] if is_model and len(names) == 1 else expression


def _without_module(expression: ast.expr) -> ast.expr:
    """``net`` of ``net.module``, which a parallel wrapper keeps its model under."""
    if isinstance(expression, ast.Attribute) and expression.attr == "module":
        return expression.value
    return expression


def _is_used_as_dict(function: Function, source: str) -> bool:
    """Whether a function treats a variable as no module, but as the arguments of a call."""
    for node in walk(function.node):
        match node:
            case ast.keyword(arg=None, value=value):
                if ast.unparse(value) == source:
                    return True
            case ast.Call(func=ast.Attribute(attr=name, value=owner)) if name in _OF_DICTS:
                if ast.unparse(owner) == source:
                    return True
            case _:
                pass
    return False
