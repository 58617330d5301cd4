"""Training that always begins with one file: ``net.load_state_dict(torch.load("seg.pth"))``.

Whoever goes on with a training asks for it by an option, or looks whether there is a checkpoint.
A file with a name of its own, loaded whatever is asked for before the optimizer is made, is
where every training of the script starts.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.optimizer_calls import optimizer_call
from bn2gn_codemod.survey.statements.newest_value import newest_value
from bn2gn_codemod.survey.statements.run_conditions import blocks_around
from bn2gn_codemod.survey.syntax.nodes import given_arguments
from bn2gn_codemod.survey.values import Function


def begins_with_fixed_file(flow: Flow, function: Function, reading: list[ast.AST]) -> bool:
    """Whether a function reads such a file before each optimizer that it makes."""
    makes = [call for _, call in flow.calls_in.get(function, ()) if optimizer_call(flow, call)]
    read = [node for node in reading if isinstance(node, ast.Call) and _names_file(function, node)]
    return bool(makes) and any(
        all(_comes_first(function, node, call) for call in makes) for node in read
    )


def _names_file(function: Function, call: ast.Call) -> bool:
    """Whether a call is handed the name of a file that is written out."""
    given = given_arguments(call)
    values = [newest_value(function.node, call, one) or one for one in given]
    return any(
        isinstance(one, ast.Constant) and isinstance(one.value, str) and "." in one.value
        for one in values
    )


def _comes_first(function: Function, first: ast.Call, second: ast.Call) -> bool:
    """Whether whatever comes to the second call has passed the first one."""
    block, index = blocks_around(function.node, first)[-1]
    return any(
        other is block and place > index for other, place in blocks_around(function.node, second)
    )
