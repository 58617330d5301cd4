"""Classes that a tuple names for tests alone: ``norm_types = (nn.BatchNorm2d, nn.GroupNorm)``.

No layer is made of what nothing but ``isinstance(m, norm_types)`` reads, so no verdict is given on
it. BN105 looks at the tests.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import walk, walk_scope
from bn2gn_codemod.survey.values import NormClass


class AskedKinds:
    """Tells them by all that code does with the name of the tuple."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def has(self, norm: NormClass) -> bool:
        """Whether a class is named for such a tuple."""
        function = norm.spot.function
        for node in walk_scope(function.node):
            match node:
                case ast.Assign(
                    targets=[ast.Name(id=name)], value=ast.Tuple(elts=kinds) | ast.List(elts=kinds)
                ) if norm.spot.node in kinds:
                    inside = [part for kind in kinds for part in walk(kind)]
                    if isinstance(function.node, ast.Module):
                        return self._is_only_asked(norm.spot.module, name, inside)
                    return _reads(function.node, name, inside) == "tests"
                case _:
                    pass
        return False

    def _is_only_asked(self, home: Module, name: str, inside: list[ast.AST]) -> bool:
        """The same of a name at the top of a module, that others may import."""
        found = {
            _reads(module.tree, name, inside if module is home else [])
            for module in self._flow.modules
            if name.encode() in module.source.data
        }
        return "tests" in found and "more" not in found


def _reads(tree: ast.AST, name: str, inside: list[ast.AST]) -> str:
    """What reads a name in some code: ``"tests"``, ``"more"`` or nothing, ``""``."""
    asked = {one for node in walk(tree) for one in _asked(node)}
    found = ""
    for node in walk(tree):
        match node:
            case ast.Name(id=one, ctx=ast.Load()) | ast.Attribute(attr=one) if one == name:
                if node in asked:
                    found = "tests"
                elif node not in inside:
                    return "more"
            case ast.Constant(value=one) | ast.Global(names=[*_, one]) if one == name:
                return "more"  # getattr(module, "norm_types"), __all__
            case ast.ImportFrom(names=names) if any(
                one.name == name and one.asname not in (None, name) for one in names
            ):
                return "more"
            case _:
                pass
    return found


def _asked(node: ast.AST) -> Iterator[ast.expr]:
    """``isinstance(m, norm_types)``, ``type(m) in norm_types``"""
    match node:
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kinds]):
            yield kinds
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[kinds]):
            yield kinds
        case _:
            pass
