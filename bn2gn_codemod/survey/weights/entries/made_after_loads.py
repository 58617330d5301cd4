"""Parts that a constructor makes after it has loaded weights: they get none of them.

``self.load_state_dict(load_url(url))``, then ``self.extra = Extra(64)``. However strict the load
is, it says nothing of what is not there yet. So it is with a method that a script calls of what it
has loaded: ``net.load_state_dict(saved)``, then ``net.add_extra()``.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.syntax.nodes import call_name, walk
from bn2gn_codemod.survey.values import Function, FunctionValue, Instance, NormLayer, Value
from bn2gn_codemod.survey.weights.loads import Load

_ADDING = frozenset({"append", "extend", "insert", "add_module", "register_module", "update"})
_SETTING = frozenset({"setattr", "__setattr__"})


class MadeAfterLoads:
    """Asks the order of statements in constructors, and in the methods that they call."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def holds(self, slot: Slot, load: Load) -> bool:
        """Whether something in an attribute may be made after the load, and stored there alone.

        What is moved there from other attributes may have been loaded in these.
        """
        init = slot[0].methods.get("__init__")
        path, _, line = load.where.rpartition(":")
        if init is None or not line.isdigit():
            return False
        own = set(self._contents.layers_in(slot))
        loading = self._function_at(path, int(line))
        after = self._line_after(init, loading, int(line))
        if after is None or not own:
            return bool(own) and self._is_added_later(slot, path, int(line), loading)
        older: set[Value] = {
            value
            for other in self._contents.family_slots(slot[0])
            for value in (self._contents.layers_in(other) if other != slot else ())
        }
        values = self._contents.flow.value_of
        for one in walk(init.node):
            if isinstance(one, ast.Call) and one.lineno <= after:
                older.update(values(one))  # a container holds what is put into it later, too
        own = {value for value in own if value not in older or _is_in(value, init, after)}
        stored = self._stored(init, slot[1], after, {init}) if own else ()
        return any(not own.isdisjoint(values(expr)) for expr in stored)

    def _is_added_later(self, slot: Slot, path: str, line: int, loading: Function | None) -> bool:
        """Whether a method makes what an attribute holds, called where a script has loaded it."""
        flow = self._contents.flow
        where = loading or flow.top_level.get(path)
        init = slot[0].methods["__init__"]
        own = set(self._contents.layers_in(slot))
        for expr in self._stored(init, slot[1], 0, {init}):
            own.difference_update(flow.value_of(expr))
        calls = [call for _, call in flow.calls_in.get(where, ())] if where is not None else []
        loaded = {
            ast.unparse(call.func.value)
            for call in calls
            if isinstance(call.func, ast.Attribute)
            and call.lineno <= line <= (call.end_lineno or 0)
        }
        return any(
            not own.isdisjoint(flow.value_of(expr))
            for call in calls
            if call.lineno > line and isinstance(call.func, ast.Attribute)
            if ast.unparse(call.func.value) in loaded
            for value in flow.value_of(call.func)
            if isinstance(value, FunctionValue) and value.function.class_ in slot[0].ancestors()
            for expr in self._stored(value.function, slot[1], 0, {value.function})
        )

    def _line_after(self, init: Function, loading: Function | None, line: int) -> int | None:
        """The last line of the constructor that loads, itself or by what it calls."""
        if loading is init:
            return line
        family = init.class_.ancestors() if init.class_ is not None else []
        pending = [loading] if loading is not None else []
        lines: list[int] = []
        for function in pending:
            for caller, call in self._calls.of(function):
                if caller is init:
                    lines.append(call.end_lineno or call.lineno)
                elif caller not in pending and caller.class_ in family:
                    pending.append(caller)
        return max(lines, default=None)

    def _stored(
        self, function: Function, name: str, after: int, seen: set[Function]
    ) -> Iterator[ast.expr]:
        """What goes into an attribute, or into a container or under a name that is not written."""
        for node in walk(function.node):
            match node:
                case ast.expr() | ast.stmt() if node.lineno <= after:
                    pass
                case ast.Assign(targets=targets, value=value):
                    if any(_is_of(target, name) for target in targets):
                        yield value
                case ast.AugAssign(target=target, value=value):
                    yield value
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    if _is_of(target, name):
                        yield value
                case ast.Call(args=args) if call_name(node) in _ADDING | _SETTING:
                    yield from args
                case ast.Call(func=ast.Attribute(value=ast.Name(id=base), attr=called)):
                    cls = function.class_
                    method = cls.find_method(called) if cls is not None else None
                    if base == function.first_parameter and method not in (None, *seen):
                        assert method is not None
                        seen.add(method)
                        yield from self._stored(method, name, 0, seen)
                case _:
                    pass

    def _function_at(self, path: str, line: int) -> Function | None:
        """The innermost function around a line."""
        around = [
            one
            for one in self._functions.get(path, ())
            if one.node.lineno <= line <= (one.node.end_lineno or 0)  # type: ignore[union-attr]
        ]
        return max(around, key=lambda one: one.node.lineno, default=None)  # type: ignore[union-attr]

    @functools.cached_property
    def _functions(self) -> dict[str, list[Function]]:
        found: dict[str, list[Function]] = {}
        for one in self._contents.flow.functions:
            if isinstance(one.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found.setdefault(one.module.path, []).append(one)
        return found

    @functools.cached_property
    def _calls(self) -> CallSites:
        return CallSites(self._contents.flow)


def _is_in(value: Instance | NormLayer, init: Function, after: int) -> bool:
    spot = value.spot
    return spot is not None and spot.function is init and spot.line > after


def _is_of(target: ast.expr, name: str) -> bool:
    """Whether a target is the attribute, of whatever, or something in it."""
    return any(isinstance(one, ast.Attribute) and one.attr == name for one in walk(target))
