"""Which of two pieces of code runs first.

They are compared in the innermost function from which both are reached, by
their order in its text.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.statements.run_conditions import (
    NONE,
    Conditions,
    blocks_around,
    conditions_above,
    conditions_at,
    exclude,
    weights_asked,
)
from bn2gn_codemod.survey.syntax.nodes import is_super, target_names, walk
from bn2gn_codemod.survey.values import Class, ClassValue, Function

# Whether a call in a function hands over what is looked for.
Hands = Callable[[Function, ast.Call], bool]
# Whether an object that a constructor makes may hold what is looked for from elsewhere.
Holds = Callable[[Function], bool]
_FARTHEST = 200  # functions looked at on the way up from one piece of code


class Event(NamedTuple):
    """Something that happens at ``node`` of a function, ``depth`` calls up from itself.

    ``to_new``: to an object that is made there, of which nothing was there before.
    """

    function: Function
    node: ast.AST
    depth: int
    conditions: Conditions = NONE
    to_new: bool = False


# Conditions in a function, and a call of it in another one.
_Way = tuple[Conditions, Function, ast.Call, Function]


class CallOrder:
    """Finds the calls through which code is reached."""

    def __init__(self, flow: Flow, call_sites: CallSites) -> None:
        self._flow = flow
        self._call_sites = call_sites
        # Found out once: many loads and loops are reached through the same calls.
        self._blocks: dict[tuple[Function, ast.AST], list[tuple[list[ast.stmt], int]]] = {}
        self._conditions_at: dict[tuple[Function, ast.AST], Conditions] = {}
        self._conditions_above: dict[_Way, Conditions | None] = {}

    def events(
        self,
        function: Function,
        node: ast.AST,
        of: Class | None = None,
        hands: Hands | None = None,
        holds: Holds | None = None,
    ) -> Iterator[Event]:
        """``node`` itself and the calls through which it is reached, nearest first.

        Left out are calls with arguments under which ``node`` is not reached, those on an
        object that is not ``of`` this class, and those that hand over something else, as
        far as what the function is about comes in as an argument.
        """
        seen: set[tuple[Function, ast.AST, Conditions, bool]] = set()
        conditions = self._at(function, node) | weights_asked(function, node)
        is_handed = hands is not None and _takes_what_it_is_about(function)
        pending = [(Event(function, node, 0, conditions), of, is_handed)]
        for event, of, is_handed in pending:
            key = (event.function, event.node, event.conditions, event.to_new)
            if key in seen or len(seen) > _FARTHEST:
                continue
            seen.add(key)
            yield event
            for caller, call in self._call_sites.of(event.function):
                above = self._above((event.conditions, event.function, call, caller))
                if above is None:
                    continue
                is_self = _is_about_self(call)
                if of is not None and not self._is_of(of, caller, call, is_self):
                    continue
                if hands is not None and is_handed and not hands(caller, call):
                    continue
                met = above | self._at(caller, call)
                further = is_handed and (caller is event.function or _hands_on(caller, call))
                to_new = event.to_new or (
                    holds is not None
                    and self._makes(event.function, call)
                    and not holds(event.function)
                )
                found = Event(caller, call, event.depth + 1, met, to_new)
                pending.append((found, of if is_self else None, further))

    def _at(self, function: Function, node: ast.AST) -> Conditions:
        key = function, node
        if key not in self._conditions_at:
            self._conditions_at[key] = conditions_at(function, node)
        return self._conditions_at[key]

    def _above(self, way: _Way) -> Conditions | None:
        if way not in self._conditions_above:
            self._conditions_above[way] = conditions_above(*way)
        return self._conditions_above[way]

    def _makes(self, function: Function, call: ast.Call) -> bool:
        """Whether a call of a constructor makes the object, rather than being part of that."""
        return function.is_constructor and any(
            isinstance(value, ClassValue) for value in self._flow.value_of(call.func)
        )

    def _is_of(self, of: Class, caller: Function, call: ast.Call, is_self: bool) -> bool:
        """Whether a call may be about an object of this very class."""
        if is_self:
            cls = caller.enclosing_class
            return cls is not None and cls in of.ancestors()
        made = [v.class_ for v in self._flow.value_of(call.func) if isinstance(v, ClassValue)]
        return not made or of in made

    # -------------------------------------------------------------- order

    def comes_first(self, first: list[Event], second: list[Event]) -> bool:
        """Whether the first thing may run before the second, in the innermost common function."""
        return self.distance_before(first, second) is not None

    def distance_before(self, first: list[Event], second: list[Event]) -> int | None:
        """How many calls lie between the two; ``None`` where the first does not come first."""
        by_function: dict[Function, list[Event]] = {}
        for event in first:
            by_function.setdefault(event.function, []).append(event)
        nearest: int | None = None
        decided = False
        for event in second:
            for other in by_function.get(event.function, ()):
                if other.node is event.node:
                    continue
                distance = event.depth + other.depth
                if nearest is not None and distance > nearest:
                    continue
                is_either = exclude(other.conditions, event.conditions)
                runs_before = not (is_either or event.to_new) and self._precedes(
                    event.function, other.node, event.node
                )
                decided = runs_before or (decided and distance == nearest)
                nearest = distance
        return nearest if decided else None

    def _precedes(self, function: Function, first: ast.AST, second: ast.AST) -> bool:
        """Whether ``first`` runs before ``second`` where both are reached in one call."""
        path, other = self._around(function, first), self._around(function, second)
        for (block, index), (other_block, other_index) in zip(path, other, strict=False):
            if block is other_block:
                if index == other_index:
                    continue
                return index < other_index and not _leaves_in(block, path)
            return False  # branches of one statement
        return _is_evaluated_before(first, second)

    def _around(self, function: Function, node: ast.AST) -> list[tuple[list[ast.stmt], int]]:
        key = function, node
        if key not in self._blocks:
            self._blocks[key] = blocks_around(function.node, node)
        return self._blocks[key]


def _is_about_self(call: ast.Call) -> bool:
    """``self.f()``, ``super().f()`` and ``f(self)``."""
    about = [*call.args]
    if isinstance(call.func, ast.Attribute):
        about.append(call.func.value)
    return any(
        (isinstance(expr, ast.Name) and expr.id == "self") or is_super(expr) for expr in about
    )


def about(call: ast.Call) -> list[ast.expr]:
    """What a call is about: its arguments, and the owner of its method."""
    owner = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    return [*call.args, *(keyword.value for keyword in call.keywords), *owner]


def _takes_what_it_is_about(function: Function) -> bool:
    """Whether a function is no method: what it goes over is an argument."""
    return function.class_ is None and not isinstance(function.node, ast.Module)


def _hands_on(caller: Function, call: ast.Call) -> bool:
    """Whether a call is about a parameter of its function, or what a loop takes out of one."""
    if not _takes_what_it_is_about(caller):
        return False
    given = set(caller.parameters)
    for loop in walk(caller.node):
        if isinstance(loop, ast.For) and any(
            isinstance(node, ast.Name) and node.id in given for node in walk(loop.iter)
        ):
            given.update(target_names(loop.target))
    return any(isinstance(expr, ast.Name) and expr.id in given for expr in about(call))


def _is_evaluated_before(first: ast.AST, second: ast.AST) -> bool:
    """The order of two calls of one statement: arguments come before the call."""
    if any(inner is first for inner in walk(second)):
        return True
    if any(inner is second for inner in walk(first)):
        return False
    places = [(getattr(n, "lineno", 0), getattr(n, "col_offset", 0)) for n in (first, second)]
    return places[0] < places[1]


def _leaves_in(block: list[ast.stmt], path: list[tuple[list[ast.stmt], int]]) -> bool:
    """Whether the function is left, where the path goes on below ``block``."""
    inner = path[[around is block for around, _ in path].index(True) + 1 :]
    return any(isinstance(body[-1], (ast.Return, ast.Raise)) for body, _ in inner)
