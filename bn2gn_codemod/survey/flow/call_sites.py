"""Where functions are called from."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.syntax.nodes import call_name
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    Function,
    FunctionValue,
    Instance,
    Value,
)


class CallSites:
    """The calls of every function of the repository."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._known: dict[tuple[Function, Class], bool] = {}

    def of(self, function: Function) -> list[tuple[Function, ast.Call]]:
        """Calls of the function, also by ``apply``, each with the function it stands in."""
        return self._found.get(function, [])

    def are_for(self, function: Function, network: Class) -> bool:
        """Whether a function outside of classes is called to build one network, and only so.

        ``make_layers(cfg)`` is for VGG where all that call it are methods of VGG,
        functions that give a VGG, or such functions again; or in ``VGG(make_layers(cfg))``.
        """
        key = (function, network)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._are_for(function, network)
        return known

    def _are_for(self, function: Function, network: Class) -> bool:
        seen = {function}
        pending = [function]
        while pending:
            calls = self.of(pending.pop())
            if not calls:
                return False
            for caller, call in calls:
                if self._is_handed_to(caller, call, network):
                    continue
                if caller.enclosing_class is not None:
                    if caller.enclosing_class not in network.ancestors():
                        return False
                elif caller not in seen and not self._gives(caller, network):
                    seen.add(caller)
                    pending.append(caller)
        return True

    def _gives(self, function: Function, network: Class) -> bool:
        """Whether a function gives objects of one class and of no other."""
        return _are_all(self._flow.values(self._flow.return_node(function)), network)

    def _is_handed_to(self, caller: Function, call: ast.Call, network: Class) -> bool:
        """Whether what a call gives goes into the constructor of one class and nowhere else."""
        return any(
            call in outer.args or any(call is keyword.value for keyword in outer.keywords)
            for _, outer in self._flow.calls_in.get(caller, ())
            if _makes(self._flow.value_of(outer.func), network)
        )

    @functools.cached_property
    def _found(self) -> dict[Function, list[tuple[Function, ast.Call]]]:
        found: dict[Function, list[tuple[Function, ast.Call]]] = {}
        for caller, calls in self._flow.calls_in.items():
            for _, call in calls:
                for callee in dict.fromkeys(self._callees(caller, call)):
                    found.setdefault(callee, []).append((caller, call))
        return found

    def _callees(self, caller: Function, call: ast.Call) -> Iterator[Function]:
        func = call.func
        if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call):
            cls = caller.enclosing_class
            if call_name(func.value) == "super" and cls is not None:
                for parent in cls.parents:
                    method = parent.find_method(func.attr)
                    if method is not None:
                        yield method
                return
        given = call.args if call_name(call) == "apply" else []
        for expr in (func, *given):
            for value in self._flow.value_of(expr):
                if isinstance(value, FunctionValue):
                    yield value.function
                elif isinstance(value, ClassValue) and expr is func:
                    init = value.class_.find_method("__init__")
                    if init is not None:
                        yield init


def _are_all(values: Iterable[Value], network: Class) -> bool:
    given = {value.class_ for value in values if isinstance(value, Instance)}
    return bool(given) and given <= set(network.descendants())


def _makes(callees: Iterable[Value], network: Class) -> bool:
    found = list(callees)
    return bool(found) and all(
        isinstance(value, ClassValue) and value.class_ in network.descendants() for value in found
    )


def called_function(value: Value) -> Function | None:
    """The function that a call of a value runs: of a class, its constructor."""
    match value:
        case FunctionValue(function=function):
            return function
        case ClassValue(class_=cls):
            return cls.find_method("__init__")
        case _:
            return None
