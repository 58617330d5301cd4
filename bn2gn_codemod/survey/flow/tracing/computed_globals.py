"""Names at the top of a module that its code puts together.

``setattr(sys.modules[__name__], "net_" + name, ...)`` and ``globals()[f"net_{name}"] = ...``
bind a name that no statement has. It goes by its pattern, ``net_*``, among the module's names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.syntax.nodes import dotted, text_pattern
from bn2gn_codemod.survey.values import Function

# Less of a name could be any name that the module does not bind.
_TELLING = re.compile(r"[A-Za-z_*][\w*]*$")
_LETTERS = 3


def declare_computed(scope: Function) -> None:
    """Add the patterns of computed names to those that the top level of a module binds."""
    data = scope.module.source.data
    if b"sys.modules[" not in data and b"globals()[" not in data:
        return
    for node in ast.walk(scope.module.tree):
        for name in _bound_by(node):
            for pattern in _patterns(name, scope.module.tree):
                scope.locals.add(pattern)
                if "*" in pattern:
                    scope.computed.add(pattern)


def is_own_module(expr: ast.expr) -> bool:
    """``sys.modules[__name__]``"""
    match expr:
        case ast.Subscript(value=base, slice=ast.Name(id="__name__")):
            return dotted(base) == "sys.modules"
        case _:
            return False


def is_own_namespace(expr: ast.expr) -> bool:
    """``globals()``"""
    match expr:
        case ast.Call(func=ast.Name(id="globals"), args=[]):
            return True
        case _:
            return False


def _bound_by(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id="setattr"), args=[base, name, _]) if is_own_module(base):
            yield name
        case ast.Assign(targets=targets):
            for target in targets:
                if isinstance(target, ast.Subscript) and is_own_namespace(target.value):
                    yield target.slice
        case _:
            pass


def _patterns(name: ast.expr, tree: ast.Module) -> Iterator[str]:
    """What is known of a name: of a variable, what is assigned to it anywhere in the file."""
    given = [name]
    if isinstance(name, ast.Name):
        given = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            and any(isinstance(one, ast.Name) and one.id == name.id for one in node.targets)
        ]
    for expr in given:
        pattern = text_pattern(expr) or ""
        if _TELLING.match(pattern) and len(pattern.replace("*", "")) >= _LETTERS:
            yield pattern
