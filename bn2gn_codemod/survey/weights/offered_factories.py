"""Factories that give finished models to users alone: ``def net(pretrained=False)``."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.ways_to_code import Way, WaysToCode
from bn2gn_codemod.survey.statements.run_conditions import conditions_at
from bn2gn_codemod.survey.syntax.nodes import defaults_of, is_off
from bn2gn_codemod.survey.values import Function
from bn2gn_codemod.survey.weights.evaluations import Evaluations

_PRETRAINED = re.compile(r"pretrain|imagenet", re.IGNORECASE)


class OfferedFactories:
    """Tells them by the calls that come to what they load."""

    def __init__(self, flow: Flow, call_sites: CallSites, evaluations: Evaluations) -> None:
        self._ways = WaysToCode(flow, call_sites)
        self._evaluations = evaluations

    def are_offered(self, factory: Function, load: ast.AST) -> bool:
        """Whether a factory loads only what no training asks for, by the option that it hangs on.

        Who may ask for it, be it by what is handed over as a whole, is training unless it is seen
        to be none.
        """
        asked = conditions_at(factory, load)
        switches = _switched_off(factory)
        return any(one.text in switches for one in asked) and not any(
            self._asks(way) for way in self._ways.to(factory, asked)
        )

    def _asks(self, way: Way) -> bool:
        return not (
            way.is_closed or way.is_off or self._evaluations.has_no_training(way.function.module)
        )


def _switched_off(function: Function) -> set[str]:
    """The parameters that speak of pretrained weights, and say no unless they are given."""
    if isinstance(function.node, ast.Module):
        return set()
    return {
        one.arg
        for one, value in defaults_of(function.node.args)
        if _PRETRAINED.search(one.arg) and is_off(value)
    }
