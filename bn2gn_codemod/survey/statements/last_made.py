"""What a variable stands for at a statement, where the branch that this is in made its own.

The flow analysis does not look at the order of statements: after ``if a: net = A()`` and
``if b: net = B()``, either of them may be ``net``, even right behind the second one.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.syntax.nodes import bound_names, call_name, flat

_SAME_MODULE = frozenset({"to", "cuda", "cpu", "half", "float", "double", "train", "eval"})
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def last_made(scope: Scope, use: ast.stmt, name: str) -> ast.expr | None:
    """What was assigned to a variable last on every way to ``use``; ``None``: that is open.

    What is moved or run in parallel is looked for below: the class around it says nothing.
    """
    if name in scope.function.global_names | scope.function.nonlocal_names:
        return None
    for statement in scope.before(use):
        match statement:
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                if _is_bound_again(scope, use, statement, name):
                    return None
                is_same = _is_same(value, name)
                return last_made(scope, statement, name) if is_same else value
        if any(name in bound_names(inner) for inner in flat([statement])):
            return None
    return None


def _is_bound_again(scope: Scope, use: ast.stmt, made: ast.stmt, name: str) -> bool:
    """Whether a loop around the use alone gives the variable something else for its next round."""
    around = set(scope.around(made))
    return any(
        name in bound_names(inner)
        for loop in scope.around(use)
        if isinstance(loop, _LOOPS) and loop not in around
        for inner in flat([loop])
    )


def _is_same(value: ast.expr, name: str) -> bool:
    """``net.cuda()``, ``DataParallel(net).to(device)``; ``Loss(net)`` is a model of its own."""
    while isinstance(value, ast.Call):
        if isinstance(value.func, ast.Attribute) and value.func.attr in _SAME_MODULE:
            value = value.func.value
        elif call_name(value).endswith("DataParallel") and value.args:
            value = value.args[0]
        else:
            return False
    return isinstance(value, ast.Name) and value.id == name
