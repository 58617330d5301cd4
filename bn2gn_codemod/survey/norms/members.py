"""Members of a layer that code asks for, and which of them GroupNorm does not have."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.norms.purposes import BATCH_NORM_ONLY
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Class, NormLayer, Value

# What a norm class may define anew, and every module has.
_OF_MODULES = frozenset({
    "forward", "extra_repr", "train", "eval", "training", "reset_parameters", "weight", "bias",
    "eps", "affine", "state_dict", "load_state_dict", "apply", "parameters", "named_parameters",
    "buffers", "named_buffers", "modules", "named_modules", "children", "named_children", "to",
    "cuda", "cpu", "float", "half", "double", "zero_grad", "requires_grad_", "register_buffer",
    "register_parameter", "add_module",
})  # fmt: skip
_MAPPINGS = frozenset({"_buffers", "__dict__"})


class Member(NamedTuple):
    """``layer.name``, in whatever form."""

    layer: ast.expr
    name: str


def asked_for(node: ast.AST) -> Member | None:
    """The member of something that an expression asks for."""
    match node:
        case ast.Attribute(value=layer, attr=name):
            return Member(layer, name)
        case (
            ast.Call(func=ast.Name(id="getattr"), args=[layer, ast.Constant(value=str(name))])
            | ast.Call(
                func=ast.Attribute(value=layer, attr="get_buffer"),
                args=[ast.Constant(value=str(name))],
            )
            | ast.Subscript(
                value=ast.Call(func=ast.Attribute(value=layer, attr="state_dict")),
                slice=ast.Constant(value=str(name)),
            )
        ):
            return Member(layer, name)
        case ast.Subscript(
            value=ast.Attribute(value=layer, attr=mapping), slice=ast.Constant(value=str(name))
        ) if mapping in _MAPPINGS:
            return Member(layer, name)
        case _:
            return None


def made_again(node: ast.AST) -> ast.expr | None:
    """``layer`` of ``type(layer)(channels)`` and ``layer.__class__(channels)``."""
    match node:
        case ast.Call(
            func=ast.Call(func=ast.Name(id="type"), args=[layer])
            | ast.Attribute(value=layer, attr="__class__")
        ):
            return layer
        case _:
            return None


class OwnMembers:
    """What norm classes of the repository define beside what GroupNorm has."""

    def __init__(self, layers: Iterable[NormLayer]) -> None:
        classes = dict.fromkeys(layer.norm.local_class for layer in layers)
        self._of = {cls: frozenset(_defined(cls)) for cls in classes if cls is not None}

    def names(self) -> frozenset[str]:
        """All of them, of whatever class."""
        return BATCH_NORM_ONLY.union(*self._of.values())

    def is_lacking(self, layer: Value, name: str) -> bool:
        """Whether GroupNorm in the layer's place has no such member."""
        if name in BATCH_NORM_ONLY:
            return True
        cls = layer.norm.local_class if isinstance(layer, NormLayer) else None
        return cls is not None and name in self._of.get(cls, ())


def _defined(cls: Class) -> Iterator[str]:
    for owner in cls.ancestors():
        for name in (*owner.methods, *_bound(owner)):
            if name not in _OF_MODULES and not name.startswith("__"):
                yield name


def _bound(cls: Class) -> Iterator[str]:
    """The attributes that the class's body and its methods bind."""
    for statement in cls.node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
    for node in walk(cls.node):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name
