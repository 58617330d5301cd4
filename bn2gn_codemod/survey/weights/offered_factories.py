"""Factories that give finished models to users alone: ``def net(pretrained=False)``."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.ways_to_code import Way, WaysToCode
from bn2gn_codemod.survey.statements.run_conditions import conditions_at
from bn2gn_codemod.survey.syntax.nodes import defaults_of, is_off, walk, walk_scope
from bn2gn_codemod.survey.values import Function, Instance
from bn2gn_codemod.survey.weights.evaluations import Evaluations

_PRETRAINED = re.compile(r"pretrain|imagenet", re.IGNORECASE)


class OfferedFactories:
    """Tells them by the calls that come to what they load."""

    def __init__(self, flow: Flow, call_sites: CallSites, evaluations: Evaluations) -> None:
        self._flow = flow
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
            self._asks(way, switches) for way in self._ways.to(factory, asked)
        )

    def _asks(self, way: Way, switches: set[str]) -> bool:
        return not (
            way.is_closed
            or way.is_off
            or self._evaluations.only_evaluates(way.function.module)
            or (way.call is not None and _is_silent(way.function, way.call, switches))
            or self._is_factory_for_users(way.function)
        )

    def _is_factory_for_users(self, function: Function) -> bool:
        """``def get_model(name, **kwargs)`` that nothing calls, and that hands on what it gets."""
        given = self._flow.values(self._flow.return_node(function))
        return (
            isinstance(function.node, ast.FunctionDef)
            and not function.node.decorator_list
            and bool(function.extra_parameters)
            and not self._ways.is_called(function)
            and any(isinstance(one, Instance) for one in given)
        )


def _is_silent(caller: Function, call: ast.Call, switches: set[str]) -> bool:
    """Whether all that a call hands over is written there, and no switch: ``build(**options)``."""
    unpacked = [one.value for one in call.keywords if one.arg is None]
    return bool(unpacked) and not (
        any(isinstance(one, ast.Starred) for one in call.args)
        or any(one.arg in switches for one in call.keywords)
        or not all(
            isinstance(one, ast.Name) and _is_written(caller, one, switches) for one in unpacked
        )
    )


def _is_written(caller: Function, unpacked: ast.Name, switches: set[str]) -> bool:
    """Whether a dict is made in a function, and gets no switch but one that is off."""
    uses = {unpacked}
    for node in walk_scope(caller.node):
        match node:
            case ast.Assign(targets=[ast.Name() as name], value=ast.Dict(keys=keys, values=values)):
                entries = zip(keys, values, strict=True)
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name() as name, slice=ast.Constant() as key)],
                value=value,
            ):
                entries = zip([key], [value], strict=True)
            case _:
                continue
        if name.id == unpacked.id and not any(
            not isinstance(key, ast.Constant) or (key.value in switches and not is_off(value))
            for key, value in entries
        ):
            uses.add(name)
    return (
        len(uses) > 1
        and unpacked.id not in caller.parameters
        and all(
            node in uses
            for node in walk(caller.node)
            if isinstance(node, ast.Name) and node.id == unpacked.id
        )
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
