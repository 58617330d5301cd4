"""Which of two pieces of code runs first.

They are compared in the innermost function from which both are reached, by
their order in its text.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.call_sites import CallSites
from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.syntax import is_off, is_super, unpacks, walk
from bn2gn_codemod.survey.values import Class, ClassValue, Function

_FARTHEST = 200  # functions looked at on the way up from one piece of code


class Event(NamedTuple):
    """Something that happens at ``node`` of a function, ``depth`` calls up from itself."""

    function: Function
    node: ast.AST
    depth: int


class CallOrder:
    """Finds the calls through which code is reached."""

    def __init__(self, flow: Flow, call_sites: CallSites) -> None:
        self._flow = flow
        self._call_sites = call_sites

    def events(
        self,
        function: Function,
        node: ast.AST,
        switch: str | None = None,
        of: Class | None = None,
    ) -> Iterator[Event]:
        """``node`` itself and the calls through which it is reached, nearest first.

        Calls that pass ``False`` or ``None`` for the parameter ``switch`` do not
        reach it, nor do those on an object that is not ``of`` this class.
        """
        seen: set[tuple[Function, ast.AST]] = set()
        pending = [(Event(function, node, 0), switch, of)]
        for event, switch, of in pending:
            if (event.function, event.node) in seen or len(seen) > _FARTHEST:
                continue
            seen.add((event.function, event.node))
            yield event
            for caller, call in self._call_sites.of(event.function):
                passed = _passed(event.function, call, switch)
                if passed is False:
                    continue
                further = passed if isinstance(passed, str) else None
                is_self = _is_about_self(call)
                if of is not None and not self._is_of(of, caller, call, is_self):
                    continue
                above = Event(caller, call, event.depth + 1)
                pending.append((above, further, of if is_self else None))

    def _is_of(self, of: Class, caller: Function, call: ast.Call, is_self: bool) -> bool:
        """Whether a call may be about an object of this very class."""
        if is_self:
            cls = caller.enclosing_class
            return cls is not None and cls in of.ancestors()
        made = [v.class_ for v in self._flow.value_of(call.func) if isinstance(v, ClassValue)]
        return not made or of in made


def _is_about_self(call: ast.Call) -> bool:
    """``self.f()``, ``super().f()`` and ``f(self)``."""
    about = [*call.args]
    if isinstance(call.func, ast.Attribute):
        about.append(call.func.value)
    return any(
        (isinstance(expr, ast.Name) and expr.id == "self") or is_super(expr) for expr in about
    )


# ---------------------------------------------------------------- switches


def switch_of(function: Function, node: ast.AST) -> str | None:
    """The parameter without which the code at ``node`` does not run."""
    scope = function.node
    if not isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    parameters = {argument.arg for argument in (*scope.args.args, *scope.args.kwonlyargs)}
    for inner in walk(scope):
        if isinstance(inner, ast.If) and any(
            below is node for statement in inner.body for below in walk(statement)
        ):
            name = _asked_name(inner.test)
            if name in parameters:
                return name
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg in ("pretrained", "weights") and isinstance(keyword.value, ast.Name):
                return keyword.value.id if keyword.value.id in parameters else None
    return None


def _asked_name(test: ast.expr) -> str | None:
    match test:
        case ast.Name(id=name):
            return name
        case ast.Compare(left=ast.Name(id=name), ops=[ast.IsNot() | ast.NotEq()]):
            return name
        case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=name), _]):
            return name
    return None


def _passed(function: Function, call: ast.Call, switch: str | None) -> str | bool:
    """What a call hands to the parameter ``switch``: ``False``, a name, or anything else."""
    scope = function.node
    if switch is None or not isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return True
    if unpacks(call):
        return True
    value = next((k.value for k in call.keywords if k.arg == switch), None)
    names = [argument.arg for argument in (*scope.args.posonlyargs, *scope.args.args)]
    if function.class_ is not None and not function.is_static:
        names = names[1:]
    if value is None and switch in names and names.index(switch) < len(call.args):
        value = call.args[names.index(switch)]
    if value is None:
        value = _default(scope, switch)
    if value is None:
        return True
    if isinstance(value, ast.Name):
        return value.id
    return not is_off(value)


def _default(scope: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> ast.expr | None:
    arguments = scope.args
    positional = [*arguments.posonlyargs, *arguments.args]
    for argument, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
        if argument.arg == name:
            return default
    for argument, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if argument.arg == name:
            return keyword_default
    return None


# ------------------------------------------------------------------- order


def comes_first(first: list[Event], second: list[Event]) -> bool:
    """Whether the first thing may run before the second, in the innermost common function."""
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
            runs_before = _precedes(event.function, other.node, event.node)
            decided = runs_before or (decided and distance == nearest)
            nearest = distance
    return decided


def _precedes(function: Function, first: ast.AST, second: ast.AST) -> bool:
    """Whether ``first`` runs before ``second`` where both are reached in one call."""
    scope = function.node
    path, other = _blocks_around(scope, first), _blocks_around(scope, second)
    for (block, index), (other_block, other_index) in zip(path, other, strict=False):
        if block is other_block:
            if index == other_index:
                continue
            return index < other_index and not _leaves_in(block, path)
        return False  # branches of one statement
    return _is_evaluated_before(first, second)


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


def _blocks_around(scope: ast.AST, node: ast.AST) -> list[tuple[list[ast.stmt], int]]:
    """The blocks that ``node`` stands in, outermost first, and where in each."""
    found: list[tuple[list[ast.stmt], int]] = []
    current: ast.AST = scope
    while True:
        step = _step(current, node)
        if step is None:
            return found
        found.append(step)
        current = step[0][step[1]]
        if current is node:
            return found


def _step(holder: ast.AST, node: ast.AST) -> tuple[list[ast.stmt], int] | None:
    holders = [holder, *getattr(holder, "handlers", ()), *getattr(holder, "cases", ())]
    for part in holders:
        for field in ("body", "orelse", "finalbody"):
            block = getattr(part, field, None)
            if not isinstance(block, list):
                continue
            for index, statement in enumerate(block):
                if _spans(statement, node) and any(inner is node for inner in walk(statement)):
                    return block, index
    return None


def _spans(statement: ast.stmt, node: ast.AST) -> bool:
    """Whether the node's line is one of the statement's, decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    line: int = getattr(node, "lineno", first)
    return first <= line <= (statement.end_lineno or first)
