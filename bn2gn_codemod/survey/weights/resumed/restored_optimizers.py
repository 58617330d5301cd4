"""Optimizers that get their state where a model is loaded: such a load goes on with a training."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.statements.run_conditions import conditions_above, conditions_at
from bn2gn_codemod.survey.syntax.nodes import call_name, walk_scope
from bn2gn_codemod.survey.values import Function, Instance

_OF_OPTIMIZER = re.compile(r"optim|(?:\b|_)opt\.", re.IGNORECASE)


def restores_optimizer(call: LoadCall, value: Instance) -> bool:
    """Whether the state of an optimizer is loaded where the model is, in the same branch.

    A helper for both of them is for training that goes on, and is handed no optimizer else.
    """
    function = call.spot.function
    here = set(guarding_tests(function, call.spot.node))
    return any(
        is_helper_for(function, value) or here == set(guarding_tests(function, node))
        for node in _optimizer_loads(function)
    )


def is_helper_for(function: Function, value: Instance) -> bool:
    """Whether a model that is loaded in a function is made elsewhere."""
    return value.spot is not None and value.spot.function is not function


def restores_for(function: Function, site: ast.Call, caller: Function) -> bool:
    """Whether a function restores an optimizer for a call: not for ``load(path, resume=False)``."""
    return any(
        conditions_above(conditions_at(function, node), function, site, caller) is not None
        for node in _optimizer_loads(function)
    )


def is_optimizer_load(node: ast.AST) -> bool:
    """``self.optimizer.load_state_dict(...)``"""
    return (
        isinstance(node, ast.Call)
        and call_name(node) == "load_state_dict"
        and _OF_OPTIMIZER.search(ast.unparse(node.func)) is not None
    )


def _optimizer_loads(function: Function) -> Iterator[ast.AST]:
    return filter(is_optimizer_load, walk_scope(function.node))
