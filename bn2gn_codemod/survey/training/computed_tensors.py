"""Tensors that code computes, and hands to an optimizer: prototypes, perturbations, latent codes.

The flow analysis takes what a model gives, and what is made of it, for the model: a tensor
has no value of its own there. ``SGD([prototype])`` trains no parameter of any module.
"""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.origins import Origins
from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import External, FunctionValue, Instance

# What comes out of many numbers is no copy of a parameter, as half precision trains them.
_COMPUTES = frozenset({"bmm", "log_softmax", "matmul", "mean", "sigmoid", "softmax", "sum"})
_COMPUTING = re.compile(
    r"^torch\.(?:bmm|einsum|full|matmul|mean|normal|ones|randn?|randint|softmax|sum|zeros)$|"
    r"^torch\.nn\.functional\.\w+$"
)
# They give the tensor that is asked: moved, copied, in another shape, or with a gradient.
_SAME = frozenset(
    {
        "clone", "contiguous", "cpu", "cuda", "detach", "double", "float", "half", "permute",
        "requires_grad_", "reshape", "squeeze", "to", "transpose", "unsqueeze", "view",
    }
)  # fmt: skip
_DEEPEST = 6
_Seen = frozenset[tuple[Scope, str]]


class ComputedTensors:
    """Follows an expression back to the calls that compute it."""

    def __init__(self, flow: Flow, origins: Origins) -> None:
        self._flow = flow
        self._origins = origins

    def inside(self, scope: Scope, root: ast.AST) -> set[ast.AST]:
        """The nodes of an expression that are such tensors, or what they are computed from."""
        found: set[ast.AST] = set()
        for node in walk(root):
            if node in found or not isinstance(node, ast.expr):
                continue
            if self._is_one(scope, node, frozenset()):
                found.update(walk(node))
        return found

    def _is_one(self, scope: Scope, expr: ast.expr, seen: _Seen) -> bool:
        match expr:
            case ast.Call():
                return self._is_given(scope, expr, seen)
            case ast.Name() | ast.Attribute():
                key = (scope, ast.unparse(expr))
                if key in seen or len(seen) > _DEEPEST:
                    return False
                bound = self._origins.all_assigned(scope, expr)
                return bool(bound) and all(
                    self._is_one(one.scope, one.expr, seen | {key}) for one in bound
                )
        return False

    def _is_given(self, scope: Scope, call: ast.Call, seen: _Seen) -> bool:
        callees = list(self._flow.value_of(call.func))
        if any(isinstance(value, FunctionValue) for value in callees):
            return False
        if isinstance(call.func, ast.Attribute):
            if call.func.attr in _COMPUTES:
                return True
            if call.func.attr in _SAME:
                return self._is_one(scope, call.func.value, seen)
        external = [value for value in callees if isinstance(value, External)]
        if external:
            return all(_COMPUTING.match(value.name) is not None for value in external)
        # net(x), whatever else of the network the name may hold
        return bool(callees) and all(
            isinstance(value, Instance) and value.class_.is_module for value in callees
        )
