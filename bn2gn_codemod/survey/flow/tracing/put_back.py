"""Children that a module gets back in the place in which they stood.

    for name, child in model.named_children():
        setattr(model, name, nn.SyncBatchNorm.convert_sync_batchnorm(child))

What is made of a child may be the child itself. The analysis has one variable for the children
of all modules that such code is called for: taken at its word, each of these would hold them all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.tracing.put_around import beside_child
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import (
    call_name,
    dotted,
    flat,
    target_names,
    walk,
)
from bn2gn_codemod.survey.syntax.replaced_children import (
    calls_what_it_is_handed,
    replaces_children,
)
from bn2gn_codemod.survey.values import (
    External,
    ExternalObject,
    FunctionValue,
    Instance,
    NormLayer,
    Value,
)

# Functions that give the elements of what they are handed.
_HAND_ON = frozenset({"list", "tuple", "dict", "OrderedDict", "iter", "tqdm", "sorted"})


def without_children(
    tracer: Tracer, owner: ast.expr, name: ast.expr, given: ast.expr, value: Node
) -> Node:
    """Of a value that is stored in ``owner`` under ``name``, what did not stand there before."""
    if not isinstance(name, ast.Name):
        return value
    beside = beside_child(tracer, owner, name, given, value)
    if beside is not None:
        return beside
    child = _child_of(tracer.function.node, owner, name, given)
    made = None if child is None else list(_makers(tracer.function.node, given, child.id))
    if child is None or not made:
        return value
    flow = tracer.flow
    stood = tracer.evaluate(child)
    if stood is None:
        return value
    others = [
        node
        for call in made
        for argument in _arguments(call)
        if not _is_name(argument, child.id)
        if (node := tracer.evaluate(argument)) is not None
    ]
    rest = flow.node()

    def on_value(held: Value) -> None:
        is_child = isinstance(held, (Instance, NormLayer, ExternalObject)) and flow.holds(
            stood, held
        )
        if not is_child or any(flow.holds(other, held) for other in others):
            flow.add(rest, held)

    def on_callee(called: Value) -> None:
        if isinstance(called, FunctionValue):
            node = called.function.node
            gives_itself = replaces_children(node) and not calls_what_it_is_handed(node)
        else:
            gives_itself = isinstance(called, External)
        if not gives_itself:  # it may as well look up the child of another module
            flow.edge(value, rest)

    flow.watch(value, on_value)
    for call in made:
        callee = tracer.evaluate(call.func)
        if callee is not None:
            flow.watch(callee, on_callee)
    return rest


def _child_of(
    function: ast.AST, owner: ast.expr, name: ast.Name, given: ast.expr
) -> ast.Name | None:
    """The loop's variable for the child that stands under a name, if it is certain to be that."""
    model = dotted(owner)
    body = getattr(function, "body", None)
    if model is None or not isinstance(body, list):
        return None
    loops = [one for one in flat(body) if isinstance(one, ast.For)]
    around = [one for one in loops if any(inner is given for inner in walk(one))]
    for loop in reversed(around):
        if name.id not in target_names(loop.target):
            continue
        pair = _pair(loop, model)
        if pair is None or pair[0].id != name.id:
            return None
        child = pair[1]
        fixed = {name.id, child.id, model.partition(".")[0]}
        is_fixed = not any(
            isinstance(inner, ast.Name)
            and isinstance(inner.ctx, (ast.Store, ast.Del))
            and inner.id in fixed
            for statement in loop.body
            for inner in walk(statement)
        )
        # One variable of the analysis is all that goes by the name in the function.
        is_loops_alone = all(
            any(_is_child(one, stored) for one in loops) for stored in _stores(function, child.id)
        )
        return child if is_fixed and is_loops_alone else None
    return None


def _pair(loop: ast.For, model: str | None) -> tuple[ast.Name, ast.Name] | None:
    """``name, child`` of a loop over the children of a model; of any, with ``None``."""
    target, source = loop.target, loop.iter
    while isinstance(source, ast.Call) and source.args:
        called = call_name(source)
        if called == "enumerate" and isinstance(target, ast.Tuple) and len(target.elts) == 2:
            target = target.elts[1]
        elif called not in _HAND_ON:
            return None
        source = source.args[0]
    match target, source:
        case (
            ast.Tuple(elts=[ast.Name() as name, ast.Name() as child]),
            ast.Call(func=ast.Attribute(value=owner, attr="named_children"), args=[]),
        ):
            pass
        case (
            ast.Tuple(elts=[ast.Name() as name, ast.Name() as child]),
            ast.Call(
                func=ast.Attribute(value=ast.Attribute(value=owner, attr="_modules"), attr="items"),
                args=[],
            ),
        ):
            pass
        case _:
            return None
    return (name, child) if model in (None, dotted(owner)) else None


def _is_child(loop: ast.For, stored: ast.Name) -> bool:
    pair = _pair(loop, None)
    return pair is not None and pair[1] is stored


def _makers(function: ast.AST, given: ast.expr, child: str) -> Iterator[ast.Call]:
    """The calls that make what is given out of the child; none where it may be anything else."""
    if isinstance(given, ast.Call):
        sources: list[ast.expr] = [given]
    elif isinstance(given, ast.Name):
        assigned = [
            node.value
            for node in walk(function)
            if isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and _is_name(node.targets[0], given.id)
        ]
        if len(assigned) != len(list(_stores(function, given.id))):
            return
        sources = assigned
    else:
        return
    if all(
        isinstance(one, ast.Call) and any(_is_name(a, child) for a in _arguments(one))
        for one in sources
    ):
        yield from (one for one in sources if isinstance(one, ast.Call))


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (keyword.value for keyword in call.keywords)


def _stores(function: ast.AST, name: str) -> Iterator[ast.Name]:
    for node in walk(function):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            yield node


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
