"""Functions that make objects of the class they are handed: ``self._make_layer(Block, 64)``.

One such function is called with many classes, and each call gives objects of its own.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
from typing import NamedTuple

from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.syntax import all_arguments, bound_names, flat, root_of, walk
from bn2gn_codemod.survey.tracing.arguments import Call, argument_for
from bn2gn_codemod.survey.tracing.containers import MUTATORS
from bn2gn_codemod.survey.value_graph import Node
from bn2gn_codemod.survey.values import ClassValue, Function, Instance, Value

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


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
    bound = {name for statement in flat(function.body) for name in bound_names(statement)}
    for node in nodes:  # in comprehensions and inner functions
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, _FUNCTIONS) and node is not function:
            bound.update(argument.arg for argument in all_arguments(node.args))
    if any(_keeps_elsewhere(node, bound) for node in nodes):
        return {}  # and another call may give it
    return {
        call: _Parameter(call.func.id, positions[call.func.id])
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id not in bound
    }


def _keeps_elsewhere(node: ast.AST, own: set[str]) -> bool:
    """Whether a function puts what it makes into something that is there after the call."""
    match node:
        case ast.Call(func=ast.Attribute(value=holder, attr=method)) if method in MUTATORS:
            return not _is_own(holder, own)
        case ast.Assign(targets=targets, value=ast.Call() | ast.Name()):
            return any(
                isinstance(target, (ast.Attribute, ast.Subscript)) and not _is_own(target, own)
                for target in targets
            )
        case _:
            return False


def _is_own(expr: ast.expr, own: set[str]) -> bool:
    root = root_of(expr)
    return isinstance(root, ast.Name) and root.id in own
