"""Containers that are put around a child where it stands, by a name that is not written out.

    wrapped = OrderedDict([("own", getattr(model, name)), ("extra", Extra())])
    setattr(model, name, nn.Sequential(wrapped))

The child stays where it was. What is put beside it is new to the place.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import (
    blocks,
    call_name,
    dotted,
    given_arguments,
    walk,
)
from bn2gn_codemod.survey.values import External, Value

# What holds its elements and nothing else, unless the repository has its own by the name.
_HOLDS = frozenset({"Sequential", "ModuleList", "OrderedDict", "dict", "list", "tuple"})


class _Wrapping(NamedTuple):
    """What is put beside the child, and the calls that put it there."""

    beside: list[ast.expr]
    around: list[ast.Call]


def beside_child(
    tracer: Tracer, owner: ast.expr, name: ast.expr, given: ast.expr, value: Node
) -> Node | None:
    """Of a container for ``owner.name`` around what stands there, what it holds beside that.

    ``None``: nothing is seen to be put around it.
    """
    if not isinstance(name, ast.Name) or dotted(owner) is None:
        return None
    found = _wrapping(tracer, owner, name, given)
    if found is None:
        return None
    flow = tracer.flow
    beside = flow.node()
    for part in found.beside:
        node = tracer.evaluate(part)
        if node is not None:
            flow.edge(node, beside)
            flow.put_beside.append((owner, part, tracer.spot(given)))

    def on_callee(called: Value) -> None:
        if not isinstance(called, External):  # the repository's own may do more
            flow.edge(value, beside)

    for call in found.around:
        callee = tracer.evaluate(call.func)
        if callee is not None:
            flow.watch(callee, on_callee)
    return beside


def _wrapping(tracer: Tracer, owner: ast.expr, name: ast.Name, given: ast.expr) -> _Wrapping | None:
    above = _statements_above(tracer.function.node, tracer.statement)
    child = ast.Call(ast.Name("getattr", ast.Load()), [owner, name], [])
    roots = {str(dotted(owner)).partition(".")[0], name.id}
    beside: list[ast.expr] = []
    around: list[ast.Call] = []
    is_around = False
    pending: list[tuple[ast.expr, int]] = [(given, 0)]
    for part, begin in pending:  # grows
        match part:
            case ast.Call(func=ast.Name(id="getattr")) if ast.dump(part) == ast.dump(child):
                is_around = True
            case ast.Call() if call_name(part) in _HOLDS:
                around.append(part)
                pending += [(one, begin) for one in given_arguments(part)]
            case ast.Starred(value=inner):
                pending.append((inner, begin))
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                pending += [(one, begin) for one in elements]
            case ast.Name(id=variable) if (
                made := _made_above(above, begin, variable, roots)
            ) is not None:
                pending.append(made)
            case ast.Constant():
                pass
            case _:
                beside.append(part)
    return _Wrapping(beside, around) if is_around else None


def _made_above(
    above: list[ast.stmt], begin: int, variable: str, roots: set[str]
) -> tuple[ast.expr, int] | None:
    """What a statement of the same block gave a variable, and what comes above that.

    Nothing in between gives it, the module or the name another value, or adds to what it holds.
    """
    for place, statement in enumerate(above[begin:], begin):
        match statement:
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == variable:
                return (value, place + 1) if bound not in roots else None
            case ast.Assign() | ast.Expr():
                names = [one for one in walk(statement) if isinstance(one, ast.Name)]
                stored = {one.id for one in names if not isinstance(one.ctx, ast.Load)}
                if stored & roots or any(one.id == variable for one in names):
                    return None
            case _:
                return None
    return None


def _statements_above(function: ast.AST, statement: ast.stmt | None) -> list[ast.stmt]:
    """What comes before a statement in its block, the nearest first."""
    return next((list(reversed(body[:i])) for body, i in _places(function, statement)), [])


def _places(outer: ast.AST, statement: ast.stmt | None) -> Iterator[tuple[list[ast.stmt], int]]:
    body = getattr(outer, "body", None)
    pending: list[list[ast.stmt]] = [body] if isinstance(body, list) else []
    for block in pending:  # grows
        for index, one in enumerate(block):
            if one is statement:
                yield block, index
            pending += blocks(one)
