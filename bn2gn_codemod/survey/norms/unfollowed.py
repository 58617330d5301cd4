"""Norm layers in code that the flow analysis did not follow: nothing is missed in silence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.norm_classes import is_norm_class, norm_name
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import call_name, dotted, nodes_on, walk
from bn2gn_codemod.survey.values import ClassValue, External, ExternalObject, FunctionValue

_MENTIONS = ("BatchNorm", "SyncBN", "ABN", "getattr(")
_RUN_TEXT = frozenset({"exec", "eval", "compile"})
_READ_TEXT = _RUN_TEXT | {"attrgetter", "methodcaller", "__getattribute__", "locate"}
_WORD = re.compile(r"[A-Za-z_]\w*")
_BY_STRING = re.compile(r"norm|bn", re.IGNORECASE)


class Unfollowed(NamedTuple):
    """A call that makes a norm by its name, the class around it, and why it is open."""

    module: Module
    call: ast.Call
    norm: str
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
            if any(mention in line for mention in _MENTIONS) and _mentions_norm(line)
        ]
        if lines:
            nodes = nodes_on(module.tree, lines)
            for call in nodes:
                if not isinstance(call, ast.Call) or call.func in seen or call in seen:
                    continue
                if _makes_norm(flow, call):
                    norm, reason = norm_name(ast.unparse(call.func)), _reason(flow, call.func)
                elif _names_norm_by_string(flow, call):
                    norm, reason = ast.unparse(call), _STRING
                elif (named := _norm_in_text(flow, call)) is not None:
                    norm, reason = named, f"{call_name(call)}() makes it out of a string"
                else:
                    continue
                yield Unfollowed(module, call, norm, _class_around(call, nodes), reason)


def _mentions_norm(line: str) -> bool:
    code = line.split("#", 1)[0]
    return any(mention in code for mention in _MENTIONS[:3]) or (
        "getattr(" in code and _BY_STRING.search(code) is not None
    )


def _class_around(call: ast.Call, nodes: Iterable[ast.AST]) -> str:
    return ".".join(
        node.name
        for node in nodes
        if isinstance(node, ast.ClassDef) and node.lineno <= call.lineno <= (node.end_lineno or 0)
    )


def _reason(flow: Flow, func: ast.expr) -> str:
    for value in flow.value_of(func):
        if isinstance(value, (External, ExternalObject)) and value.name:
            return f"{ast.unparse(func)} stands for {value.name} here, which is no known norm class"
    return "this code was not followed"


_STRING = "which class of torch.nn it names is said by a string that is not in the code"


def _names_norm_by_string(flow: Flow, call: ast.Call) -> bool:
    """``getattr(nn, args.norm)``, where no string was seen to come there."""
    match call:
        case ast.Call(func=ast.Name(id="getattr"), args=[base, name, *_]):
            return (
                _BY_STRING.search(ast.unparse(name)) is not None
                and any(
                    isinstance(held, External) and held.name == "torch.nn"
                    for held in flow.value_of(base)
                )
                and not any(
                    isinstance(held, External) and "*" not in held.name
                    for held in flow.value_of(call)
                )
            )
        case _:
            return False


def _norm_in_text(flow: Flow, call: ast.Call) -> str | None:
    """``BatchNorm2d`` of ``exec("self.bn = nn.BatchNorm2d(8)")``, ``attrgetter("BatchNorm2d")``."""
    name = call_name(call)
    if name not in _READ_TEXT or not call.args:
        return None
    # ``model.eval()`` and ``re.compile()`` are others.
    if name in _RUN_TEXT and (
        not isinstance(call.func, ast.Name) or any(True for _ in flow.value_of(call.func))
    ):
        return None
    texts = (node.value for node in walk(call.args[0]) if isinstance(node, ast.Constant))
    words = (word for text in texts if isinstance(text, str) for word in _WORD.findall(text))
    return next(filter(is_norm_class, words), None)


def _makes_norm(flow: Flow, call: ast.Call) -> bool:
    name = dotted(call.func)
    if name is None and isinstance(call.func, ast.Attribute):
        name = call.func.attr  # import_module("torch.nn").BatchNorm2d(8)
    if name is None or not is_norm_class(name):
        return False
    # A function or class of the repository under such a name was followed.
    return not any(
        isinstance(value, (FunctionValue, ClassValue)) for value in flow.value_of(call.func)
    )
