"""Factories that give finished models to users alone: ``def net(pretrained=False)``."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.ways_to_code import Way, WaysToCode
from bn2gn_codemod.survey.statements.run_conditions import conditions_at
from bn2gn_codemod.survey.syntax.nodes import defaults_of, is_off
from bn2gn_codemod.survey.values import Class, Function, Instance
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations

_PRETRAINED = re.compile(r"pretrain|imagenet", re.IGNORECASE)


class OfferedFactories:
    """Tells them by the calls that come to what they load."""

    def __init__(
        self,
        flow: Flow,
        call_sites: CallSites,
        evaluations: Evaluations,
        is_loaded_network: Callable[[Class], bool],
    ) -> None:
        self._flow = flow
        self._is_loaded_network = is_loaded_network
        self._ways = WaysToCode(flow, call_sites)
        self._evaluations = evaluations

    def are_offered(self, factory: Function, load: ast.AST) -> bool:
        """Whether a factory loads only what no training asks for, by the option that it hangs on.

        Who may ask for it, be it by what is handed over as a whole, is training unless it is seen
        to be none. What a decorator hands on, as a registry's does, others may call as they like.
        """
        if _is_decorated(factory):
            return False
        asked = conditions_at(factory, load)
        switches = _switched_off(factory)
        return any(one.text in switches for one in asked) and not any(
            self._asks(way, switches) for way in self._ways.to(factory, asked)
        )

    def _asks(self, way: Way, switches: set[str]) -> bool:
        return not (
            way.is_closed
            or (way.is_off and not _is_decorated(way.function))
            or self._evaluations.only_evaluates(way.function.module)
            or self._is_for_networks(way, switches)
        )

    def _is_for_networks(self, way: Way, switches: set[str]) -> bool:
        """``get_model(args.model, **options)`` that gives ImageNet's networks, too: theirs."""
        for call in way.calls:
            values = self._flow.value_of(call)
            given = {one.class_ for one in values if isinstance(one, Instance)}
            if any(cls.is_module for cls in given):
                names = {keyword.arg for keyword in call.keywords}
                is_dict = None in names and not names & switches
                return is_dict and any(map(self._is_loaded_network, given))
        return False


def _switched_off(function: Function) -> set[str]:
    """The parameters that speak of pretrained weights, and say no unless they are given."""
    if isinstance(function.node, ast.Module):
        return set()
    return {
        one.arg
        for one, value in defaults_of(function.node.args)
        if _PRETRAINED.search(one.arg) and is_off(value)
    }


def _is_decorated(function: Function) -> bool:
    """Whether a decorator, as a registry's, may have others call the function by its name."""
    return bool(getattr(function.node, "decorator_list", ()))
