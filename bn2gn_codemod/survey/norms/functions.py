"""Functions of the repository that make norm layers, as what a caller hands over."""

from __future__ import annotations

import ast

from bn2gn_codemod.norm_signatures import gives_dropped_alone
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.values import Function, FunctionValue, NormClass, NormLayer, Value


class NormFunctions:
    """Answers what stands in the way of a GroupNorm helper in a function's place."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def given(self, function: Function) -> list[Value]:
        """What the function may give."""
        return list(self._flow.values(self._flow.return_node(function)))

    def refusal(self, function: Function) -> str | None:
        """Why calls of the function cannot be replaced by those of the helper, or ``None``."""
        name = function.name
        if not all(isinstance(value, NormLayer) for value in self.given(function)):
            return f"{name} may give something else than a norm layer"
        calls = (_without_extra(call, function) for call in function.layer_calls)
        if not all(map(gives_dropped_alone, calls)):
            return f"{name} gives its layers arguments of its own"
        return None

    def is_named_by(self, value: FunctionValue, node: ast.expr) -> bool:
        """Whether the function is followed from there as what makes norm layers."""
        return any(
            isinstance(beside, NormClass) and beside.function is value.function
            for beside in self._flow.value_of(node)
        )


def _without_extra(call: ast.expr, function: Function) -> ast.expr:
    """The call without the ``**kwargs`` that the function takes for it: none, from most callers."""
    if not isinstance(call, ast.Call):
        return call
    keywords = [
        keyword
        for keyword in call.keywords
        if not (
            keyword.arg is None
            and isinstance(keyword.value, ast.Name)
            and keyword.value.id in function.extra_parameters
        )
    ]
    return ast.Call(call.func, call.args, keywords)
