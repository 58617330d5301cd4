"""What is done with the layers that pass a test for BatchNorm."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterable
from typing import Literal

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.norms.type_tests import FoundTest
from bn2gn_codemod.survey.syntax.nodes import call_name, root_of, walk
from bn2gn_codemod.survey.values import Function, FunctionValue

Purpose = Literal["init", "copying", "parameter groups", "freezing", "fusing", "setting", "other"]

# What GroupNorm does not have.
BATCH_NORM_ONLY = frozenset({
    "running_mean", "running_var", "num_batches_tracked", "momentum", "num_features",
    "track_running_stats", "reset_running_stats", "_check_input_dim",
})  # fmt: skip
_INITIALISER = re.compile(
    r"^(?:\w*(?:constant|normal|uniform|xavier|kaiming|orthogonal|ones|zeros)\w*_?|fill_|zero_|"
    r"copy_|reset_parameters|\w*_init)$"
)
_COLLECTS = {"append", "extend", "add", "update", "insert", "setdefault"}
_PARAMETERS = {"weight", "bias", "parameters", "named_parameters"}
_GROUPS = re.compile(r"decay|param_groups|optim|parameters_to|params")
_FREEZES = re.compile(r"freez|frozen|fix_?bn|bn_?eval|eval_?bn")
_DEEPEST = 2


@dataclasses.dataclass
class Effects:
    """What some statements do to layers."""

    initialises: bool = False
    resets: bool = False  # and not with what is copied out of another layer, as a load does
    collects: bool = False
    freezes: bool = False
    fuses: bool = False
    stored: set[str] = dataclasses.field(default_factory=set)
    only_batch_norm: set[str] = dataclasses.field(default_factory=set)


def purpose_of(flow: Flow, test: FoundTest) -> tuple[Purpose, Effects]:
    """What the test is for, and what is done."""
    effects = effects_of(flow, test.body)
    function = test.function
    name = function.name.rsplit(".", 1)[-1].lower()
    text = ast.unparse(function.node) if not isinstance(function.node, ast.Module) else ""
    if effects.fuses or "fuse" in name:
        return "fusing", effects
    if effects.freezes or (_FREEZES.search(name) and not effects.initialises):
        return ("other" if effects.initialises else "freezing"), effects
    if effects.collects and (_GROUPS.search(text) or not text):
        return "parameter groups", effects
    if effects.initialises:
        return ("init" if effects.resets else "copying"), effects
    if effects.stored & {"momentum", "eps"}:
        return "setting", effects
    return "other", effects


def effects_of(flow: Flow, body: Iterable[ast.stmt], depth: int = 0) -> Effects:
    """What the statements do, the repository's functions that they call included."""
    effects = Effects()
    for statement in body:
        for node in walk(statement):
            _look(flow, node, effects, depth)
    return effects


def _look(flow: Flow, node: ast.AST, effects: Effects, depth: int) -> None:
    match node:
        case ast.Attribute(attr=name, ctx=ast.Store()):
            effects.stored.add(name)
            if name in ("requires_grad", "track_running_stats"):
                effects.freezes = True
            if name in BATCH_NORM_ONLY and name != "momentum":
                effects.only_batch_norm.add(name)
        case ast.Attribute(attr=name) if name in BATCH_NORM_ONLY:
            effects.only_batch_norm.add(name)
        case ast.Assign(targets=[target], value=value) if _is_parameter(target):
            effects.initialises = True
            effects.resets |= not _is_of_another(value, target)
        case ast.AugAssign(value=value) if _mentions_parameters(value):
            effects.collects = True
        case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
            effects.collects |= _mentions_parameters(element)
        case ast.For(iter=source) if _mentions_parameters(source):
            effects.collects |= any(_hands_on(inner) for inner in walk(node))
        case ast.Yield() | ast.Return():
            effects.collects |= node.value is not None and _mentions_parameters(node.value)
        case ast.Call():
            _look_at_call(flow, node, effects, depth)


def _look_at_call(flow: Flow, call: ast.Call, effects: Effects, depth: int) -> None:
    name = call_name(call)
    if "fuse" in name.lower():
        effects.fuses = True
    elif name == "requires_grad_" or (name in ("eval", "train") and len(call.args) <= 1):
        effects.freezes |= isinstance(call.func, ast.Attribute)
    elif name in _COLLECTS:
        effects.collects |= any(map(_mentions_parameters, call.args))
    elif _INITIALISER.match(name):
        _look_at_initialiser(call, effects)
    if depth < _DEEPEST:
        for value in flow.value_of(call.func):
            if isinstance(value, FunctionValue):
                _add(effects, _of_function(flow, value.function, depth + 1))


def _look_at_initialiser(call: ast.Call, effects: Effects) -> None:
    if call_name(call) == "reset_parameters" or _mentions_parameters(call):
        effects.initialises = True
        match call:
            case ast.Call(func=ast.Attribute(attr="copy_", value=target), args=[value, *_]):
                effects.resets |= not _is_of_another(value, target)
            case _:
                effects.resets = True


def _of_function(flow: Flow, function: Function, depth: int) -> Effects:
    node = function.node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return Effects()
    return effects_of(flow, node.body, depth)


def _add(effects: Effects, other: Effects) -> None:
    effects.initialises |= other.initialises
    effects.resets |= other.resets
    effects.collects |= other.collects
    effects.freezes |= other.freezes
    effects.fuses |= other.fuses
    effects.stored |= other.stored
    effects.only_batch_norm |= other.only_batch_norm


def _is_parameter(target: ast.expr) -> bool:
    """``m.weight``, ``m.weight.data`` or ``m.bias.data[:]``."""
    while isinstance(target, ast.Subscript) or (
        isinstance(target, ast.Attribute) and target.attr == "data"
    ):
        target = target.value
    return isinstance(target, ast.Attribute) and target.attr in ("weight", "bias")


def _is_of_another(value: ast.expr, target: ast.expr) -> bool:
    """Whether a value is made of another layer's parameters: ``theirs.weight.data.clone()``."""
    mine = ast.unparse(root_of(target))
    return any(
        isinstance(part, ast.Attribute)
        and part.attr in ("weight", "bias")
        and isinstance(root_of(part), ast.Name)
        and ast.unparse(root_of(part)) != mine
        for part in walk(value)
    )


def _hands_on(node: ast.AST) -> bool:
    return isinstance(node, ast.Yield) or (
        isinstance(node, ast.Call) and call_name(node) in _COLLECTS
    )


def _mentions_parameters(expr: ast.AST) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr in _PARAMETERS for node in walk(expr))
