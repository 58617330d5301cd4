"""Norm layers in code that the flow analysis did not follow: nothing is missed in silence."""

from __future__ import annotations

import ast
import bisect
import re
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.norm_classes import is_norm_class
from bn2gn_codemod.survey.syntax import children, dotted
from bn2gn_codemod.survey.values import ClassValue, External, ExternalObject, FunctionValue

_MENTION = re.compile(r"BatchNorm|SyncBN")


class Unfollowed(NamedTuple):
    """A call that makes a norm by its name, the class around it, and why it is open."""

    module: Module
    call: ast.Call
    class_: str
    reason: str


def find_unfollowed(flow: Flow, seen: set[ast.AST]) -> Iterator[Unfollowed]:
    """Calls that make a norm by its name, outside of ``seen``.

    ``seen`` are the expressions that name a norm class and were followed.
    """
    for module in flow.modules:
        lines = [
            number
            for number, line in enumerate(module.source.lines, 1)
            if _MENTION.search(line.split("#", 1)[0])
        ]
        if lines:
            for call, classes in _calls(module.tree, lines, ()):
                if call.func not in seen and _makes_norm(flow, call):
                    yield Unfollowed(module, call, ".".join(classes), _reason(flow, call.func))


def _reason(flow: Flow, func: ast.expr) -> str:
    for value in flow.value_of(func):
        if isinstance(value, (External, ExternalObject)) and value.name:
            return f"{ast.unparse(func)} stands for {value.name} here, which is no known norm class"
    return "this code was not followed"


def _makes_norm(flow: Flow, call: ast.Call) -> bool:
    name = dotted(call.func)
    if name is None or not is_norm_class(name):
        return False
    # A function or class of the repository under such a name was followed.
    return not any(
        isinstance(value, (FunctionValue, ClassValue)) for value in flow.value_of(call.func)
    )


def _calls(
    tree: ast.AST, lines: list[int], classes: tuple[str, ...]
) -> Iterator[tuple[ast.Call, tuple[str, ...]]]:
    """The calls on or around the given lines, without a visit to the rest of the tree."""
    pending: list[tuple[ast.AST, tuple[str, ...]]] = [(tree, classes)]
    while pending:
        node, around = pending.pop()
        if isinstance(node, ast.Call):
            yield node, around
        inner = (*around, node.name) if isinstance(node, ast.ClassDef) else around
        for child in children(node):
            if not isinstance(child, (ast.expr, ast.stmt)) or _spans(child, lines):
                pending.append((child, inner))


def _spans(node: ast.expr | ast.stmt, lines: list[int]) -> bool:
    """Whether one of the sorted ``lines`` is a line of the node."""
    following = bisect.bisect_left(lines, node.lineno)
    return following < len(lines) and lines[following] <= (node.end_lineno or node.lineno)
