"""Optimizers over a model of which nothing is known: whether it has a backbone is for a human.

Only what is plainly a whole model counts. Most optimizers of a repository are over
losses, discriminators and models that were built from nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.origins import Origin
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import is_library_model
from bn2gn_codemod.survey.statements.scopes import Scope
from bn2gn_codemod.survey.syntax.nodes import call_name, target_names
from bn2gn_codemod.survey.training.optimizer_owners import OptimizerOwners, is_called_model
from bn2gn_codemod.survey.training.optimizers import Optimizer, Optimizers
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    External,
    ExternalObject,
    Function,
    FunctionValue,
    Instance,
    Lost,
    ModuleValue,
    Text,
    Value,
    Weights,
)

# A call that does not matter, or what goes around any model.
_WRAPS = re.compile(
    r"^$|Parallel$|SyncBatchNorm|\.compile$|convert_syncbn_model$|\bamp\.initialize$|\.prepare$"
)
_CRITERION = re.compile(r"loss|criteri|entropy|ohem|nll", re.IGNORECASE)
# What looks a function or a class up, and does not make the model itself.
_LOOKS_UP = re.compile(r"(?:^|\.)(?:import_module|__import__|getattr|locate|load_source)$")
# Methods by which a model is moved, and no other one is made.
_GIVES_ITSELF = frozenset({"to", "cuda", "cpu", "float", "half", "double", "train", "eval"})
_MOST_SOURCES = 20
_DEEPEST = 4  # functions that give what another one gives


class UnfollowedModel(NamedTuple):
    """An optimizer, and the source of the model that it is for."""

    scope: Scope
    statement: ast.stmt
    model: str


class UnfollowedModels:
    """Finds the optimizers of models that were not followed to any class."""

    def __init__(self, flow: Flow, optimizers: Optimizers, followed: Iterable[Optimizer]) -> None:
        self._flow = flow
        self._optimizers = optimizers
        self._owners = OptimizerOwners(flow, optimizers)
        # files in which a model with a backbone is trained
        self._followed = {optimizer.scope.path for optimizer in followed}
        # of what makes models in this repository, wherever it is imported from
        self._names = {cls.name for cls in flow.classes if cls.is_module}
        self._names |= {one.name for one in flow.functions if _gives_model(flow, one)}
        self._holding: dict[Class, bool] = {}

    def find(self) -> Iterator[UnfollowedModel]:
        """The first of each file: the others are over the same model, or over its opponent."""
        found: dict[str, UnfollowedModel] = {}
        for scope, statement, call in self._owners.calls():
            if scope.path not in self._followed:
                model = self._model(scope, call)
                if model is not None:
                    found.setdefault(scope.path, UnfollowedModel(scope, statement, model))
        yield from found.values()

    def _model(self, scope: Scope, call: ast.Call) -> str | None:
        """The first of the models whose parameters the optimizer is given, if none is known."""
        given = self._owners.given(scope, call)
        models = [self._owners.models(owner) for owner in given]
        for owner in (one for found in models for one in found):
            if not self._is_unknown(owner.expr) or not self._is_made(owner.scope, owner.expr):
                return None
        return ast.unparse(given[0].expr) if models and all(models) else None

    def _is_unknown(self, expression: ast.expr) -> bool:
        return all(map(self._says_nothing, self._flow.value_of(expression)))

    def _says_nothing(self, value: Value) -> bool:
        """Whether a model of which nothing is known may seem to be this as well.

        What is called is not known, so it may give what it is handed: names, criteria, weights.
        """
        match value:
            case Text() | ModuleValue() | Lost() | Weights():
                return True
            case External(name=name):  # of a config: ``make(**config.kwargs)``
                return not _is_library(name)
            case ExternalObject(name=name):
                return _WRAPS.search(name) is not None
            case Instance(class_=cls):
                is_aside = not cls.is_module or _CRITERION.search(cls.name) is not None
                return is_aside or cls.is_parallel_wrapper or self._holds_unknown(cls)
            case _:
                return False

    def _is_made(self, scope: Scope, expr: ast.expr) -> bool:
        """Whether calls make the model of which it is not known what they call.

        ``torch.nn.Linear(3, 3)`` is known, and has no backbone.
        """
        made = list(self._makers(scope, expr, set()))
        return bool(made) and not any(
            self._is_known(value) for call in made for value in self._called(call)
        )

    def _makers(
        self, scope: Scope, expr: ast.expr, seen: set[tuple[Scope, str]]
    ) -> Iterator[ast.Call]:
        """The calls that give the model, wherever it is handed on from."""
        key = (scope, ast.unparse(expr))
        if key in seen or len(seen) > _MOST_SOURCES:
            return
        seen.add(key)
        for origin in [*self._optimizers.origins.of(scope, expr), *self._given(scope, expr)]:
            if isinstance(origin.expr, ast.Call):
                yield origin.expr
            elif isinstance(origin.expr, (ast.Name, ast.Attribute)):
                yield from self._makers(origin.scope, origin.expr, seen)

    def _given(self, scope: Scope, expr: ast.expr) -> Iterator[Origin]:
        """What a property of the class gives, or the object that it reads that of."""
        cls = scope.function.class_
        if cls is None or not isinstance(expr, ast.Attribute) or ast.unparse(expr.value) != "self":
            return
        method = cls.find_method(expr.attr)
        where = self._optimizers.origins.scopes.get(method) if method is not None else None
        for statement in where.order if where is not None else ():
            match statement:
                case ast.Return(value=ast.Attribute(value=ast.Attribute() as inner)):
                    yield Origin(where or scope, inner)
                case ast.Return(value=ast.Attribute() as inner):
                    yield Origin(where or scope, inner)

    def _called(self, call: ast.Call) -> Iterator[Value]:
        """What a call may call; of ``DataParallel(make())`` what makes the model, too."""
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):
            yield from self._called(call.func.value)  # Linear(3, 3).cuda()
            if call.func.attr in _GIVES_ITSELF:
                return
        values = list(self._flow.value_of(call.func))
        yield from values
        if any(map(_wraps, values)):
            for argument in call.args:
                if isinstance(argument, ast.Call):
                    yield from self._called(argument)

    def _is_known(self, callee: Value) -> bool:
        """Whether it is known what a call gives: no wrapper, nor what is looked up by a name."""
        match callee:
            case External(name=name):
                is_missing = name.rpartition(".")[2] in self._names and not _is_library(name)
                return not is_missing and not _wraps(callee) and _LOOKS_UP.search(name) is None
            case ClassValue(class_=cls):
                return not cls.is_parallel_wrapper and not self._holds_unknown(cls)
            case _:
                return False

    def _holds_unknown(self, cls: Class) -> bool:
        """Whether a class is a wrapper of the repository's own around a model that is not known."""
        if cls not in self._holding:
            self._holding[cls] = False  # while it is looked at
            self._holding[cls] = cls.is_module and (
                self._adds_unknown(cls) or self._is_around_unknown(cls)
            )
        return self._holding[cls]

    def _adds_unknown(self, cls: Class) -> bool:
        """Whether its parts are made by methods that are looked up by their names."""
        return any(
            not any(True for _ in self._flow.value_of(maker))
            for owner in cls.ancestors()
            for method in owner.methods.values()
            for scope in [self._optimizers.origins.scopes.get(method)]
            if scope is not None
            for maker in _makers_of_parts(scope)
        )

    def _is_around_unknown(self, cls: Class) -> bool:
        return any(
            self._is_unknown(target) and self._is_made(scope, target)
            for method in cls.methods.values()
            for scope in [self._optimizers.origins.scopes.get(method)]
            if scope is not None
            for target, call in _models_set(scope)
            if is_called_model(target) or self._gives_unknown(call, 0)
        )

    def _gives_unknown(self, call: ast.Call, depth: int) -> bool:
        """Whether a call makes what it gives by something that is looked up by a name.

        A function that builds an ``nn.Sequential`` out of a list does not.
        """
        called = list(self._called(call))
        functions = [value.function for value in called if isinstance(value, FunctionValue)]
        if not functions or depth > _DEEPEST:
            return not any(map(self._is_known, called))
        return any(
            self._gives_unknown(made, depth + 1)
            for where in map(self._optimizers.origins.scopes.get, functions)
            for statement in (where.order if where is not None else ())
            if where is not None and isinstance(statement, ast.Return) and statement.value
            for made in self._makers_of(where, statement.value)
        )

    def _makers_of(self, scope: Scope, given: ast.expr) -> Iterator[ast.Call]:
        if isinstance(given, ast.Call):
            yield given
        elif isinstance(given, (ast.Name, ast.Attribute)):
            yield from self._makers(scope, given, set())


def _gives_model(flow: Flow, function: Function) -> bool:
    """Whether a function that others can import gives a module of the repository."""
    if function.class_ is not None or function.outer is not flow.top_level[function.module.path]:
        return False
    given = flow.values(flow.return_node(function))
    return any(isinstance(value, Instance) and value.class_.is_module for value in given)


def _models_set(scope: Scope) -> Iterator[tuple[ast.expr, ast.Call]]:
    """The attributes that a method sets by calls, and that are called like a model or backbone."""
    for statement in scope.order:
        match statement:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=name) as target],
                value=ast.Call() as call,
            ) if (
                is_called_model(target)
                or families.is_backbone_attribute(name)
                or (families.may_be_backbone_attribute(name))
            ):
                yield target, call


def _makers_of_parts(scope: Scope) -> Iterator[ast.Call]:
    """``getattr(self, "build_" + name)`` that gives what ``self.add_module(name, part)`` adds."""
    added = {
        part.id
        for _, call in scope.calls
        if call_name(call) == "add_module"
        for part in call.args[1:]
        if isinstance(part, ast.Name)
    }
    for statement in scope.order if added else ():
        match statement:
            case ast.Assign(
                targets=[target],
                value=ast.Call(
                    func=ast.Call(func=ast.Name(id="getattr"), args=[_, key, *_]) as one
                ),
            ) if not isinstance(key, ast.Constant) and added.intersection(target_names(target)):
                yield one
            case _:
                pass


def _is_library(name: str) -> bool:
    return name.startswith("torch.") or is_library_model(name)


def _wraps(value: Value) -> bool:
    if isinstance(value, ClassValue):
        return value.class_.is_parallel_wrapper
    return isinstance(value, External) and _WRAPS.search(value.name) is not None
