"""Loops that set the mode of a model by that of all its modules."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.statements.scopes import Scope

_MODULES = re.compile("(?:named_)?(?:modules|children)")


def of_all_modules(
    scope: Scope, statement: ast.stmt, called: ast.expr | None
) -> tuple[ast.stmt, ast.expr | None]:
    """The loop and the model of ``for m in model.modules(): m.train()``, else what is given.

    A loop that does more may put layers back.
    """
    if not isinstance(called, ast.Name):
        return statement, called
    for around in scope.around(statement):
        match around:
            case ast.For(
                target=ast.Name(id=name) | ast.Tuple(elts=[_, ast.Name(id=name)]),
                iter=ast.Call(
                    func=ast.Attribute(
                        value=(ast.Name() | ast.Attribute() | ast.Subscript()) as model, attr=attr
                    ),
                    args=[],
                ),
                body=[only],
                orelse=[],
            ) if only is statement and name == called.id and _MODULES.fullmatch(attr):
                return around, model
            case _:
                pass
    return statement, called
