"""Attributes whose names are only known when the code runs: ``setattr(self, head, layer)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.syntax.nodes import call_name, dotted, walk
from bn2gn_codemod.survey.values import Class, Instance, NormLayer

_STORING = ("setattr", "__setattr__", "add_module", "register_module")


def spoken_name(flow: Flow, cls: Class) -> str:
    """What the code calls the names under which all layers of unknown name are stored.

    ``head`` for ``for head in self.heads: setattr(self, head, layer)``; ``"*"`` where it
    says nothing, or not of all of them.
    """
    said = dict(_stores(flow, cls))
    found = {said.get(node) for node in flow.upstream(flow.slot(cls, "*")) if _layers(flow, node)}
    names = sorted(name for name in found if name is not None)
    return names[0] if names and None not in found else "*"


def stores_unnamed(cls: Class) -> bool:
    """Whether methods of the class, or of a base, put modules into their object so.

    ``for name, layer in layers: self.add_module(name, layer)``, ``self._modules = layers``
    """
    return any(
        _puts_into(node, method.first_parameter)
        for owner in cls.ancestors()
        for method in owner.methods.values()
        if method.first_parameter is not None
        for node in walk(method.node)
    )


def _puts_into(node: ast.AST, own: str | None) -> bool:
    match node:
        case ast.Assign(targets=[target]):
            modules = f"{own}._modules"
            of_dict = f"{own}.__dict__['_modules']"
            written = target.value if isinstance(target, ast.Subscript) else target
            return own is not None and (
                dotted(written) == modules or ast.unparse(target) == of_dict
            )
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner))):
            return owner == own and call_name(node) in _STORING
        case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id=owner), *_]):
            return owner == own
        case _:
            return False


def _stores(flow: Flow, cls: Class) -> Iterator[tuple[Node, str]]:
    """What is stored under variables that are named after added parts, and their names."""
    for method in cls.methods.values():
        for _, call in flow.calls_in.get(method, ()):
            if call_name(call) not in _STORING or call.keywords:
                continue
            match call.args:
                case [*_, ast.Name(id=name), value] if families.has_new_word(name):
                    node = flow.expressions.get(value)
                    if node is not None:
                        yield node, name
                case _:
                    pass


def _layers(flow: Flow, node: Node) -> bool:
    return any(isinstance(value, (Instance, NormLayer)) for value in flow.values(node))
