"""The code that calls a function, where all of it is known."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Function, FunctionValue

# Methods that PyTorch calls, too.
_BY_TORCH = frozenset({"forward", "train", "load_state_dict"})


class KnownCallers:
    """Finds the calls of a function if nothing else may call it, as far as names tell."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._sites = CallSites(flow)
        self._found: dict[Function, list[tuple[Function, ast.Call]]] = {}

    def of(self, function: Function) -> list[tuple[Function, ast.Call]]:
        """All its calls, each with the function it stands in; none where there may be others."""
        if function not in self._found:
            is_plain = _is_called_by_name(function) and not self._is_hidden(function)
            self._found[function] = self._sites.of(function) if is_plain else []
        return self._found[function]

    def _is_hidden(self, function: Function) -> bool:
        """Whether something of that name is not known to be called, or to be something else."""
        name = _last(function)
        word = re.compile(rb"\b" + name.encode() + rb"\b")
        if any(word.search(one.data) for one in (*self._flow.unread, *self._flow.left_out)):
            return True
        called = {call.func for _, call in self._sites.of(function)}
        for module in self._flow.modules:
            if name.encode() in module.source.data:
                for node in walk(module.tree):
                    if _says(node, name) and node not in called and not self._is_other(node):
                        return True
        return False

    def _is_other(self, node: ast.AST) -> bool:
        """Whether a name is known to stand for nothing but other functions and values."""
        if not isinstance(node, ast.expr) or isinstance(node, ast.Constant):
            return False
        values = list(self._flow.value_of(node))
        return bool(values) and not any(
            isinstance(value, FunctionValue) and _last(value.function) == _last_word(node)
            for value in values
        )


def _is_called_by_name(function: Function) -> bool:
    """Whether it is a function, or a method that no framework has a use for."""
    if not isinstance(function.node, ast.FunctionDef) or function.node.decorator_list:
        return False
    if function.class_ is None:
        return True
    bases = [base for one in function.class_.ancestors() for base in one.external_bases]
    name = _last(function)
    return (
        all(base.startswith("torch.nn.") or base == "object" for base in bases)
        and name not in _BY_TORCH
        and not name.startswith("_")
    )


def _last(function: Function) -> str:
    return function.name.rpartition(".")[2]


def _last_word(node: ast.expr) -> str:
    match node:
        case ast.Name(id=said) | ast.Attribute(attr=said):
            return said
        case _:
            return ""


def _says(node: ast.AST, name: str) -> bool:
    """Whether code that reads, or a string that is one name, speaks of it."""
    match node:
        case ast.Name(id=said, ctx=ast.Load()) | ast.Attribute(attr=said, ctx=ast.Load()):
            return said == name
        case ast.Constant(value=str(said)):
            return said == name
        case _:
            return False
