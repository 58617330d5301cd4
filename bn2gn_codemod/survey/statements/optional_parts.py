"""Parts that a network or its blocks have only where an option asks for them."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping

from bn2gn_codemod.survey.syntax.nodes import blocks, call_name, text_pattern
from bn2gn_codemod.survey.values import Class

# The last layer of a classification network.
_CLASSIFIER = re.compile(r"_?(?:fc|(?:cls_|class_)?head|classifier|last_linear)$")
_STORING = ("setattr", "__setattr__", "add_module", "register_module")


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


@functools.cache  # asked for each attribute of a class
def instead_of_classifier(cls: Class) -> frozenset[str]:
    """The attributes that an option puts there instead of the last layer of a classifier.

    ``if dense: self.norm2 = Norm() else: self.head = Linear()``: what is trained to classify
    has none of them. ``norm*`` is what ``self.add_module(f"norm{i}", Norm())`` stores.
    """
    init = cls.methods.get("__init__")
    if init is None or not isinstance(init.node, ast.FunctionDef):
        return frozenset()
    asked: dict[str, frozenset[tuple[str, bool]]] = {}
    variables = _patterns(init.node)
    for name, around in _stored_under(init.node.body, frozenset(), variables):
        asked[name] = asked.get(name, around) & around
    classified = {
        (option, not is_on)
        for name, around in asked.items()
        if _CLASSIFIER.match(name)
        for option, is_on in around
    }
    return frozenset(name for name, around in asked.items() if around & classified)


def _stored_under(
    body: list[ast.stmt], around: frozenset[tuple[str, bool]], variables: Mapping[str, str]
) -> Iterator[tuple[str, frozenset[tuple[str, bool]]]]:
    """Each store in an attribute of ``self``, with the options around it that are on or off."""
    for statement in body:
        match statement:
            case ast.If(test=test) if _is_option(test):
                is_on = not isinstance(test, ast.UnaryOp)
                option = ast.unparse(test).rpartition(".")[2].removeprefix("not ")
                here, there = around | {(option, is_on)}, around | {(option, not is_on)}
                yield from _stored_under(statement.body, here, variables)
                yield from _stored_under(statement.orelse, there, variables)
                continue
            case ast.Expr(value=ast.Call() as call):
                yield from ((name, around) for name in _named_by(call, variables))
            case ast.Assign():
                yield from ((name, around) for name, _, _ in _stores([statement], None))
            case _:
                pass
        for block in blocks(statement):
            yield from _stored_under(block, around, variables)


def stores_by_name(node: ast.ClassDef) -> dict[str, int]:
    """The line on which ``self.add_module(f"norm{i}", Norm())`` first stores each ``norm*``."""
    found: dict[str, int] = {}
    variables = _patterns(node)
    calls = (call for call in ast.walk(node) if isinstance(call, ast.Call))
    for call in calls:
        for name in _named_by(call, variables):
            found[name] = min(call.lineno, found.get(name, call.lineno))
    return found


def _named_by(call: ast.Call, variables: Mapping[str, str]) -> list[str]:
    """The attributes that a call may store something in: ``*`` where its name is computed."""
    match call.args[-2:-1] if call_name(call) in _STORING else []:
        case [ast.Name(id=variable)]:
            return [*filter(None, [variables.get(variable)]), "*"]
        case [name]:
            return [text_pattern(name) or "*"]
        case _:
            return []


def _patterns(node: ast.AST) -> dict[str, str]:
    """``norm*`` for the variable in ``name = f"norm{i}"``."""
    found: dict[str, str] = {}
    for one in ast.walk(node):
        match one:
            case ast.Assign(targets=[ast.Name(id=variable)], value=value):
                pattern = text_pattern(value)
                if pattern is not None:
                    found[variable] = pattern
            case _:
                pass
    return found


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
