"""What the repository's own parallel wrappers are around, each object for itself.

Attributes are kept by class, so one copy of ``DistributedDataParallel`` seems to hold all
models of the repository wherever it is used. The model is what this object was made with.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.tracing.returned_parameters import given_back
from bn2gn_codemod.survey.values import Class, ClassValue, FunctionValue, Instance, Lost, Value

_WRAPPED = "module"  # the parameter, where it is given by name


class WrappedModels:
    """Looks into wrappers, where that hides no name from the pattern of a freeze."""

    def __init__(self, flow: Flow, is_transparent: Callable[[Class], bool]) -> None:
        self._flow = flow
        self._is_transparent = is_transparent

    def values(self, expr: ast.expr) -> list[Value]:
        """What an expression may be, with what wrappers were made with in their place."""
        return list(dict.fromkeys(self._values(expr, set())))

    def _values(self, expr: ast.expr, seen: set[Value]) -> Iterator[Value]:
        for value in self._flow.value_of(expr):
            if value in seen:  # model = DDP(model): it was that one before
                continue
            seen.add(value)
            wrapped = self._wrapped(value)
            if wrapped is None:
                yield value
            else:
                yield from self._values(wrapped, seen)

    def _wrapped(self, value: Value) -> ast.expr | None:
        """What a wrapper was made with; ``None`` for all else, and where that is not told."""
        if not isinstance(value, Instance) or value.spot is None:
            return None
        call = value.spot.node
        if not isinstance(call, ast.Call) or not self._is_transparent(value.class_):
            return None
        given = list(self._given(value.class_, call))
        if not given or isinstance(given[0], ast.Starred):
            return None
        is_lost = any(isinstance(held, Lost) for held in self._flow.value_of(given[0]))
        return None if is_lost else given[0]

    def _given(self, cls: Class, call: ast.Call) -> Iterator[ast.expr]:
        """What a wrapper is around that a call makes, itself or by a function that does only that.

        Not by other code that makes such objects.
        """
        for callee in self._flow.value_of(call.func):
            if isinstance(callee, ClassValue) and callee.class_ is cls:
                yield from call.args[:1]
                yield from (one.value for one in call.keywords if one.arg == _WRAPPED)
            elif isinstance(callee, FunctionValue):
                for returned in given_back(callee.function.node):
                    if returned.wrapper is not None and not returned.is_rest:
                        position = returned.position - callee.bound
                        yield from call.args[position : position + 1]
                        yield from (
                            one.value for one in call.keywords if one.arg == returned.parameter
                        )
