"""Optimizers that never take a step, as in a script that only evaluates.

``optimizer = Adam(net.parameters())``, and then only ``optimizer.state_dict()``, for a checkpoint:
nothing is trained by it, and so there is nothing to freeze before it.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.optimizer_calls import optimizer_call
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.training.optimizers import Optimizer

# What is asked of an optimizer that changes no weights, and hands it to nobody.
_KEEPS = frozenset({"state_dict", "load_state_dict", "zero_grad", "param_groups"})


def is_idle(flow: Flow, optimizer: Optimizer) -> bool:
    """Whether a function makes an optimizer for itself and lets it take no step."""
    function, statement = optimizer.scope.function, optimizer.statement
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
            pass
        case _:
            return False
    node = function.node
    is_own = name not in function.global_names | function.nonlocal_names
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or not is_own:
        return False
    made = optimizer_call(flow, call)
    if made is None or not (made.by_name and made.is_alone):
        return False  # whatever else that is may train at once
    read = [one for one in walk(node) if _reads(one, name)]
    kept = [
        one.value
        for one in walk(node)
        if isinstance(one, ast.Attribute) and _reads(one.value, name) and one.attr in _KEEPS
    ]
    names_all = any(
        isinstance(n, ast.Name) and n.id in ("locals", "vars", "eval", "exec") for n in walk(node)
    )
    return bool(read) and len(read) == len(kept) and not names_all


def _reads(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Store)
