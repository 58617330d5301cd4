"""Factories that give finished models to users alone: ``def net(pretrained=False)``."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.statements.run_conditions import conditions_at
from bn2gn_codemod.survey.syntax.nodes import defaults_of, is_off
from bn2gn_codemod.survey.values import Function, FunctionValue

_PRETRAINED = re.compile(r"pretrain|imagenet", re.IGNORECASE)


def is_only_offered(flow: Flow, factory: Function, load: ast.AST) -> bool:
    """Whether a factory loads only what no training asks for, by the option that it hangs on."""
    asked = {one.text for one in conditions_at(factory, load)}
    switches = _switched_off(factory) & asked
    return bool(switches) and not any(
        keyword.arg in switches and not is_off(keyword.value)
        for caller, calls in flow.calls_in.items()
        if b".backward(" in caller.module.source.data
        for _, call in calls
        if any(isinstance(held, FunctionValue) for held in flow.value_of(call.func))
        for keyword in call.keywords
    )


def _switched_off(function: Function) -> set[str]:
    """The parameters that speak of pretrained weights, and say no unless they are given."""
    if isinstance(function.node, ast.Module):
        return set()
    return {
        one.arg
        for one, value in defaults_of(function.node.args)
        if _PRETRAINED.search(one.arg) and is_off(value)
    }
