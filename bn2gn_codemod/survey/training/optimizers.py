"""Where optimizers are built, and over which models."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.certain_modules import CertainModules, not_certain
from bn2gn_codemod.survey.flow.kept_arguments import KeptArguments
from bn2gn_codemod.survey.flow.optimizer_calls import (
    OptimizerCall,
    drives,
    looks_up_optimizer,
    may_take_parameters,
    optimizer_call,
    stored_parameters,
)
from bn2gn_codemod.survey.flow.origins import Origins, arguments_for
from bn2gn_codemod.survey.statements.last_made import last_made
from bn2gn_codemod.survey.statements.scopes import Scope, assignments
from bn2gn_codemod.survey.syntax.nodes import (
    call_name,
    given_arguments,
    root_of,
    target_names,
    walk,
)
from bn2gn_codemod.survey.training.collecting_statements import (
    CollectingStatements,
    given_to,
    sources_in,
)
from bn2gn_codemod.survey.training.collections_of_parameters import CollectionsOfParameters
from bn2gn_codemod.survey.training.computed_tensors import ComputedTensors
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.training.modules_or_collections import ModulesOrCollections
from bn2gn_codemod.survey.training.optimizer_objects import OptimizerObjects
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    ExternalObject,
    Function,
    FunctionValue,
    Instance,
)

_DEEPEST = 4


class Optimizer(NamedTuple):
    """An optimizer and one model that it is for.

    ``statement`` builds it, ``use`` is the statement (of the same function)
    where ``model``, a source expression, gives its parameters. ``others`` are
    classes without a backbone that it may be an instance of instead. ``is_used``:
    the code around asks it for what only a module has, or runs it in parallel.
    ``doubt`` says that it may be none, so that no code may count on it.
    ``is_beside``: nothing of its backbone is read there, but other parts of it.
    """

    scope: Scope
    statement: ast.stmt
    use: ast.stmt
    model: str
    models: tuple[Class, ...]
    others: tuple[Class, ...] = ()
    is_used: bool = False
    doubt: str = ""
    is_beside: bool = False


class Optimizers:
    """Finds the optimizers of models with a backbone, and what drives such models."""

    def __init__(self, flow: Flow, models: TrainedModels, certain: CertainModules) -> None:
        self._flow = flow
        self._models = models
        self._certain = certain
        self.scopes = [
            Scope(function, node.body, flow.calls_in.get(function, ()))
            for function in [*flow.top_level.values(), *flow.functions]
            for node in [function.node]
            if not isinstance(node, ast.Lambda)
        ]
        self._callers: dict[object, list[tuple[Scope, ast.stmt, ast.Call]]] = {}
        for scope in self.scopes:
            for statement, call in scope.calls:
                for function in self._called(call):
                    self._callers.setdefault(function, []).append((scope, statement, call))
        self.origins = Origins(flow, self.scopes, self.callers)
        self.collections = CollectionsOfParameters(flow, self.origins)
        self._computed = ComputedTensors(flow, self.origins)
        self._objects = OptimizerObjects(flow, self.origins)
        self._kept = KeptArguments(flow)
        self._collecting = CollectingStatements(flow, self.scopes)
        self._modules = ModulesOrCollections(flow, models, self._collecting)

    def _called(self, call: ast.Call) -> Iterator[Function]:
        """The functions that a call may run, constructors included."""
        for value in self._flow.value_of(call.func):
            if isinstance(value, FunctionValue):
                yield value.function
            elif isinstance(value, ClassValue):
                init = value.class_.find_method("__init__")
                if init is not None:
                    yield init

    def callers(self, function: Function) -> list[tuple[Scope, ast.stmt, ast.Call]]:
        """The calls of a function, each with its statement."""
        return self._callers.get(function, [])

    def methods(self, cls: Class) -> Iterator[Scope]:
        """The methods of a class and of its bases."""
        methods = {m for ancestor in cls.ancestors() for m in ancestor.methods.values()}
        return (scope for scope in self.scopes if scope.function in methods)

    def find(self) -> list[Optimizer]:
        """Every optimizer with each of its models, in source order."""
        found: dict[tuple[str, str, ast.stmt], Optimizer] = {}
        for scope in self.scopes:
            for statement, call in scope.calls:
                kind = optimizer_call(self._flow, call)
                if kind is None and may_take_parameters(self._flow, call):
                    kind = OptimizerCall(by_name=True, is_alone=True)
                if kind is None:
                    continue
                for optimizer in self._of_call(scope, statement, call, 0):
                    is_told = optimizer.is_used or self._is_looked_up(optimizer)
                    if not kind.is_alone and not is_told:
                        continue  # a call of whatever, with whatever
                    if not kind.by_name and not is_told:
                        optimizer = optimizer._replace(doubt=not_certain(optimizer.model))
                    key = (optimizer.scope.path, optimizer.model, optimizer.statement)
                    known = found.setdefault(key, optimizer)
                    is_beside = known.is_beside and optimizer.is_beside
                    found[key] = known._replace(is_beside=is_beside)
        # A discriminator beside the model: the model's own optimizer says all that there is.
        whole = {_place_of_model(one) for one in found.values() if not one.is_beside}
        kept = [
            one for one in found.values() if not one.is_beside or _place_of_model(one) not in whole
        ]
        followed = {cls for optimizer in kept for cls in optimizer.models}
        stored = (one for one in self._stored() if followed.isdisjoint(one.models))
        return [*kept, *stored]

    def _is_looked_up(self, optimizer: Optimizer) -> bool:
        """Whether its statement names torch's optimizers: ``make(torch.optim, name, groups)``."""
        return any(
            looks_up_optimizer(self._flow, call)
            for statement, call in optimizer.scope.calls
            if statement is optimizer.statement
        )

    def _stored(self) -> Iterator[Optimizer]:
        """Models whose parameters are put where an optimizer gets them from."""
        for scope in self.scopes:
            for statement in scope.order:
                parameters = stored_parameters(statement)
                if parameters is not None:
                    yield from self._of(scope, statement, statement, parameters, 0, set())

    def driven(self) -> set[Class]:
        """Classes of models whose ``.train()`` a framework calls."""
        found: set[Class] = set()
        for scope in self.scopes:
            for _, call in scope.calls:
                if drives(self._flow, call):
                    for argument in given_arguments(call):
                        found.update(self._models.of(argument))
        return found

    # -------------------------------------------------- from call to models

    def _of_call(
        self, scope: Scope, statement: ast.stmt, call: ast.Call, depth: int
    ) -> Iterator[Optimizer]:
        for argument in given_arguments(call):
            yield from self._of(scope, statement, statement, argument, depth, set())

    def _of(
        self,
        scope: Scope,
        statement: ast.stmt,
        use: ast.stmt,
        value: ast.AST,
        depth: int,
        seen: set[tuple[Scope, str]],
    ) -> Iterator[Optimizer]:
        """The models whose parameters end up in ``value``, an expression of ``use``."""
        modules: dict[str, tuple[ast.expr, str]] = {}  # with what is read of it there
        doubtful: dict[str, ast.expr] = {}
        elements = _comprehension_variables(value) | _parameter_variables(scope)
        computed = self._computed.inside(scope, value)
        for expression in self._models.expressions(value):
            if expression in computed or ast.unparse(root_of(expression)) in elements:
                continue
            if self._objects.is_one(scope, expression):
                continue
            whole = self._modules.module(scope, use, expression, value)
            if whole is not None and self.collections.may_be(scope, whole):
                doubtful[ast.unparse(whole)] = whole
            elif whole is not None:
                whole = self._modules.inside_or_around(scope, use, whole)
                kept = self._kept.source(scope, use, whole) or whole
                modules[ast.unparse(kept)] = (kept, ast.unparse(whole))
        for source, (expression, read) in modules.items():
            uses = self._certain.uses(scope.function, source)
            is_module = self._certain.is_module(expression, uses)
            is_told = is_module and not self._certain.is_misfit(scope, source)
            doubt = "" if is_told else not_certain(source)
            is_used = bool(uses) or source == "self" or _is_wrapped(scope, use, source)
            parameter = scope.parameter(source)
            if parameter is not None and not scope.is_bound_before(use, source):
                outer = list(self._from_callers(scope, parameter, depth))
                for optimizer in outer:
                    yield (
                        optimizer if not is_used else optimizer._replace(is_used=True, doubt=doubt)
                    )
                if outer:
                    continue
            made = last_made(scope, use, source) if isinstance(expression, ast.Name) else None
            if made is not None and self._models.is_followed(made):
                expression = made
            classes = self._modules.element_classes(scope, use, expression)
            if not classes:
                continue  # one without a backbone, and the variable holds others elsewhere
            others = self._models.others(expression)
            is_beside = self._models.is_beside(value, read, classes)
            yield Optimizer(
                scope, statement, use, source, classes, others, is_used, doubt, is_beside
            )
        found = bool(seen)  # else the expression that was asked for first is reported
        for source in sources_in(value, computed) if not modules else doubtful:
            if (scope, source) not in seen and len(seen) < 40:
                seen.add((scope, source))
                for optimizer in self._from_name(scope, statement, use, source, depth, seen):
                    found = True
                    yield optimizer
        if not found:
            for source, expression in doubtful.items():
                classes, others = self._models.of(expression), self._models.others(expression)
                doubt = not_certain(source)
                yield Optimizer(scope, statement, use, source, classes, others, doubt=doubt)

    def _from_name(
        self,
        scope: Scope,
        statement: ast.stmt,
        use: ast.stmt,
        source: str,
        depth: int,
        seen: set[tuple[Scope, str]],
    ) -> Iterator[Optimizer]:
        """The models whose parameters were collected in a variable or an attribute."""
        found = False
        for where, inner in self._collecting.before(scope, use, source):
            for part in (*given_to(inner, source), *self._given_with(where, inner, source)):
                for optimizer in self._of(where, inner, inner, part, depth, seen):
                    found = True
                    at = statement if optimizer.scope is scope else optimizer.statement
                    yield optimizer._replace(statement=at)
        parameter = scope.parameter(source)
        if not found and parameter is not None:
            is_used = bool(self._certain.uses(scope.function, source))
            for optimizer in self._from_callers(scope, parameter, depth):
                yield optimizer._replace(is_used=is_used or optimizer.is_used)

    def _given_with(self, scope: Scope, statement: ast.stmt, source: str) -> list[ast.Name]:
        """The one model that a call gives with its parameters: ``net, groups = build(args)``."""
        match statement:
            case ast.Assign(targets=[ast.Tuple(elts=parts)], value=ast.Call()):
                given = {part.id for part in parts if isinstance(part, ast.Name)} - {source}
            case _:
                return []
        if self._certain.uses(scope.function, source):
            return []  # it is another module
        modules = [name for name in given if self._may_be_module(scope.function, name)]
        return [
            node
            for node in walk(scope.function.node)
            if isinstance(node, ast.Name) and [node.id] == modules and self._models.of(node)
        ][:1]

    def _may_be_module(self, function: Function, name: str) -> bool:
        return any(
            isinstance(value, (Instance, ExternalObject))
            for value in self._flow.values(self._flow.name_node(function, name))
        )

    def _from_callers(self, scope: Scope, parameter: str, depth: int) -> Iterator[Optimizer]:
        if depth >= _DEEPEST:
            return
        for outer, statement, call in self.callers(scope.function):
            for argument in arguments_for(scope, call, parameter):
                yield from self._of(outer, statement, statement, argument, depth + 1, set())


def _place_of_model(optimizer: Optimizer) -> tuple[object, str]:
    """The variable that holds the model: one of the function, or an attribute of the class."""
    function = optimizer.scope.function
    is_own = optimizer.model.split(".")[0] == "self"
    return (function.class_ if is_own else function), optimizer.model


def _comprehension_variables(value: ast.AST) -> set[str]:
    return {
        node.id
        for comprehension in walk(value)
        if isinstance(comprehension, ast.comprehension)
        for node in walk(comprehension.target)
        if isinstance(node, ast.Name)
    }


def _is_wrapped(scope: Scope, use: ast.stmt, source: str) -> bool:
    """Whether ``net = nn.DataParallel(net)`` comes before a statement: that takes modules alone."""
    return any(
        isinstance(value, ast.Call) and call_name(value).endswith("DataParallel")
        for statement in scope.before(use)
        for _, value in assignments(statement, source)
    )


def _parameter_variables(scope: Scope) -> set[str]:
    """``p`` of ``for p in net.named_parameters()``: ``p[1]`` is no module."""
    return {
        name
        for loop in scope.order
        if isinstance(loop, (ast.For, ast.AsyncFor))
        and isinstance(loop.iter, ast.Call)
        and call_name(loop.iter) in ("parameters", "named_parameters")
        for name in target_names(loop.target)
    }
