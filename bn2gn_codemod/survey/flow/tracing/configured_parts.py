"""``@configurable``: ``__init__`` is handed what ``from_config`` makes of a config.

detectron2, fvcore and what is built like them have the decorator: a class is called with a
config, and the dict that its ``from_config`` returns holds the arguments by name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.syntax.nodes import has_decorator, is_super, walk
from bn2gn_codemod.survey.values import Class, Function

_MAKER = "from_config"


def is_configurable(init: Function) -> bool:
    """Whether a constructor is handed something else than its class is called with."""
    return isinstance(init.node, ast.FunctionDef) and has_decorator(init.node, "configurable")


def hand_over_configured(flow: Flow) -> None:
    """Hand such constructors what the dicts have under the names of their parameters."""
    for cls in flow.classes:
        init = cls.methods.get("__init__")
        if init is None or not is_configurable(init):
            continue
        makers = {maker: None for one in cls.descendants() for maker in _makers(one)}
        for maker in makers:
            for name, value in _entries(maker.node):
                node = flow.expressions.get(value)
                if node is not None and name in init.parameters:
                    flow.edge(node, flow.name_node(init, name))


def _makers(cls: Class) -> Iterator[Function]:
    """The method of a class, and those that it takes the dict of a base class from."""
    for one in cls.ancestors():
        maker = one.methods.get(_MAKER)
        if maker is not None:
            yield maker
            if not _asks_base(maker.node):
                return


def _asks_base(maker: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr == _MAKER and is_super(node.value)
        for node in walk(maker)
    )


def _entries(maker: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """What is put into a dict that has a name, or is returned; dicts in it are left out."""
    for node in walk(maker):
        match node:
            case (
                ast.Assign(targets=[ast.Name()], value=made) | ast.Return(value=ast.expr() as made)
            ):
                yield from _of_dict(made)
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name(), slice=ast.Constant(value=str(key)))],
                value=value,
            ):
                yield key, value
            case ast.Call(func=ast.Attribute(value=ast.Name(), attr="update"), args=given):
                for one in given:
                    yield from _of_dict(one)
                yield from _of_keywords(node)
            case _:
                pass


def _of_dict(made: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match made:
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value
        case ast.Call(func=ast.Name(id="dict")):
            yield from _of_keywords(made)
        case _:
            pass


def _of_keywords(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    for keyword in call.keywords:
        if keyword.arg is not None:
            yield keyword.arg, keyword.value
