"""Trainings that code begins with a model, be it by way of other modules: ``engine.fit(net)``.

What makes the optimizer, or goes through the data, may be a function that is handed the model, a
method of what holds it, or what such code calls in turn. What only evaluates comes to neither.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.optimizer_calls import is_fitted, optimizer_call
from bn2gn_codemod.survey.syntax.nodes import given_arguments, walk
from bn2gn_codemod.survey.values import (
    ClassValue,
    Function,
    FunctionValue,
    Instance,
    TupleValue,
    Value,
)
from bn2gn_codemod.survey.weights.evaluations import Evaluations

# A loop that trains: others go backward to look at gradients, or step through something else.
_GOES_BACKWARD = re.compile(r"\.backward\(")
_STEPS = re.compile(r"\.step\(")

Models = frozenset[Value]


class StartedTrainings:
    """Tells the calls by which a training of one model begins."""

    def __init__(self, flow: Flow, evaluations: Evaluations) -> None:
        self._flow = flow
        self._evaluations = evaluations
        self._train: dict[Function, bool] = {}

    def direct(self, function: Function) -> list[ast.Call]:
        """The calls of a function that make an optimizer, or drive a training themselves."""
        return [call for _, call in self._flow.calls_in.get(function, ()) if self._begins(call)]

    def by_others(self, function: Function, models: Models) -> list[ast.Call]:
        """The calls that give the model, or what holds it, to code which trains it."""
        return [
            call
            for _, call in self._flow.calls_in.get(function, ())
            if self._comes_to_training(function, call, models)
        ]

    def given_by(self, call: ast.expr) -> Iterator[Value]:
        """What a call gives, also where it gives several things."""
        for value in self._flow.value_of(call):
            yield value
            if isinstance(value, TupleValue):
                for node in value.elements:
                    yield from self._flow.values(node)

    def _comes_to_training(self, function: Function, call: ast.Call, models: Models) -> bool:
        callees = list(self._trainers(function, call, models))
        found = (self._is_trained_by(callee, models) for callee in callees)
        # A registry may give what evaluates as well as what trains.
        if len(callees) > 1 and self._evaluations.only_evaluates(function.module):
            return all(found)
        return any(found)

    def _is_trained_by(self, function: Function, models: Models) -> bool:
        seen: set[Function] = set()
        pending = [function]
        while pending:
            callee = pending.pop()
            if callee in seen:
                continue
            seen.add(callee)
            if self._trains(callee):
                return True
            for _, inner in self._flow.calls_in.get(callee, ()):
                pending.extend(self._trainers(callee, inner, models))
        return False

    def _trainers(self, function: Function, call: ast.Call, models: Models) -> Iterator[Function]:
        """What a call calls with the model, or as a method of what has it."""
        callees = [
            callee
            for value in self._flow.value_of(call.func)
            if (callee := _called(value)) is not None
        ]
        if callees and self._is_about(function, call, models):
            yield from callees

    def _is_about(self, function: Function, call: ast.Call, models: Models) -> bool:
        match call.func:
            case ast.Attribute(value=ast.Name(id=owner)) if function.class_ is not None:
                if owner == function.first_parameter:
                    return True
            case _:
                pass
        about = given_arguments(call)
        if isinstance(call.func, ast.Attribute):
            about.append(call.func.value)
        return any(
            not models.isdisjoint(self._flow.value_of(part))
            for expr in about
            for part in walk(expr)
            if isinstance(part, (ast.Name, ast.Attribute, ast.Call))
        )

    def _trains(self, function: Function) -> bool:
        known = self._train.get(function)
        if known is None:
            known = self._train[function] = bool(self.direct(function)) or _is_loop(function)
        return known

    def _begins(self, call: ast.Call) -> bool:
        """Whether an optimizer is made for a model, here or by what drives the training."""
        return optimizer_call(self._flow, call) is not None or is_fitted(self._flow, call)


def holders(values: Iterator[Value], function: Function) -> Models:
    """Those objects that a function is a method of."""
    cls = function.class_
    return frozenset(
        value
        for value in values
        if isinstance(value, Instance) and cls is not None and cls in value.class_.ancestors()
    )


def _called(value: Value) -> Function | None:
    match value:
        case FunctionValue(function=function):
            return function
        case ClassValue(class_=cls):
            return cls.find_method("__init__")
        case _:
            return None


def _is_loop(function: Function) -> bool:
    text = ast.unparse(function.node)
    return _GOES_BACKWARD.search(text) is not None and _STEPS.search(text) is not None
