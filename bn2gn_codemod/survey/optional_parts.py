"""Parts that a network or its blocks have only where an option asks for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.syntax import blocks
from bn2gn_codemod.survey.values import Class


def optional_parts(cls: Class) -> set[str]:
    """The attributes that are ``None`` but for an option: ``if with_pool: self.pool = Pool()``.

    What sizes ask for is none: a block has ``downsample`` where its stride is not 1.
    """
    init = cls.methods.get("__init__")
    if init is None or not isinstance(init.node, ast.FunctionDef):
        return set()
    empty: set[str] = set()
    asked: dict[str, bool] = {}
    for name, value, test in _stores(init.node.body, None):
        if _is_none(value):
            empty.add(name)
        elif isinstance(value, ast.IfExp) and (_is_none(value.body) or _is_none(value.orelse)):
            empty.add(name)
            asked[name] = asked.get(name, True) and _is_option(value.test)
        else:
            asked[name] = asked.get(name, True) and _is_option(test)
    return {name for name in empty if asked.get(name, False)}


def only_asked_for(cls: Class) -> set[str]:
    """The attributes that are there for an option alone: ``if with_pool: self.pool = Pool()``."""
    init = cls.methods.get("__init__")
    if init is None or not isinstance(init.node, ast.FunctionDef):
        return set()
    asked: dict[str, bool] = {}
    for name, _, test in _stores(init.node.body, None):
        asked[name] = asked.get(name, True) and _is_option(test)
    return {name for name, is_asked in asked.items() if is_asked} - _always(init.node.body)


def _always(body: list[ast.stmt]) -> set[str]:
    """The attributes of ``self`` that get something whatever a test says."""
    found: set[str] = set()
    for statement in body:
        if isinstance(statement, ast.If):
            found |= _always(statement.body) & _always(statement.orelse)
        else:
            found |= {name for name, _, _ in _stores([statement], None)}
    return found


def _stores(
    body: list[ast.stmt], test: ast.expr | None
) -> Iterator[tuple[str, ast.expr, ast.expr | None]]:
    """What is stored in the attributes of ``self``, with the nearest test around it."""
    for statement in body:
        match statement:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    match target:
                        case ast.Attribute(value=ast.Name(id="self"), attr=name):
                            yield name, value, test
                        case _:
                            pass
            case ast.If(test=inner):
                for block in blocks(statement):
                    yield from _stores(block, inner)
            case _:
                for block in blocks(statement):
                    yield from _stores(block, test)


def _is_none(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Constant) and expr.value is None


def _is_option(test: ast.expr | None) -> bool:
    """Whether a test asks for nothing but one flag: ``if with_pool:``."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test = test.operand
    return isinstance(test, (ast.Name, ast.Attribute))
