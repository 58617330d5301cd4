"""Classes that extend a norm class by another name: ``class Own(norm_layer)``.

What is made of such a class is a norm layer. A function that is handed the class to extend gives
each caller its own: see :mod:`given_back`.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.tracing.kept_classes import keep_class
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.known.local_norms import local_norm
from bn2gn_codemod.survey.values import Class, Function, NormClass, Spot, Value


def keep_bases(tracer: Tracer, cls: Class, named: Node) -> None:
    """What a class extends has to stay a class; what it is called by names a norm as well."""
    is_norm_itself = local_norm(cls) is not None
    for base in cls.node.bases:
        node = keep_class(tracer, base, "is extended", "base")
        if node is not None and not is_norm_itself and not _is_handed(tracer.function, base):
            _extend(tracer, node, cls, named)


def _extend(tracer: Tracer, base: Node, cls: Class, named: Node) -> None:
    flow = tracer.flow
    spot = Spot(cls.module, cls.node, tracer.function)

    def on_base(held: Value) -> None:
        if isinstance(held, NormClass) and held.local_class is not cls:
            flow.add(named, flow.extended_norm(held, cls, spot))

    flow.hand_on(base, named)
    flow.watch(base, on_base)


def _is_handed(function: Function, base: ast.expr) -> bool:
    """Whether a caller hands over what is extended, so that each call makes another class."""
    scope: Function | None = function
    while scope is not None and isinstance(base, ast.Name):
        if base.id in scope.locals:
            return base.id in scope.parameters
        scope = scope.outer
    return False
