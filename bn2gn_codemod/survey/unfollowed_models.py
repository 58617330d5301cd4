"""Optimizers over a model of which nothing is known: whether it has a backbone is for a human.

Only what is plainly a whole model counts. Most optimizers of a repository are over
losses, discriminators and models that were built from nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey import families
from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.optimizer_calls import may_take_parameters, optimizer_call
from bn2gn_codemod.survey.optimizers import Optimizer, Optimizers
from bn2gn_codemod.survey.origins import arguments_for
from bn2gn_codemod.survey.scopes import Scope, assignments
from bn2gn_codemod.survey.syntax import walk
from bn2gn_codemod.survey.values import (
    ClassValue,
    External,
    ExternalObject,
    Instance,
    Lost,
    ModuleValue,
    Text,
    Value,
)

_MODEL = re.compile(
    r"_?(?:\w*model|\w*net|\w*network|detector|segmentor|segmenter)$", re.IGNORECASE
)
# A call that does not matter, or what goes around any model.
_WRAPS = re.compile(r"^$|Parallel$|SyncBatchNorm|\.compile$")
_CRITERION = re.compile(r"loss|criteri|entropy|ohem|nll", re.IGNORECASE)
_GIVES_PARAMETERS = ("parameters", "named_parameters")


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
        # files in which a model with a backbone is trained
        self._followed = {optimizer.scope.path for optimizer in followed}

    def find(self) -> Iterator[UnfollowedModel]:
        """The first of each file: the others are over the same model, or over its opponent."""
        found: dict[str, UnfollowedModel] = {}
        for scope in self._optimizers.scopes:
            if scope.path in self._followed:
                continue
            for statement, call in scope.calls:
                kind = optimizer_call(self._flow, call)
                is_one = kind is not None and kind.by_name and kind.is_alone
                if is_one or may_take_parameters(self._flow, call):
                    model = self._model(scope, statement, call)
                    if model is not None:
                        found.setdefault(scope.path, UnfollowedModel(scope, statement, model))
        yield from found.values()

    def _model(self, scope: Scope, statement: ast.stmt, call: ast.Call) -> str | None:
        """The one model whose parameters the optimizer is given, if nothing is known of it."""
        owners = list(_owners(call))
        given = [one for one in call.args[:1] if isinstance(one, ast.Name)]
        if not owners and given and isinstance(given[0], ast.Name):
            name = given[0].id
            owners = [owner for inner in _collecting(scope, name) for owner in _owners(inner)]
        sources = dict.fromkeys(map(ast.unparse, owners))
        if len(sources) != 1:
            return None
        [source] = sources
        last = source.rpartition(".")[2]
        if _MODEL.match(last) is None or families.is_aside(last):
            return None
        return source if self._is_unknown(owners[0]) and self._is_made(scope, source) else None

    def _is_unknown(self, expression: ast.expr) -> bool:
        return all(map(_says_nothing, self._flow.value_of(expression)))

    def _is_made(self, scope: Scope, source: str) -> bool:
        """Whether a call gives the model: what comes from callers may be anything at all."""
        if self._is_called_for(scope, source):
            return True
        parameter = scope.parameter(source)
        return parameter is not None and any(
            self._is_called_for(outer, ast.unparse(argument))
            for outer, _, call in self._optimizers.callers(scope.function)
            for argument in arguments_for(scope, call, parameter)
        )

    def _is_called_for(self, scope: Scope, source: str) -> bool:
        """Whether a call makes it of which the flow analysis does not know what it calls.

        ``torch.nn.Linear(3, 3)`` is known, and has no backbone.
        """
        made = [
            value
            for statement in scope.body
            for _, value in assignments(statement, source)
            if isinstance(value, ast.Call)
        ]
        return bool(made) and not any(
            isinstance(value, (External, ClassValue)) and not _wraps(value)
            for call in made
            for value in self._called(call)
        )

    def _called(self, call: ast.Call) -> Iterator[Value]:
        """What a call may call; of ``DataParallel(make())`` what makes the model, too."""
        values = list(self._flow.value_of(call.func))
        yield from values
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):
            yield from self._called(call.func.value)  # Linear(3, 3).cuda()
        if any(isinstance(value, External) and _wraps(value) for value in values):
            for argument in call.args:
                if isinstance(argument, ast.Call):
                    yield from self._called(argument)


def _says_nothing(value: Value) -> bool:
    """Whether a model of which nothing is known may seem to be this as well.

    What is called is not known, so it may give what it is handed: names, criteria.
    """
    match value:
        case Text() | ModuleValue() | Lost():
            return True
        case ExternalObject(name=name):
            return _WRAPS.search(name) is not None
        case Instance(class_=cls):
            return not cls.is_module or _CRITERION.search(cls.name) is not None
        case _:
            return False


def _wraps(value: External | ClassValue) -> bool:
    return isinstance(value, External) and _WRAPS.search(value.name) is not None


def _owners(root: ast.AST) -> Iterator[ast.expr]:
    for node in walk(root):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _GIVES_PARAMETERS
        ):
            yield node.func.value


def _collecting(scope: Scope, name: str) -> Iterator[ast.AST]:
    """What is put into a variable, and the loops that fill it."""
    for statement in scope.order:
        match statement:
            case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                yield value
            case ast.For(iter=iterated) if _fills(statement, name):
                yield iterated
            case _:
                pass


def _fills(loop: ast.For, name: str) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("append", "extend", "add")
        and ast.unparse(node.func.value) == name
        for node in walk(loop)
    )
