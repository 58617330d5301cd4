"""Functions that make objects of the class they are handed: ``self._make_layer(Block, 64)``.

One such function is called with many classes, and each call gives objects of its own.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.tracing.arguments import Call, argument_for
from bn2gn_codemod.survey.flow.tracing.kept_afterwards import may_give_again, own_names
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import ClassValue, Function, Instance, Value


class _Parameter(NamedTuple):
    name: str
    position: int  # among all parameters


def give_own_objects(call: Call, function: Function, *, skip_first: bool) -> None:
    """What a call of a function gives, without the objects of what other calls handed over."""
    handed = handed_classes(call, function, skip_first=skip_first)
    passes = _OwnObjects(call.flow, function, call.result, handed) if handed else None
    call.flow.edge(call.flow.return_node(function), call.result, passes)


def handed_classes(call: Call, function: Function, *, skip_first: bool) -> dict[ast.AST, Node]:
    """By what makes objects in a function, the class that a call of the function hands over."""
    handed: dict[ast.AST, Node] = {}
    for made, parameter in _called(function.node).items():
        argument = argument_for(call, parameter.name, parameter.position - skip_first)
        if argument is not None:
            handed[made] = argument
    return handed


@dataclasses.dataclass
class _OwnObjects:
    """Lets through what one call of a function may give; the same for the same call."""

    flow: Flow
    function: Function
    result: Node
    handed: dict[ast.AST, Node]

    def __call__(self, held: Value) -> bool:
        if not isinstance(held, Instance) or held.spot is None or held.weak:
            return True
        argument = self.handed.get(held.spot.node)
        if argument is None or held.spot.function is not self.function:
            return True

        def on_class(given: Value) -> None:
            if not isinstance(given, ClassValue) or given.class_ is held.class_:
                self.flow.add(self.result, held)

        self.flow.watch(argument, on_class)  # it may come later
        return False


@functools.cache
def _called(function: ast.AST) -> dict[ast.AST, _Parameter]:
    """The calls of parameters in a function; of none that may stand for something else."""
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return {}
    placed = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    positions = {argument.arg: place for place, argument in enumerate(placed)}
    nodes = walk(function)
    calls = [
        node
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in positions
    ]
    if not calls:
        return {}
    if may_give_again(function):
        return {}
    bound = own_names(function)
    return {
        call: _Parameter(call.func.id, positions[call.func.id])
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id not in bound
    }
