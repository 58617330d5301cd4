"""What the readers of names, targets and calls ask of the scope that they are in."""

from __future__ import annotations

import abc
import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.tracing.branch_bindings import BranchBindings
from bn2gn_codemod.survey.flow.tracing.type_tests import Narrowing
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.values import Class, Function, Spot, UseContext


class Tracer(abc.ABC):
    """One scope of the source, as it is turned into nodes and edges of the flow analysis."""

    def __init__(self, flow: Flow, function: Function, cls: Class | None = None) -> None:
        self.flow = flow
        self.function = function
        self.cls = cls  # set while in a class body
        self.statement: ast.stmt | None = None  # the one that is read now
        self.loosened: set[ast.expr] = set()  # loads that were strict before a migration
        self.children_names: set[str] = set()  # loop variables over a module's children
        self.narrowed: dict[str, Narrowing] = {}  # variables that isinstance narrows down here
        self.bindings = BranchBindings(flow, function)

    @abc.abstractmethod
    def evaluate(self, expr: ast.expr, context: UseContext = "plain") -> Node | None:
        """The node of what an expression gives; ``None`` where that can be no layer."""

    def spot(self, node: ast.expr | ast.stmt) -> Spot:
        """Where in this scope the node stands."""
        return Spot(self.function.module, node, self.function)
