"""Eval mode that code which trains sets after each ``train()``, before it goes on.

What a validation sets comes after the training steps, and the next ``train()`` undoes it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.freezing.effects import Effect
from bn2gn_codemod.survey.syntax.nodes import call_name, walk_scope
from bn2gn_codemod.survey.values import Function

_STEPS = frozenset({"backward", "step"})
_EVALUATES = frozenset({"no_grad", "inference_mode"})


def lasts_in_training(flow: Flow, effect: Effect) -> bool:
    """Whether steps may come after an effect, as far as the function around it tells."""
    if effect.node is None:
        return False
    function = _innermost(flow.functions, effect.module_path, effect.node.lineno)
    if function is None:
        return True
    calls = [node for node in walk_scope(function.node) if isinstance(node, ast.Call)]
    steps = [call.lineno for call in calls if call_name(call) in _STEPS]
    if steps:
        return effect.node.lineno < max(steps)
    return not any(call_name(call) in _EVALUATES for call in calls)


def _innermost(functions: Iterable[Function], path: str, line: int) -> Function | None:
    around = {
        function.node.lineno: function
        for function in functions
        if function.module.path == path
        and not isinstance(function.node, ast.Module)
        and function.node.lineno <= line <= (function.node.end_lineno or 0)
    }
    return around[max(around)] if around else None
