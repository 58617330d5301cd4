"""Models that a function makes for itself, and that nothing in it trains.

``model.apply(reset); model.train()`` in a script that evaluates measures the statistics of
BatchNorm anew. Only where all that is done with the model is seen is it known not to be trained:
it is made there, and goes nowhere but through its own calls, and those of torch.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from typing import TypeGuard

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.syntax.nodes import call_name, walk
from bn2gn_codemod.survey.values import External, Function

# What may train a model that it was handed before, by its name.
_MAY_TRAIN = re.compile(
    r"train|fit|optim|learn|tune|backward|step|loop|engine|solve|(?<![a-z])run(?:ner)?(?![a-z])",
    re.IGNORECASE,
)
# Methods that give the layers or weights of a model, with which others may train it.
_GIVES_PARTS = re.compile(r"\w*(?:parameters|modules|children|buffers)|get_\w+")


def stays_untrained(flow: Flow, function: Function, model: ast.expr) -> bool:
    """Whether a function makes a model for itself, and does nothing with it that may train it."""
    if not isinstance(model, ast.Name) or model.id in function.parameters:
        return False
    nodes = walk(function.node)
    if not _is_made(nodes, model.id):
        return False
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if any(_MAY_TRAIN.search(call_name(call)) and not _sets_mode(call, model.id) for call in calls):
        return False
    harmless = {name for node in nodes for name in _uses(flow, node, model.id)}
    named = (node for node in nodes if isinstance(node, ast.Name) and node.id == model.id)
    return all(name in harmless for name in named)


def _is_made(nodes: list[ast.AST], name: str) -> bool:
    """Whether calls alone make what the variable holds, and of nothing that the function has."""
    stored = (one for one in nodes if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store))
    given = (one.arg for one in nodes if isinstance(one, ast.arg))
    others = {None, *given, *(one.id for one in stored)}
    made = [one for one in nodes if isinstance(one, ast.Assign) and _is_name(one.targets[0], name)]
    stores = [one for one in nodes if _is_name(one, name) and isinstance(one.ctx, ast.Store)]
    is_shared = any(
        isinstance(one, (ast.Global, ast.Nonlocal)) and name in one.names for one in nodes
    )
    return (
        bool(made)
        and len(made) == len(stores)
        and not is_shared
        and all(len(one.targets) == 1 and _maker(one.value) not in others for one in made)
    )


def _maker(value: ast.expr) -> str | None:
    """``nets`` of ``nets.Net(8).cuda()``; of what no call makes, nothing."""
    is_call = isinstance(value, ast.Call)
    while isinstance(value, (ast.Call, ast.Attribute)):
        value = value.func if isinstance(value, ast.Call) else value.value
    return value.id if is_call and isinstance(value, ast.Name) else None


def _uses(flow: Flow, node: ast.AST, name: str) -> Iterator[ast.expr]:
    """The places in a statement or expression where the variable is named to no effect on it."""
    match node:
        case ast.Assign(targets=[ast.Name() as target], value=ast.Call(args=given)):
            if target.id == name:  # model = wrapped(model)
                yield target
                yield from (one for one in given if _is_name(one, name))
        case ast.Call(func=ast.Name() as called, args=given) if called.id == name:
            yield called  # images go through it
        case ast.Call(func=ast.Attribute(value=ast.Name() as owner, attr=method)) if (
            owner.id == name and not _GIVES_PARTS.fullmatch(method)
        ):
            yield owner
        case ast.Call() if _only_looks(flow, node):
            yield from (one for one in walk(node) if _is_name(one, name))
        case _:
            pass


def _only_looks(flow: Flow, call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name) and hasattr(builtins, call.func.id):
        return call.func.id not in ("setattr", "exec", "eval", "map")
    callees = list(flow.value_of(call.func))
    return bool(callees) and all(
        isinstance(one, External) and one.name.startswith("torch.") for one in callees
    )


def _sets_mode(call: ast.Call, model: str) -> bool:
    match call:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="train")):
            return name == model
        case _:
            return False


def _is_name(node: ast.AST, name: str) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and node.id == name
