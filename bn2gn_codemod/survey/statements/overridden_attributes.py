"""Attributes that a subclass gives something else as soon as its base class has made them.

    class Deep(Tracker):
        def __init__(self):
            super().__init__()  # self.features = AlexNet()
            self.features = ResNet22()

What is loaded into ``Deep`` is not loaded into an ``AlexNet``.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.syntax.nodes import is_super, walk
from bn2gn_codemod.survey.values import Class


def overrides(cls: Class, slot: Slot) -> bool:
    """Whether no object of a subclass has in an attribute what its base class stores there."""
    if cls is slot[0] or slot[0] not in cls.ancestors():
        return False
    line = cls.ancestors()
    return any(_replaces(one, slot[1]) for one in line[: line.index(slot[0])])


def overwritten(cls: Class, name: str) -> list[ast.expr]:
    """What a class stores in an attribute and replaces by the next statements of the block."""
    found: list[ast.expr] = []
    for method in dict.fromkeys(cls.methods.values()):
        own = method.first_parameter
        for node in walk(method.node):
            for block in (getattr(node, part, None) for part in ("body", "orelse", "finalbody")):
                stored: ast.expr | None = None
                for statement in block if isinstance(block, list) else ():
                    value = _stores(statement, own, name)
                    if _may_keep(statement if value is None else value, own, name):
                        stored = None
                    elif value is not None and stored is not None:
                        found.append(stored)
                    stored = value or stored
    return found


def _stores(statement: ast.AST, own: str | None, name: str) -> ast.expr | None:
    match statement:
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=base), attr=stored)], value=value):
            return value if base == own and stored == name else None
        case _:
            return None


def _replaces(cls: Class, name: str) -> bool:
    """Whether its constructor is certain to store something new after the base class has."""
    init = cls.methods.get("__init__")
    if init is None or not isinstance(init.node, ast.FunctionDef) or len(cls.parents) != 1:
        return False
    is_made = False
    for statement in init.node.body:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="__init__"))) if (
                is_super(owner)
            ):
                is_made = True
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=own), attr=stored)]) if (
                is_made and own == init.first_parameter and stored == name
            ):
                return not _may_keep(statement.value, own, name)
            case _ if is_made and _may_keep(statement, init.first_parameter, name):
                return False
    return False


def _may_keep(node: ast.AST, own: str | None, name: str) -> bool:
    """Whether code may put what was in the attribute somewhere else, or leave the function."""
    for inner in walk(node):
        match inner:
            case ast.Attribute(value=ast.Name(id=base), attr=read) if base == own:
                if read == name:
                    return True
            case ast.Call() if _is_given(inner, own):
                return True
            case ast.Return():
                return True
            case _:
                pass
    return False


def _is_given(call: ast.Call, own: str | None) -> bool:
    """``self.wrap()``, ``wrap(self)``: what such a call does is not looked at."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    given = [*call.args, *(keyword.value for keyword in call.keywords), owner]
    return any(isinstance(one, ast.Name) and one.id == own for one in given)
