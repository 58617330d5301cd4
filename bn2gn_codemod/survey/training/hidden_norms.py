"""Tests for BatchNorm that a conversion to SyncBatchNorm hides it from, and what mends them."""

from __future__ import annotations

import ast

from bn2gn_codemod.plan import HiddenNorms, Place, SyncTestEdit
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.top_names import TopNames
from bn2gn_codemod.survey.freezing.effects import Effect
from bn2gn_codemod.survey.training.optimizers import Optimizer
from bn2gn_codemod.survey.training.scripts import TrainScripts


class HiddenByConversion:
    """Finds the tests that stand between a conversion and an optimizer.

    :attr:`edits` are those that mend one, by where the test stands.
    """

    def __init__(self, flow: Flow, scripts: TrainScripts) -> None:
        self._flow = flow
        self._scripts = scripts
        self._top_names = TopNames(flow)
        self.edits: dict[Place, SyncTestEdit] = {}

    def of(self, entry: Optimizer) -> list[HiddenNorms]:
        """The tests before an optimizer that were not told of before."""
        found: list[HiddenNorms] = []
        for effect, conversion in self._scripts.hidden(entry):
            test = effect.test_for_2d
            assert test is not None
            source = self._flow.by_path[effect.module_path].source
            column = source.column(test.lineno, test.col_offset)
            place = Place(effect.module_path, test.lineno, column)
            if place in self.edits:
                continue
            nn_name = self._nn_name(effect, test)
            where = entry.scope.place(conversion)
            if nn_name is None:
                reason = "torch.nn has no name in this file: test for both classes"
                found.append(HiddenNorms(place, where, reason=reason))
                continue
            self.edits[place] = SyncTestEdit(place, nn_name)
            found.append(HiddenNorms(place, where, fix=f"test for {nn_name}.SyncBatchNorm too"))
        return found

    def _nn_name(self, effect: Effect, test: ast.expr) -> str | None:
        """The source of ``torch.nn`` where the test stands."""
        assert isinstance(test, ast.Call)
        classes = test.args[1]
        if isinstance(classes, ast.Attribute) and classes.attr == "BatchNorm2d":
            return ast.unparse(classes.value)
        return self._top_names.torch_nn(effect.module_path)
