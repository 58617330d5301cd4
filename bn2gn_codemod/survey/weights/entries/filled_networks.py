"""Networks of no known kind that a published file surely fills, with all that they have by then.

A strict load that fails ends the run, so it says that the file has each part of the network.
Not where it may be another one's turn, and not of parts that are made after it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Class, Instance
from bn2gn_codemod.survey.weights.loads import Load


def filled_class(
    flow: Flow, call: LoadCall, value: Instance, others: Iterable[LoadCall]
) -> Class | None:
    """The class of which a load fills all: where a method loads, the one that has the method."""
    if not _is_surely_strict(flow, call, value, others):
        return None
    inner = call.spot.function.enclosing_class
    return inner if inner in value.class_.ancestors() else value.class_


def _is_surely_strict(
    flow: Flow, call: LoadCall, value: Instance, others: Iterable[LoadCall]
) -> bool:
    """Whether an object gets all that it has, or the run ends; ``others``: all loads there are."""
    if call.made_lenient:
        return True
    node = call.spot.node
    if not call.strict or not isinstance(node, ast.Call):
        return False
    said = [keyword.value for keyword in node.keywords if keyword.arg in ("strict", None)]
    if any(not isinstance(one, ast.Constant) for one in (*said, *node.args[1:2])):
        return False  # strict=strict
    tried = (one for one in walk(call.spot.function.node) if isinstance(one, ast.Try))
    if any(node in walk(part) for one in tried if one.handlers for part in one.body):
        return False
    return not any(not one.strict and value in flow.values(one.receiver) for one in others)


def is_made_before(slot: Slot, load: Load) -> bool:
    """Whether the constructor of the class that a load fills makes an attribute before it."""
    cls = load.fills
    init = slot[0].methods.get("__init__")
    if cls is None or slot[0] not in cls.ancestors() or init is None:
        return False
    stores = list(_stores(init.node, slot[1]))
    if not stores:  # what others put in tells itself whether it is put there later
        return not any(True for _ in _stores(slot[0].node, slot[1]))
    path, _, line = load.where.rpartition(":")
    if init.module.path == path and _spans(init.node, int(line)):
        return max(stores) < int(line)
    loads_itself = any(one.path == path and _spans(one.node, int(line)) for one in cls.ancestors())
    return not loads_itself or max(stores) < min(_own_calls(init.node), default=max(stores) + 1)


def _stores(code: ast.AST, name: str) -> Iterator[int]:
    """The lines that store an attribute, by its name or a string with it."""
    for one in ast.walk(code):
        match one:
            case ast.Attribute(value=ast.Name(id="self"), attr=attr, ctx=ast.Store()):
                if attr == name:
                    yield one.lineno
            case ast.Call(func=ast.Attribute(ast.Name(id="self")), args=[ast.Constant(value), _]):
                if value == name:
                    yield one.lineno
            case _:
                pass


def _own_calls(init: ast.AST) -> Iterator[int]:
    """``self.load_pretrained()``: any of them may load, or call what does."""
    for one in ast.walk(init):
        match one:
            case ast.Expr(ast.Call(func=ast.Attribute(ast.Name(id="self"), attr))):
                if attr not in ("add_module", "register_module"):
                    yield one.lineno
            case _:
                pass


def _spans(node: ast.AST, line: int) -> bool:
    first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
    return first <= line <= last
