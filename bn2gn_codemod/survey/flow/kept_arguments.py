"""What an object keeps of what it is made with: ``actor.net`` of ``actor = Actor(net=net)``.

Attributes are kept by class, so a base class that all actors extend seems to hold the networks
of all scripts. Where a script makes the actor itself, it is the network that stands there.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.statements.last_made import last_made
from bn2gn_codemod.survey.statements.run_conditions import passed
from bn2gn_codemod.survey.statements.scopes import Scope, binds
from bn2gn_codemod.survey.syntax.nodes import is_super, walk
from bn2gn_codemod.survey.values import Class, ClassValue, Function

_DEEPEST = 4  # constructors of base classes


class KeptArguments:
    """Follows an attribute of a variable back to the call that made the object."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def source(self, scope: Scope, use: ast.stmt, expression: ast.expr) -> ast.expr | None:
        """The variable of the script that an attribute still is at a statement."""
        match expression:
            case ast.Attribute(value=ast.Name(id=holder), attr=attribute):
                pass
            case _:
                return None
        made = last_made(scope, use, holder)
        cls = self._made_class(made)
        if not isinstance(made, ast.Call) or cls is None:
            return None
        init = cls.find_method("__init__")
        parameter = self._kept_parameter(cls, init, attribute, 0)
        given = passed(init, made, parameter) if init is not None and parameter else None
        if not isinstance(given, ast.Name):
            return None
        names = {given.id, ast.unparse(expression)}
        for statement in scope.before(use):
            if any(node is made for node in walk(statement)):
                return given
            if any(binds(statement, name) for name in names):
                return None  # one of the two is something else by now
        return None

    def _made_class(self, made: ast.expr | None) -> Class | None:
        """The one class that a call makes an object of."""
        callees = list(self._flow.value_of(made.func)) if isinstance(made, ast.Call) else []
        match callees:
            case [ClassValue(class_=cls)]:
                return cls
        return None

    def _kept_parameter(
        self, cls: Class, init: Function | None, attribute: str, depth: int
    ) -> str | None:
        """The parameter of a constructor that an attribute holds, and nothing else ever."""
        if init is None or isinstance(init.node, (ast.Module, ast.Lambda)) or depth > _DEEPEST:
            return None
        stores = [
            (method, value)
            for owner in {*cls.ancestors(), *cls.descendants()}
            for method in owner.methods.values()
            for value in _stored(method, attribute)
        ]
        if len(stores) != 1:
            return None
        [(method, value)] = stores
        if method is init:
            return self._parameter(init, value)
        for statement in init.node.body:
            match statement:
                case ast.Expr(
                    value=ast.Call(func=ast.Attribute(value=owner, attr="__init__")) as call
                ) if is_super(owner):
                    base = _base_constructor(init)
                    parameter = self._kept_parameter(cls, base, attribute, depth + 1)
                    handed = passed(base, call, parameter) if base and parameter else None
                    return self._parameter(init, handed)
        return None

    def _parameter(self, function: Function, value: ast.expr | None) -> str | None:
        """The name of a parameter, where an expression is one that is never set anew."""
        if not isinstance(value, ast.Name) or value.id not in function.parameters:
            return None
        is_set = any(
            isinstance(node, ast.Name) and node.id == value.id and isinstance(node.ctx, ast.Store)
            for node in walk(function.node)
        )
        return None if is_set else value.id


def _base_constructor(init: Function) -> Function | None:
    parents = init.class_.parents if init.class_ is not None else ()
    return next((m for p in parents if (m := p.find_method("__init__"))), None)


def _stored(method: Function, attribute: str) -> list[ast.expr | None]:
    """What a method stores in an attribute of its object; ``None``: it is not told."""
    node = method.node
    told = {
        statement.targets[0]: statement.value
        for statement in walk(node)
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1
    }
    at_once = set(getattr(node, "body", ()))  # not in a branch
    certain = {s.targets[0] for s in at_once if isinstance(s, ast.Assign)}
    return [
        told.get(target) if target in certain else None
        for target in walk(node)
        if isinstance(target, ast.Attribute)
        and isinstance(target.ctx, ast.Store)
        and target.attr == attribute
        and isinstance(target.value, ast.Name)
        and target.value.id == method.first_parameter
    ]
