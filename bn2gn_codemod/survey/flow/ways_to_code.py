"""The calls by which code is come to, and those that keep what it asks for from being so.

``if pretrained: net.load(...)`` in ``resnet50(pretrained)``, and ``resnet50(False)``: that way does
not lead there. It may do so through functions that hand the answer on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.hidden_calls import HiddenCalls
from bn2gn_codemod.survey.statements.run_conditions import (
    Condition,
    Conditions,
    conditions_above,
    conditions_at,
    handed,
)
from bn2gn_codemod.survey.syntax.nodes import given_arguments
from bn2gn_codemod.survey.values import Function

_BARE = ast.Call(func=ast.Name(id="_", ctx=ast.Load()), args=[], keywords=[])
_DEEPEST = 5  # functions that hand the answer on to another one


class Way(NamedTuple):
    """One way to code, as far up as it was followed."""

    function: Function
    calls: tuple[ast.Call, ...]  # those that were looked at, the last one first
    is_closed: bool  # that call is at odds with what the code asks for
    said: tuple[str, ...] = ()  # the parameters by which it says so, and leaves it to no default
    is_off: bool = False  # nothing is seen to call the function, which says so by its defaults


class WaysToCode:
    """Goes up from code to those that call it."""

    def __init__(self, flow: Flow, call_sites: CallSites) -> None:
        self._call_sites = call_sites
        self._hidden = HiddenCalls(flow)

    def to(self, function: Function, conditions: Conditions) -> Iterator[Way]:
        """All ways to code in a function that runs under ``conditions``, beyond the function."""
        yield from self._to(function, (), conditions, (function,))

    def _to(
        self,
        function: Function,
        calls_behind: tuple[ast.Call, ...],
        conditions: Conditions,
        behind: tuple[Function, ...],
    ) -> Iterator[Way]:
        calls, hidden = self._call_sites.of(function), self._hidden.of(function)
        for one in hidden:
            is_closed = conditions_above(conditions, function, one, function) is None
            said = _denied(conditions, function, one) if is_closed else ()
            yield Way(function, (one, *calls_behind), is_closed=is_closed, said=said)
        if hidden and not calls:
            return
        if not calls or len(behind) > _DEEPEST:
            is_off = not calls and conditions_above(conditions, function, _BARE, function) is None
            yield Way(function, calls_behind, is_closed=False, is_off=is_off)
            return
        for caller, one in calls:
            if caller in behind:
                continue  # it is come to from elsewhere before
            above = conditions_above(conditions, function, one, caller)
            if above is None:
                said = _denied(conditions, function, one)
                yield Way(caller, (one, *calls_behind), is_closed=True, said=said)
            else:
                above |= conditions_at(caller, one)
                yield from self._to(caller, (one, *calls_behind), above, (*behind, caller))


def _denied(conditions: Conditions, function: Function, call: ast.Call) -> tuple[str, ...]:
    return tuple(sorted(c.text for c in conditions if _says_otherwise(function, call, c)))


def _says_otherwise(function: Function, call: ast.Call, condition: Condition) -> bool:
    """Whether a call hands over the opposite of a condition: ``False``, which is no path yet."""
    if condition.owner is not function:
        return False
    given = handed(function, call, condition.text)
    return (
        isinstance(given, ast.Constant)
        and given.value is (not condition.holds)
        and given in given_arguments(call)
    )
