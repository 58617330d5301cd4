"""Trainings that code begins with a model, be it by way of other modules: ``engine.fit(net)``.

What makes the optimizer, or goes through the data, may be a function that is handed the model, a
method of what holds it, or what such code calls in turn. What only evaluates comes to neither.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.call_sites import called_function
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.module_importers import importers
from bn2gn_codemod.survey.flow.optimizer_calls import is_fitted, optimizer_call, trained_by_others
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.statements.made_object_uses import method_calls
from bn2gn_codemod.survey.syntax.nodes import call_name, given_arguments, walk, walk_scope
from bn2gn_codemod.survey.values import (
    ClassValue,
    Function,
    FunctionValue,
    Instance,
    TupleValue,
    Value,
)
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations, evaluates
from bn2gn_codemod.survey.weights.starts.optimized_models import OptimizedModels
from bn2gn_codemod.survey.weights.starts.tested_objects import TestedObjects

# A loop that trains: others go backward to look at gradients, or step through something else.
_GOES_BACKWARD = re.compile(r"\.backward\(")
_STEPS = re.compile(r"\.step\(")

Models = frozenset[Value]


class StartedTrainings:
    """Tells the calls by which a training of one model begins."""

    def __init__(self, contents: Contents, evaluations: Evaluations) -> None:
        self._flow = contents.flow
        self._evaluations = evaluations
        self.optimized = OptimizedModels(contents)
        self._tested = TestedObjects(contents.flow, self._reached)
        self._direct: dict[Function, list[ast.Call]] = {}
        self._open: dict[Function, list[tuple[ast.Call, list[ast.expr]]]] = {}
        self._loops: dict[Function, bool] = {}

    def direct(self, function: Function, models: Models) -> list[ast.Call]:
        """The calls of a function that make an optimizer, or drive a training themselves.

        One that is made for other models alone is none of this one's. Where none is known by its
        name, there is what code that is not here may make, or the steps of a loop.
        """
        known = self._direct.get(function)
        if known is None:
            calls = self._flow.calls_in.get(function, ())
            known = self._direct[function] = [call for _, call in calls if self._begins(call)]
        own = [
            call
            for call in known
            if not self.optimized.is_of_others(function, call, models)
            and not self._is_left_alone(function, call, models)
        ]
        return own or self._unnamed(function, models) or self._steps(function, models)

    def _unnamed(self, function: Function, models: Models) -> list[ast.Call]:
        """What may make an optimizer of a model, for all that is known of what is called."""
        known = self._open.get(function)
        if known is None:
            calls = self._flow.calls_in.get(function, ())
            given = ((call, trained_by_others(self._flow, call)) for _, call in calls)
            known = self._open[function] = [one for one in given if one[1]]
        return [
            call
            for call, owners in known
            if not all(self.optimized.are_others(owner, models) for owner in owners)
        ]

    def _steps(self, function: Function, models: Models) -> list[ast.Call]:
        """Where a loop in a function goes backward that sets a model to train mode."""
        if not self._is_loop(function) or not any(
            self._is_set_to_train(call, models) for _, call in self._flow.calls_in.get(function, ())
        ):
            return []
        calls = [node for node in walk(function.node) if isinstance(node, ast.Call)]
        return [call for call in calls if call_name(call) == "backward"]

    def _is_set_to_train(self, call: ast.Call, models: Models) -> bool:
        match call:
            case ast.Call(func=ast.Attribute(attr="train"), args=[ast.Constant(value=False)]):
                return False
            case ast.Call(func=ast.Attribute(value=owner, attr="train")):
                return not models.isdisjoint(self._flow.value_of(owner))
            case _:
                return False

    def loops(self, function: Function, models: Models) -> list[ast.Call]:
        """Where a function that makes the optimizer itself trains: ``loss.backward()``.

        What is loaded after the optimizer is made, and before that, is what it starts from as well.
        """
        if not self.direct(function, models):
            return []
        return [
            call
            for _, call in self._flow.calls_in.get(function, ())
            if isinstance(call.func, ast.Attribute) and call.func.attr == "backward"
        ]

    def by_others(self, function: Function, models: Models) -> list[ast.Call]:
        """The calls that give the model, or what holds it, to code which trains it."""
        return [
            call
            for _, call in self._flow.calls_in.get(function, ())
            if self._comes_to_training(function, call, models)
            and not self._is_made_for_other_uses(function, call, models)
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
        return any(
            self._is_loop(callee) or self.direct(callee, models)
            for callee in self._reached(function, models)
        )

    def _reached(self, function: Function, models: Models) -> Iterator[Function]:
        """A function, and what it calls with the models, in any number of steps."""
        seen: set[Function] = set()
        pending = [function]
        while pending:
            callee = pending.pop()
            if callee in seen:
                continue
            seen.add(callee)
            yield callee
            for _, inner in self._flow.calls_in.get(callee, ()):
                pending.extend(self._trainers(callee, inner, models))

    def _is_made_for_other_uses(self, function: Function, call: ast.Call, models: Models) -> bool:
        """Whether a call makes a trainer, and only what tests is called of that.

        ``engine = Engine(net)`` makes an optimizer, and ``engine.test(data)`` needs none.
        """
        classes = list(self._flow.value_of(call.func))
        made = list(self._flow.value_of(call))
        methods = list(method_calls(function, call))
        if not (methods and all(isinstance(one, ClassValue) for one in classes)):
            return False
        if not all(isinstance(one, Instance) for one in made):
            return False
        about = models.union(made)
        constructors = [called_function(value) for value in classes]
        if self._tested.may_learn((one for one in constructors if one is not None), about):
            return False
        called: list[Function] = []
        for method in methods:
            values = [] if method is None else list(self._flow.value_of(method))
            callees = [one.function for one in values if isinstance(one, FunctionValue)]
            if not callees or len(callees) < len(values):
                return False
            called += callees
        kinds = {one.class_ for one in made if isinstance(one, Instance)}
        return not any(
            self._is_trained_by(callee, about) for callee in called
        ) and self._tested.are_tests(called, kinds, about)

    def _trainers(self, function: Function, call: ast.Call, models: Models) -> Iterator[Function]:
        """What a call calls with the model, or as a method of what has it."""
        callees = [
            callee
            for value in self._flow.value_of(call.func)
            if (callee := called_function(value)) is not None
        ]
        if callees and self._is_about(function, call, models):
            yield from callees

    def _is_about(self, function: Function, call: ast.Call, models: Models) -> bool:
        if _is_own(function, call):
            return True
        about = given_arguments(call)
        if isinstance(call.func, ast.Attribute):
            about.append(call.func.value)
        return any(
            not models.isdisjoint(self._flow.value_of(part))
            for expr in about
            for part in walk(expr)
            if isinstance(part, (ast.Name, ast.Attribute, ast.Call))
        )

    def _is_loop(self, function: Function) -> bool:
        known = self._loops.get(function)
        if known is None:
            text = ast.unparse(function.node)
            known = _GOES_BACKWARD.search(text) is not None and _STEPS.search(text) is not None
            self._loops[function] = known
        return known

    def _is_left_alone(self, function: Function, call: ast.Call, models: Models) -> bool:
        """Whether a script that evaluates keeps an optimizer in a variable that nothing reads.

        Where other code trains the model: what nothing else trains may only be begun here.
        """
        module = function.module
        is_script = isinstance(function.node, ast.Module) and not importers(self._flow, module)
        is_test = evaluates(module) and not _GOES_BACKWARD.search(module.source.text)
        if not (is_script and is_test) or self._evaluations.are_names_computed:
            return False
        for statement in walk_scope(function.node):
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is call:
                    if not self._is_trained_elsewhere(module, models):
                        return False
                    texts = (ast.Name, ast.Constant)  # ``globals()["optimizer"]`` reads it, too
                    uses = (one for one in walk(function.node) if isinstance(one, texts))
                    return all(
                        one.value != name
                        if isinstance(one, ast.Constant)
                        else one.id not in (name, "locals", "vars", "eval", "exec")
                        or isinstance(one.ctx, ast.Store)
                        for one in uses
                    )
        return False

    def _is_trained_elsewhere(self, module: Module, models: Models) -> bool:
        return any(
            self._begins(call) and not self.optimized.is_of_others(function, call, models)
            for function, calls in self._flow.calls_in.items()
            if function.module is not module
            for _, call in calls
        )

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


def _is_own(function: Function, call: ast.Call) -> bool:
    """Whether a method calls one of its own object: ``self.run(data)``."""
    match call.func:
        case ast.Attribute(value=ast.Name(id=owner)):
            return function.class_ is not None and owner == function.first_parameter
        case _:
            return False
