"""Strict loads that code lets fail: ``except RuntimeError: net.load_state_dict(stripped)``.

Made lenient, such a load raises no error any more: the fallback never runs, and a file whose
keys all begin with ``module.`` loads nothing. Nor may the fallback alone be made lenient: what
it strips may be the keys of a file that failed for its layers.
"""

from __future__ import annotations

import ast
import builtins
import functools
import re
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.syntax.nodes import call_name, flat, walk
from bn2gn_codemod.survey.values import Function

_LOAD = "load_state_dict"
# Contexts that take an error: ``contextlib.suppress``, ``pytest.raises``, ``self.assertRaises``.
_TAKES = re.compile(r"^(?:suppress|ignored|raises|assertRaises(?:Regexp?)?)$")
_LEAVES = re.compile(r"^(?:exit|_exit|quit|abort|fail)$")
_SAYS = re.compile(r"^(?:print|print_exc|log|debug|info|warn|warning|error|exception|critical)$")
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


class AwaitedErrors:
    """Tells whether code around a load, or around calls of its function, goes on after an error."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._calls = CallSites(flow)

    def reason(self, function: Function, call: ast.Call) -> str:
        """What a strict load's error is awaited by, for a message; ``""`` if it ends the run."""
        if isinstance(function.node, ast.Lambda):
            return ""
        awaited = list(_awaited(function.node.body))
        if any(call in walk(part) for part in awaited):
            return "the code around it goes on when a strict load fails"
        others = {_root(one) for one in _loads(awaited)}
        for tried in self._tried_in.get(function, ()):
            others.update(map(_root, [tried.func, *tried.args]))
        if _root(call) in others:
            return "what it loads depends on whether another strict load fails"
        caller = self._awaiting(function)
        return f"{caller} calls it, and goes on when it fails" if caller else ""

    @functools.cached_property
    def _tried_in(self) -> dict[Function, list[ast.Call]]:
        """By function, its calls of what goes on after a strict load: ``if not tried(net): ...``"""
        trying = {
            function
            for function in {load.spot.function for load in self._flow.load_calls}
            if not isinstance(function.node, ast.Lambda) and _loads(_awaited(function.node.body))
        }
        found: dict[Function, list[ast.Call]] = {}
        for function in trying:
            for caller, call in self._calls.of(function):
                found.setdefault(caller, []).append(call)
        return found

    def _awaiting(self, function: Function) -> str:
        """The function, or the file, that goes on when a call of the function fails."""
        seen = {function}
        pending = [function]
        for one in pending:  # grows
            for caller, call in self._calls.of(one):
                if isinstance(caller.node, ast.Lambda):
                    continue
                parts = _awaited(caller.node.body, outside=True)
                if any(call in walk(part) for part in parts):
                    return caller.name or caller.module.path
                if caller not in seen:
                    seen.add(caller)
                    pending.append(caller)
        return ""


def _awaited(body: list[ast.stmt], *, outside: bool = False) -> Iterator[ast.stmt]:
    """The statements whose errors are taken, and those that run after one.

    With ``outside``, what only says that a whole run has failed does not count.
    """
    in_loops = {id(one) for loop in flat(body) if isinstance(loop, _LOOPS) for one in flat([loop])}
    for statement in flat(body):
        match statement:
            case ast.Try(body=tried, handlers=handlers):
                may_say = outside and id(statement) not in in_loops
                taking = [one for one in handlers if _takes_a_load_error(one.type)]
                if any(_goes_on(one) and not (may_say and _only_says(one)) for one in taking):
                    yield from tried
                    yield from (inner for one in taking for inner in one.body)
            case ast.With(items=items, body=tried) | ast.AsyncWith(items=items, body=tried):
                if any(_takes(item.context_expr) for item in items):
                    yield from tried


def _takes(context: ast.expr) -> bool:
    return (
        isinstance(context, ast.Call)
        and _TAKES.search(call_name(context)) is not None
        and any(map(_takes_a_load_error, context.args))
    )


def _takes_a_load_error(kind: ast.expr | None) -> bool:
    """Whether a handler takes a ``RuntimeError``; of names that are not builtin that is open."""
    if isinstance(kind, ast.Tuple):
        return any(map(_takes_a_load_error, kind.elts))
    error = getattr(builtins, kind.id, None) if isinstance(kind, ast.Name) else None
    return not isinstance(error, type) or issubclass(RuntimeError, error)


def _goes_on(handler: ast.ExceptHandler) -> bool:
    match handler.body[-1]:
        case ast.Raise():
            ends = True
        case ast.Expr(value=ast.Call() as call):
            ends = _LEAVES.search(call_name(call)) is not None
        case _:
            ends = False
    leaves = (ast.Return, ast.Continue, ast.Break)
    return not ends or any(isinstance(one, leaves) or _is_load(one) for one in walk(handler))


def _only_says(handler: ast.ExceptHandler) -> bool:
    return all(
        isinstance(one, ast.Pass)
        or (
            isinstance(one, ast.Expr)
            and isinstance(one.value, ast.Call)
            and _SAYS.search(call_name(one.value)) is not None
        )
        for one in handler.body
    )


def _loads(parts: Iterable[ast.stmt]) -> list[ast.AST]:
    return [one for part in parts for one in walk(part) if _is_load(one)]


def _is_load(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and call_name(node) == _LOAD


def _root(node: ast.AST) -> str:
    """The variable that a load is for: of ``net.module.load_state_dict(...)`` that is ``net``."""
    while isinstance(node, (ast.Call, ast.Attribute, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
