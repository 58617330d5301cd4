"""The ``train()`` of modules: calls that switch train mode on, on what, and methods that do."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.statements.last_made import last_made
from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.syntax.nodes import given_arguments


def is_train(call: ast.expr) -> bool:
    """``x.train()``, ``x.train(mode)``: not ``x.train(False)``, nor a trainer's train(loader)."""
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr != "train":
        return False
    arguments = given_arguments(call)
    if len(arguments) > 1:
        return False
    return not (
        arguments and isinstance(arguments[0], ast.Constant) and arguments[0].value is not True
    )


def is_switched_on(scope: Scope, statement: ast.stmt, call: ast.Call) -> bool:
    """Whether the call switches train mode on, as far as can be seen: no ``x.train(flag)``
    after ``flag = False``."""
    if not is_train(call):
        return False
    given = given_arguments(call)
    if not given or not isinstance(given[0], ast.Name):
        return True
    made = last_made(scope, statement, given[0].id)
    return not (isinstance(made, ast.Constant) and made.value is False)


def receiver_of(call: ast.Call) -> ast.expr | None:
    """``model`` of ``model.train()``."""
    return call.func.value if isinstance(call.func, ast.Attribute) else None


def train_receiver(statement: ast.stmt) -> ast.expr | None:
    """``model`` of ``model.train()`` and of ``model = model.cuda().train()``."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        receiver = receiver_of(statement.value)
        if isinstance(receiver, (ast.Name, ast.Attribute, ast.Subscript)):
            return receiver
    elif (
        isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Call)
        and isinstance(statement.targets[0], (ast.Name, ast.Attribute))
    ):
        return receiver_of(statement.value)
    return None


def is_mode_method(scope: Scope) -> bool:
    """Whether the function is ``train(self, mode=True)``, as of a module."""
    node = scope.function.node
    if isinstance(node, ast.Module) or scope.function.class_ is None:
        return False
    return len(node.args.args) == 2 and bool(node.args.defaults)
