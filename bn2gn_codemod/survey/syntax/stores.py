"""Where code puts something into an object: a module, a list, a dict."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal, NamedTuple

from bn2gn_codemod.survey.syntax.nodes import call_name, given_arguments

# By the name of an attribute, or among what the object holds: of a module, a list or a dict.
Way = Literal["attribute", "entry"]

_BY_NAME = frozenset({"add_module", "register_module", "__setattr__", "set_submodule"})
_MUTATORS = frozenset({
    "append", "insert", "extend", "update", "setdefault", "__setitem__", "appendleft",
})  # fmt: skip
# Functions that give the elements of what they are handed, or something below it.
_HAND_ON = frozenset({
    "list", "tuple", "dict", "iter", "next", "sorted", "reversed", "enumerate", "zip", "getattr",
    "OrderedDict", "chain",
})  # fmt: skip
# Methods that give tensors of a module, and no part of it.
TENSORS_OF = frozenset({"state_dict", "parameters", "named_parameters", "buffers"})


class Store(NamedTuple):
    """A value that is put into ``owner``, and the node that does it."""

    node: ast.expr | ast.stmt
    owner: ast.expr
    value: ast.expr
    way: Way


def stores_in(node: ast.AST) -> Iterator[Store]:
    """What a statement or a call stores, without what is nested in it."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _assigned(node, target, value)
        case ast.AugAssign(target=ast.Name() | ast.Attribute() as owner, value=value):
            yield Store(node, owner, value, "entry")
        case ast.Call(func=ast.Name(id="setattr"), args=[owner, _, value]):
            yield Store(node, owner, value, "attribute")
        case ast.Call(func=ast.Attribute(attr="__setattr__"), args=[owner, _, value]):
            yield Store(node, owner, value, "attribute")
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if given_arguments(node):
            if name in _BY_NAME:
                yield Store(node, owner, given_arguments(node)[-1], "attribute")
            elif name in _MUTATORS:
                yield _into(node, owner, given_arguments(node)[-1])
        case _:
            pass


def _assigned(node: ast.stmt, target: ast.expr, value: ast.expr) -> Iterator[Store]:
    match target:
        case ast.Attribute(value=owner):
            yield Store(node, owner, value, "attribute")
        case ast.Subscript(value=owner):
            yield _into(node, owner, value)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _assigned(node, part, value)
        case ast.Starred(value=part):
            yield from _assigned(node, part, value)
        case _:
            pass


def _into(node: ast.expr | ast.stmt, owner: ast.expr, value: ast.expr) -> Store:
    """``net._modules[name] = value`` is an attribute of ``net``."""
    match owner:
        case ast.Attribute(value=module, attr="_modules" | "__dict__"):
            return Store(node, module, value, "attribute")
        case _:
            return Store(node, owner, value, "entry")


def parts_of(expr: ast.expr) -> Iterator[ast.expr]:
    """An expression, and what it is taken out of: ``net.layer1`` and ``net`` of ``net.layer1[0]``.

    The other alternatives of a choice, and the elements of a list, come in their order.
    """
    yield expr
    inner: list[ast.expr] = []
    match expr:
        case ast.Attribute(value=owner) | ast.Subscript(value=owner) | ast.Starred(value=owner):
            inner = [owner]
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name not in TENSORS_OF:
            inner = [owner]
        case ast.Call(args=args) if call_name(expr) in _HAND_ON:
            inner = args
        case ast.IfExp(body=first, orelse=second):
            inner = [first, second]
        case ast.BoolOp(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            inner = parts
        case ast.ListComp(elt=one) | ast.GeneratorExp(elt=one):
            inner = [one]
        case _:
            pass
    for one in inner:
        yield from parts_of(one)
