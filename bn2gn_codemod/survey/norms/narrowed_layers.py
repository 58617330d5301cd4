"""Where a test for BatchNorm lets no GroupNorm come to a use of a layer."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.norms.type_tests import FoundTest, NormTests
from bn2gn_codemod.survey.statements.run_conditions import passed
from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Function, FunctionValue

_FARTHEST = 4  # calls up from the use


class NarrowedLayers:
    """Looks for tests around uses, and around the calls that hand the layer over.

    ``is_converted`` says whether an expression may be a layer that becomes GroupNorm.
    """

    def __init__(
        self, flow: Flow, tests: NormTests, is_converted: Callable[[Module, ast.expr], bool]
    ) -> None:
        self._flow = flow
        self._tests = tests
        self._is_converted = is_converted
        self._call_sites = CallSites(flow)

    def is_narrowed(self, module: Module, use: ast.expr, layer: ast.expr) -> bool:
        """Whether only BatchNorm comes to ``use`` as ``layer``."""
        return self._is_narrowed(module, use, layer, 0)

    def _is_narrowed(self, module: Module, use: ast.expr, layer: ast.expr, depth: int) -> bool:
        if any(self._is_inside(test, use, layer) for test in self._narrowing.get(module.path, ())):
            return True
        function = self._tests.tree(module).function(use)
        if not isinstance(layer, ast.Name) or not _is_given(function, layer.id):
            return False
        calls = self._call_sites.of(function)
        return (
            depth < _FARTHEST
            and bool(calls)
            and all(self._hands_narrowed(function, layer.id, *call, depth) for call in calls)
        )

    def _hands_narrowed(
        self, function: Function, parameter: str, caller: Function, call: ast.Call, depth: int
    ) -> bool:
        called = self._flow.value_of(call.func)
        if not any(isinstance(v, FunctionValue) and v.function is function for v in called):
            return False  # it is handed to apply()
        given = passed(function, call, parameter)
        if given is None:
            return False
        return not self._is_converted(caller.module, given) or self._is_narrowed(
            caller.module, call, given, depth + 1
        )

    @functools.cached_property
    def _narrowing(self) -> dict[str, list[FoundTest]]:
        """The tests that let no GroupNorm pass, by file."""
        found: dict[str, list[FoundTest]] = {}
        for test in self._tests.all():
            if test.is_condition and not test.sees_group_norm and not self._is_one_of_many(test):
                found.setdefault(test.module.path, []).append(test)
        return found

    def _is_one_of_many(self, test: FoundTest) -> bool:
        """Whether something else than the test may let a layer pass."""
        above = self._tests.tree(test.module).above(test.node)
        around = (one for one in above if isinstance(one, (ast.BoolOp, ast.stmt)))
        for one in around:
            if isinstance(one, ast.stmt):
                return False
            if isinstance(one.op, ast.Or):
                return True
        return False

    def _is_inside(self, test: FoundTest, use: ast.expr, layer: ast.expr) -> bool:
        if test.subject is None or ast.dump(test.subject) != ast.dump(layer):
            return False
        return any(node is use for statement in test.body for node in walk(statement))


def _is_given(function: Function, name: str) -> bool:
    """Whether a name is a parameter, and nothing else is put there."""
    return name in function.parameters - function.extra_parameters and not any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        for node in walk(function.node)
    )
