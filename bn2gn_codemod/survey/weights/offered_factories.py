"""Factories that give finished models to users alone: ``def net(pretrained=False)``."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.statements.run_conditions import conditions_at
from bn2gn_codemod.survey.syntax.nodes import (
    defaults_of,
    given_arguments,
    is_off,
    walk_scope,
)
from bn2gn_codemod.survey.values import Function, FunctionValue

_PRETRAINED = re.compile(r"pretrain|imagenet", re.IGNORECASE)


def is_only_offered(flow: Flow, factory: Function, load: ast.AST) -> bool:
    """Whether a factory loads only what no training asks for, by the option that it hangs on."""
    asked = {one.text for one in conditions_at(factory, load)}
    switches = _switched_off(factory) & asked
    return bool(switches) and not any(
        _asks_for(caller, call, switches)
        for caller, calls in flow.calls_in.items()
        if b".backward(" in caller.module.source.data
        for _, call in calls
        if any(isinstance(held, FunctionValue) for held in flow.value_of(call.func))
    )


def _asks_for(caller: Function, call: ast.Call, switches: set[str]) -> bool:
    """Whether a call switches weights on, be it for an option: ``get_model(name, **kwargs)``."""
    for keyword in call.keywords:
        match keyword:
            case ast.keyword(arg=None, value=ast.Name(id=name)):
                if any(_sets(node, name, switches) for node in walk_scope(caller.node)):
                    return True
            case ast.keyword(arg=None, value=value):
                if _has(value, switches):
                    return True
            case ast.keyword(arg=str(name), value=value):
                if name in switches and not is_off(value):
                    return True
    return False


def _sets(node: ast.AST, name: str, switches: set[str]) -> bool:
    """Whether a statement puts a switch that is on into a dict of that name."""
    match node:
        case ast.Assign(
            targets=[ast.Subscript(value=ast.Name(id=owner), slice=ast.Constant(value=key))],
            value=value,
        ):
            return owner == name and key in switches and not is_off(value)
        case ast.Assign(targets=[ast.Name(id=owner)], value=value):
            return owner == name and _has(value, switches)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr="update")):
            return owner == name and any(
                _has(one, switches) for one in (node, *given_arguments(node))
            )
        case _:
            return False


def _has(value: ast.expr, switches: set[str]) -> bool:
    """Whether a dict is written out with a switch that is on."""
    match value:
        case ast.Dict(keys=keys, values=values):
            return any(
                isinstance(key, ast.Constant) and key.value in switches and not is_off(one)
                for key, one in zip(keys, values, strict=True)
            )
        case ast.Call(keywords=keywords):
            return any(one.arg in switches and not is_off(one.value) for one in keywords)
        case _:
            return False


def _switched_off(function: Function) -> set[str]:
    """The parameters that speak of pretrained weights, and say no unless they are given."""
    if isinstance(function.node, ast.Module):
        return set()
    return {
        one.arg
        for one, value in defaults_of(function.node.args)
        if _PRETRAINED.search(one.arg) and is_off(value)
    }
