"""Backbones of configs whose class loads weights into some of its parts alone.

``def init_weights(self, pretrained): load_state_dict(self.top, ...)``: one ``norm_cfg`` is for the
layers of ``top`` and for those that are new in all others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.configs.backbones import Backbones
from bn2gn_codemod.survey.configs.values import Table
from bn2gn_codemod.survey.syntax.nodes import call_name, walk

_METHODS = frozenset({"init_weights", "init_weight", "load_pretrained", "load_weights"})
_LOADS = frozenset({"load_state_dict", "load_checkpoint", "load_model", "_load_checkpoint"})
_NORM = "norm_cfg"


def partly_loaded(backbones: Backbones, backbone: Table) -> str:
    """The parts that are loaded, and by which method, where others are not; ``""``: no such."""
    cls = backbones.class_of(backbone)
    if cls is None:
        return ""
    methods = [one for one in cls.body if isinstance(one, ast.FunctionDef)]
    loading = [one for one in methods if any(True for _ in _receivers(one))]
    into = [receiver for one in loading for receiver in _receivers(one)]
    is_known = len(loading) == 1 and loading[0].name in _METHODS
    if not is_known or any(map(_may_be_all, into)) or _hands_on(loading[0]):
        return ""
    whole = {one.attr for one in into if isinstance(one, ast.Attribute) and _is_self(one.value)}
    made = {name for one in methods for name in _made_with_norms(one)}
    if made <= whole:
        return ""
    parts = ", ".join(dict.fromkeys(map(ast.unparse, into)))
    return f"{cls.name}.{loading[0].name}() loads weights into {parts} alone"


def _receivers(method: ast.FunctionDef) -> Iterator[ast.expr]:
    """What a method loads weights into: ``net.load(...)``, ``load_checkpoint(net, ...)``."""
    for node in walk(method):
        if not isinstance(node, ast.Call) or call_name(node) not in _LOADS:
            continue
        match node.func:
            case ast.Attribute(value=owner) if _root(owner) == "self":
                yield owner
            case _:
                yield node.args[0] if node.args else node


def _may_be_all(receiver: ast.expr) -> bool:
    """Whether a load may fill more than a part: ``self``, or what is not known."""
    return _is_self(receiver) or _root(receiver) != "self"


def _hands_on(method: ast.FunctionDef) -> bool:
    """Whether a base class, or any other method, may load the rest."""
    return any(
        isinstance(node, ast.Call)
        and call_name(node) in _METHODS
        and not (isinstance(node.func, ast.Attribute) and _is_part(node.func.value))
        for node in walk(method)
    )


def _is_part(expr: ast.expr) -> bool:
    return _root(expr) == "self" and not _is_self(expr)


def _made_with_norms(method: ast.FunctionDef) -> Iterator[str]:
    """The attributes in which a method puts what is made with a ``norm_cfg``."""
    for node in walk(method):
        match node:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name("self"), attr=name)], value=value
            ):
                given = value if isinstance(value, ast.Call) else None
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Attribute(value=ast.Name("self"), attr=name),
                    attr="append" | "add_module" | "insert",
                )
            ):
                given = node
            case _:
                continue
        if given is not None and any(map(_is_norm, walk(given))):
            yield name


def _is_norm(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name == _NORM
        case _:
            return False


def _is_self(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Name) and expr.id == "self"


def _root(expr: ast.expr) -> str:
    while isinstance(expr, ast.Attribute | ast.Subscript):
        expr = expr.value
    return expr.id if isinstance(expr, ast.Name) else ""
