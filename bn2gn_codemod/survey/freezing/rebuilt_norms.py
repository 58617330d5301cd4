"""Functions that put layers without parameters in the place of all BatchNorm of a model.

``def fix(module): if isinstance(module, nn.BatchNorm2d): module = FixedBatchNorm2d(...)``, which
calls itself for each child. What is built so has buffers alone, and takes no new statistics: it
is frozen for good. Only what is surely done for every child counts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.syntax.nodes import call_name, walk
from bn2gn_codemod.survey.values import Class, ClassValue, Function, FunctionValue

_STATISTICS = frozenset({"weight", "bias", "running_mean", "running_var"})
_OF_BATCH = frozenset({"mean", "std", "var", "var_mean", "std_mean", "native_batch_norm"})
_PUTS = frozenset({"add_module", "setattr", "register_module"})


def rebuilding_test(flow: Flow, function: Function) -> ast.expr | None:
    """The test for BatchNorm in such a function; ``None``: it is another function."""
    node = function.node
    if not isinstance(node, ast.FunctionDef) or not node.args.args or node.decorator_list:
        return None
    given = node.args.args[0].arg
    names = {given, *_second_names(node, given)}
    branches = [one for one in node.body if isinstance(one, ast.If) and _asks_for(one.test, given)]
    if len(branches) != 1 or not _is_frozen_made(flow, branches[0].body, names):
        return None
    (branch,) = branches
    others = [one for one in (*node.body, *branch.orelse) if one is not branch]
    loops = [one for one in others if _goes_over_children(flow, function, one, names)]
    if len(loops) != 1 or not all(_is_harmless(one, names) for one in others if one not in loops):
        return None
    return branch.test


def _second_names(node: ast.FunctionDef, given: str) -> Iterator[str]:
    """``mod`` of ``mod = module``, at the top of a function."""
    for one in node.body:
        match one:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=source)):
                if source == given:
                    yield name
            case _:
                pass


def _asks_for(test: ast.expr, given: str) -> bool:
    match test:
        case ast.Call(func=ast.Name("isinstance"), args=[ast.Name(id=name), _]):
            return name == given
        case _:
            return False


def _is_frozen_made(flow: Flow, body: list[ast.stmt], names: set[str]) -> bool:
    """Whether a branch makes a frozen layer for certain, and gives it back or its name to it."""
    made: ast.expr | None = None
    for one in body:
        match one:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as value):
                if made is not None or name not in names:
                    return False
                made = value
            case ast.Return(value=ast.Call() as value) if made is None:
                made = value
            case ast.Return(value=ast.Name(id=name)) if name in names:
                pass
            case ast.Assign() | ast.Expr() | ast.If() if not _binds_or_leaves(one, names):
                pass
            case _:
                return False
    return isinstance(made, ast.Call) and _is_frozen_class(flow, made.func)


def _binds_or_leaves(statement: ast.stmt, names: set[str]) -> bool:
    return any(
        isinstance(one, ast.Return | ast.Raise)
        or (isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store) and one.id in names)
        for one in walk(statement)
    )


def _is_frozen_class(flow: Flow, func: ast.expr) -> bool:
    values = list(flow.value_of(func))
    return bool(values) and all(
        isinstance(one, ClassValue) and has_buffers_alone(one.class_) for one in values
    )


def has_buffers_alone(cls: Class) -> bool:
    """Whether a class keeps weight, bias and statistics as buffers, and has no parameters."""
    bases = [base for one in cls.ancestors() for base in one.external_bases]
    if not cls.is_module or any(base.rpartition(".")[2] != "Module" for base in bases):
        return False
    code = [node for one in cls.ancestors() for node in walk(one.node)]
    calls = [node for node in code if isinstance(node, ast.Call)]
    buffers = {name for node in code for name in _buffers(node)}
    makes = {"Parameter", "register_parameter", "register_module", "add_module"}
    return (
        buffers >= _STATISTICS
        and not any(call_name(call) in makes for call in calls)
        and not any(map(_may_look_at_batch, code))
    )


def _may_look_at_batch(node: ast.AST) -> bool:
    """Whether a layer may normalise by its batch: ``batch_norm(..., training=self.training)``."""
    match node:
        case ast.Attribute(attr="training", ctx=ast.Load()):
            return True
        case ast.Call() if call_name(node) in _OF_BATCH:
            return True
        case ast.Call() if call_name(node) == "batch_norm":
            asked = [one.value for one in node.keywords if one.arg in ("training", None)]
            asked += node.args[5:6]
            return any(not (isinstance(one, ast.Constant) and one.value is False) for one in asked)
        case _:
            return False


def _buffers(node: ast.AST) -> Iterator[object]:
    """``register_buffer("weight", ...)``, or ``register_buffer(name, ...)`` for names in a loop."""
    match node:
        case ast.Call(
            func=ast.Attribute(attr="register_buffer"), args=[ast.Constant(value=name), *_]
        ):
            yield name
        case ast.For(
            target=ast.Name(id=name),
            iter=ast.Tuple(elts=names) | ast.List(elts=names),
            body=[
                ast.Expr(
                    ast.Call(
                        func=ast.Attribute(attr="register_buffer"), args=[ast.Name(id=given), *_]
                    )
                )
            ],
        ) if name == given:
            yield from (one.value for one in names if isinstance(one, ast.Constant))
        case _:
            pass


def _goes_over_children(
    flow: Flow, function: Function, statement: ast.stmt, names: set[str]
) -> bool:
    """``for name, child in module.named_children(): mod.add_module(name, fix(child))``."""
    match statement:
        case ast.For(
            target=ast.Tuple(elts=[ast.Name(id=name), ast.Name(id=child)]),
            iter=ast.Call(func=ast.Attribute(ast.Name(id=owner), "named_children"), args=[]),
            body=[*before, ast.Expr(value=ast.Call() as put)],
            orelse=[],
        ) if owner in names and call_name(put) in _PUTS:
            pass
        case _:
            return False
    given = put.args if isinstance(put.func, ast.Attribute) else put.args[1:]
    target = put.func.value if isinstance(put.func, ast.Attribute) else put.args[0]
    if not (isinstance(target, ast.Name) and target.id in names) or len(given) != 2:
        return False
    called, value = given
    match before:
        case []:
            pass
        case [ast.Assign(targets=[ast.Name(id=new)], value=made)]:
            if not (isinstance(value, ast.Name) and value.id == new):
                return False
            value = made
        case _:
            return False
    return (
        isinstance(called, ast.Name)
        and called.id == name
        and isinstance(value, ast.Call)
        and len(value.args) >= 1
        and isinstance(value.args[0], ast.Name)
        and value.args[0].id == child
        and all(
            isinstance(one, FunctionValue) and one.function is function
            for one in flow.value_of(value.func)
        )
        and any(True for _ in flow.value_of(value.func))
    )


def _is_harmless(statement: ast.stmt, names: set[str]) -> bool:
    """What neither leaves the function early nor puts something else into the names."""
    match statement:
        case ast.Return(value=ast.Name(id=name)):
            return name in names
        case ast.Assign(targets=[ast.Name()], value=ast.Name(id=name)) if name in names:
            return True
        case ast.Expr(value=ast.Constant()) | ast.Delete():
            return True
        case _:
            return False
