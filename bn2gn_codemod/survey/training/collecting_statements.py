"""Statements that put something into a variable, or into an attribute: groups of parameters."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.statements.scopes import Scope, binds
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Function

_ADDS = {"append", "extend", "update", "insert", "setdefault", "add_param_group"}

Step = tuple[Scope, ast.stmt]


class CollectingStatements:
    """Finds them in a function, in the methods of its class and at the top level."""

    def __init__(self, flow: Flow, scopes: Sequence[Scope]) -> None:
        self._flow = flow
        self._scopes = scopes

    def before(self, scope: Scope, use: ast.stmt, source: str) -> Iterator[Step]:
        """Statements that put something into ``source`` before ``use``, nearest first."""
        position = scope.order.index(use)
        for statement in reversed(scope.order[:position]):
            if _puts_into(statement, source):
                yield scope, statement
        cls = scope.function.class_
        if cls is not None and source.startswith("self."):
            methods = {
                method for ancestor in cls.ancestors() for method in ancestor.methods.values()
            }
            for other in self._scopes:
                if other.function in methods and other is not scope:
                    for statement in other.order:
                        if _puts_into(statement, source):
                            yield other, statement
        for top in self._tops_of_global(scope, source):
            for statement in reversed(top.order):
                if _puts_into(statement, source):
                    yield top, statement

    def _tops_of_global(self, scope: Scope, source: str) -> list[Scope]:
        """The top level of the module, where a function reads a variable of that."""
        top = self._flow.top_level[scope.function.module.path]
        if scope.function is top or source not in top.locals:
            return []
        around: Function | None = scope.function
        while around is not None and around is not top:
            if source in around.locals | around.parameters:
                return []
            around = around.outer
        return [one for one in self._scopes if one.function is top]


def sources_in(value: ast.AST, but: Collection[ast.AST] = ()) -> list[str]:
    """The variables and ``self`` attributes in an expression."""
    found: list[str] = []
    for node in walk(value):
        if node in but:
            continue
        if isinstance(node, ast.Name) and node.id != "self":
            found.append(node.id)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self":
            found.append(ast.unparse(node))
    return list(dict.fromkeys(found))


def _puts_into(statement: ast.stmt, source: str) -> bool:
    match statement:
        case ast.For(target=target) | ast.AsyncFor(target=target):
            return source in {ast.unparse(n) for n in walk(target) if isinstance(n, ast.expr)}
        case ast.If() | ast.With() | ast.Try() | ast.While():
            return False  # its statements come one by one
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name, value=owner))):
            adds = name in _ADDS
            return adds and source in sources_in(owner)
        case ast.Assign(targets=[ast.Subscript(value=owner)]):
            return ast.unparse(owner) == source
        case ast.Assign(targets=[ast.Tuple(elts=parts)]) if any(
            isinstance(part, ast.Subscript) and ast.unparse(part.value) == source for part in parts
        ):
            return True
    return binds(statement, source)


def given_to(statement: ast.stmt, source: str) -> Iterator[ast.expr]:
    """What a statement puts into ``source``."""
    match statement:
        case ast.For(iter=iterated) | ast.AsyncFor(iter=iterated):
            yield iterated
        case ast.Expr(value=ast.Call() as call):
            yield from call.args
            yield from (keyword.value for keyword in call.keywords)
        case ast.Assign(targets=[ast.Tuple(elts=parts)], value=ast.Tuple(elts=values)):
            for part, value in zip(parts, values, strict=False):
                if ast.unparse(part) == source:
                    yield value
        case ast.Assign(targets=[ast.Tuple()], value=ast.Name()):
            pass  # which element it is cannot be told
        case ast.Assign(value=value):
            yield value
        case ast.AnnAssign(value=ast.expr() as value) | ast.AugAssign(value=value):
            yield value
