"""Weights that are copied into BatchNorm layer by layer, and statistics that are not.

``new.weight.data = old.weight.data`` and the same for the bias leave the running mean at
0 and the running variance at 1. In eval mode such a layer normalises nothing, so it must
not be frozen before it was trained.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.syntax.nodes import call_name, walk
from bn2gn_codemod.survey.values import Class, Function
from bn2gn_codemod.survey.weights.loads import Load, Loads

# What a function that copies tensor by tensor may call, and copy nothing else by that.
_HARMLESS = {
    "isinstance", "zip", "enumerate", "list", "len", "range", "print", "format", "size", "children",
    "modules", "named_children", "named_modules", "copy_", "clone", "detach", "to", "cuda", "cpu",
    "float", "type", "super", "int", "deepcopy", "izip", "zip_longest",
}  # fmt: skip
_STATISTICS = re.compile(r"running|buffer|__dict__|\bvars\b")
_AFFINE = {"weight", "bias"}


class CopiedStatistics:
    """Tells the models into whose BatchNorm only weight and bias are copied."""

    def __init__(self, flow: Flow, loads: Loads) -> None:
        self._flow = flow
        self._loads = loads

    def missing(self, classes: Iterable[Class]) -> str:
        """The function that leaves the statistics of one of the classes out, if one does."""
        for cls in classes:
            found = [self._copies.get(load.where) for load in self._loads_of(cls)]
            functions = [function for function in found if function is not None]
            if functions and len(functions) == len(found):
                [function, *_] = functions
                return f"{function.name} ({function.module.path}:{_line(function)})"
        return ""

    def _loads_of(self, cls: Class) -> Iterator[Load]:
        yield from self._loads.of_class.get(cls, ())
        for (owner, _), load in self._loads.of_slot.items():
            if owner is cls:
                yield load

    @functools.cached_property
    def _copies(self) -> dict[str, Function]:
        """By place of the load, the functions that copy weight and bias of BatchNorm alone."""
        return {
            call.spot.where: call.spot.function
            for call in self._flow.load_calls
            if call.into_tensors and _copies_affine_alone(call.spot.function)
        }


def _line(function: Function) -> int:
    return 1 if isinstance(function.node, ast.Module) else function.node.lineno


def _copies_affine_alone(function: Function) -> bool:
    """Whether nothing that it does reaches the statistics of the layers that it fills."""
    if isinstance(function.node, (ast.Module, ast.Lambda)):
        return False
    nodes = list(walk(function.node))
    calls = (node for node in nodes if isinstance(node, ast.Call))
    if not all(call_name(call) in _HARMLESS for call in calls):
        return False
    if any(_STATISTICS.search(word) for node in nodes for word in _words(node)):
        return False
    return any(
        isinstance(node, ast.If) and "BatchNorm" in ast.unparse(node.test) and _fills(node)
        for node in nodes
    )


def _words(node: ast.AST) -> Iterator[str]:
    """What code says there by names and strings."""
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Constant(value=str(word)):
            yield word


def _fills(branch: ast.If) -> bool:
    """Whether the branch puts something into weight and bias."""
    filled: set[str] = set()
    for statement in branch.body:
        for node in walk(statement):
            match node:
                case ast.Assign(targets=[ast.Attribute() as target]):
                    filled.update(_tensors(target))
                case ast.Call(func=ast.Attribute(attr="copy_", value=target)):
                    filled.update(_tensors(target))
                case _:
                    pass
    return filled == _AFFINE


def _tensors(target: ast.expr) -> Iterator[str]:
    """``weight`` of ``layer.weight.data``."""
    if isinstance(target, ast.Attribute) and target.attr == "data":
        target = target.value
    if isinstance(target, ast.Attribute):
        yield target.attr
