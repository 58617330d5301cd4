"""What ``expr.append(x)`` or ``expr[k] = x`` adds to, in whichever module it was bound."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.values import Function, ModuleValue, Value

# Methods that add what they are handed.
MUTATORS = frozenset(
    {"append", "extend", "insert", "add", "update", "setdefault", "appendleft", "extendleft"}
)
# Calls that make a new container.
CONTAINERS = frozenset(
    {"list", "dict", "set", "OrderedDict", "defaultdict", "deque", "Sequential", "ModuleList",
     "ModuleDict", "UserDict", "UserList"}
)  # fmt: skip


def container(tracer: Tracer, expr: ast.expr) -> Node | None:
    """The node that ``expr.append(x)`` or ``expr[k] = x`` adds to."""
    flow = tracer.flow
    match expr:
        case ast.Name():
            if tracer.cls is not None:
                return flow.slot(tracer.cls, expr.id)
            return _exported(tracer, expr.id) or flow.lookup(tracer.function, expr.id)
        case ast.Subscript():
            return container(tracer, expr.value)
        case ast.Attribute():
            base = tracer.evaluate(expr.value)
            if base is None:
                return None
            node = flow.node()
            flow.attribute_stores.add(base, expr.attr, node, is_written=True)
            _into_global(flow, base, expr.attr, node)
            return node
        case _:
            return None


def put_into(tracer: Tracer, expr: ast.expr, holder: Node | None, element: Node) -> None:
    """``expr.append(element)``, where ``holder`` is what :func:`container` says of ``expr``.

    The container may have been made under another name, and gets it there as well. What
    ``model._modules`` is read as are the parts of the model, and none of those gets anything.
    """
    flow = tracer.flow
    if holder is not None:
        flow.containers.hold(element, holder)
        flow.edge(element, holder)
    if isinstance(expr, ast.Attribute) and expr.attr == "_modules":
        return
    base = holder if isinstance(expr, ast.Name) else tracer.evaluate(expr)
    if base is not None:
        flow.containers.add(base, element)


def _exported(tracer: Tracer, name: str) -> Node | None:
    """The variable of the other module that an imported name stands for."""
    flow, module, seen = tracer.flow, tracer.function.module, set[tuple[str, str]]()
    found: Node | None = None
    scope: Function | None = tracer.function
    while scope is not None and name not in scope.locals:
        scope = scope.outer
    if scope is None or scope.outer is not None:
        return None
    while (module.path, name) not in seen:
        seen.add((module.path, name))
        target, attribute = flow.bindings.get((module.path, name), ("", None))
        if isinstance(target, str) or attribute is None:
            break
        module, name = target, attribute
        found = flow.name_node(flow.top_level[module.path], name)
    return found


def _into_global(flow: Flow, base: Node, name: str, node: Node) -> None:
    """What is added to ``module.name`` is in the module's variable."""

    def on_base(held: Value) -> None:
        if isinstance(held, ModuleValue) and flow.has_global(held.module, name):
            flow.edge(node, flow.name_node(flow.top_level[held.module.path], name))

    flow.watch(base, on_base)
