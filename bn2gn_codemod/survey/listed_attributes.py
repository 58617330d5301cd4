"""Plain lists of a model's own attributes: ``self.fine_tune = [self.conv1, self.layer1]``.

Optimizers want them. Such a list registers nothing and has nothing of its own, so it tells
nothing of what is in it, whatever a checkpoint may lack.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.contents import Contents
from bn2gn_codemod.survey.syntax import walk
from bn2gn_codemod.survey.values import Function, Instance, NormLayer

_FILL = frozenset({"append", "extend", "insert"})


def lists_attributes(contents: Contents, slot: Slot) -> bool:
    """Whether an attribute is such a list, wherever it is filled."""
    cls, name = slot
    layers = {one for one in contents.of_slot[slot] if isinstance(one, (Instance, NormLayer))}
    others = {
        held for one in contents.family_slots(cls) if one != slot for held in contents.of_slot[one]
    }
    if not layers <= others:
        return False
    methods = [method for owner in cls.descendants() for method in owner.methods.values()]
    methods += [method for owner in cls.ancestors()[1:] for method in owner.methods.values()]
    is_filled = False
    for method in methods:
        for given in _stored(method, name):
            if not given:
                return False  # most attributes are no list, and said so by their constructor
            is_filled = True
    return is_filled


def _stored(method: Function, name: str) -> Iterator[bool]:
    """For each place where something is put into the attribute, whether it is such a list."""
    own = method.first_parameter
    for node in walk(method.node):
        match node:
            case ast.Assign(targets=targets, value=value):
                if any(_is_attribute(target, own, name) for target in _parts(targets)):
                    yield len(targets) == 1 and _is_list(value, own, name)
            case ast.AugAssign(target=target, value=value):
                if _is_attribute(target, own, name):
                    yield _is_list(value, own, name)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                if _is_attribute(target, own, name):
                    yield _is_list(value, own, name)
            case ast.Call(func=ast.Attribute(value=base, attr=called), args=args):
                if _is_attribute(base, own, name) and called in _FILL:
                    yield all(_is_list(one, own, name) or _is_own(one, own, name) for one in args)
            case _:
                pass


def _parts(targets: list[ast.expr]) -> Iterator[ast.AST]:
    for target in targets:
        yield from walk(target)


def _is_list(value: ast.expr, own: str | None, name: str) -> bool:
    match value:
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return all(_is_own(part, own, name) for part in parts)
        case _:
            return False


def _is_own(value: ast.expr, own: str | None, name: str) -> bool:
    """Whether an expression is another attribute of the same object, or a number."""
    match value:
        case ast.Attribute(value=ast.Name(id=base), attr=attribute):
            return base == own and attribute != name
        case ast.Constant():
            return True
        case _:
            return False


def _is_attribute(node: ast.AST, own: str | None, name: str) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id=base), attr=attribute):
            return base == own and attribute == name
        case _:
            return False
