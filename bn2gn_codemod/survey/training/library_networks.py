"""Pretrained networks of libraries that a script trains as they are, in no class of its own.

All of such a network is backbone. No edit is written: no class of the repository has
names for its parts, and what the pattern of a file matches is made of such names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from bn2gn_codemod.plan import TrainCall, TrainScript
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.external_members import wraps_model
from bn2gn_codemod.survey.flow.origins import arguments_for
from bn2gn_codemod.survey.freezing.code import FreezingCode
from bn2gn_codemod.survey.freezing.effects import Effect, Model, Part, coverage
from bn2gn_codemod.survey.known.library_models import (
    backbone_inside,
    holds_library_norms,
    is_library_model,
)
from bn2gn_codemod.survey.statements.last_made import last_made
from bn2gn_codemod.survey.statements.scopes import Scope, assignments
from bn2gn_codemod.survey.syntax.nodes import is_off, unpacks, walk
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.training.optimizer_owners import OptimizerOwners, Owner
from bn2gn_codemod.survey.training.optimizers import Optimizers
from bn2gn_codemod.survey.training.own_loops import is_train_loop
from bn2gn_codemod.survey.training.train_calls import is_train, receiver_of
from bn2gn_codemod.survey.training.trial_runs import TrialRuns
from bn2gn_codemod.survey.values import ExternalObject, Value

# Networks for images. The older ones of detection have frozen BatchNorm of their own.
_LIBRARIES = re.compile(
    r"(?:torchvision\.models\.(?:(?!detection)|detection\.(?:\w+\.)?(?:\w+_fpn_v2|ssdlite\w+)$)|"
    r"timm\.|segmentation_models_pytorch\.|pretrainedmodels\.|efficientnet_pytorch\.|resnest\.|"
    r"geffnet\.|antialiased_cnns\.|torch\.hub\.load$)"
)
# Without BatchNorm in them.
_OTHER_NORMS = re.compile(
    r"(?:^|[./_])(?:vit|deit|swin|convnext|beit|mixer|cait|eva|vgg\d+$)", re.IGNORECASE
)
_WEIGHTS = re.compile(r"pretrained|weights")
_BY_DEFAULT = re.compile(r"(?:segmentation_models_pytorch|pretrainedmodels)\.|\.from_pretrained$")
_HEADS = re.compile(r"^(?:fc|classifier|head|heads|last_linear|segmentation_head|decoder)\d?$")
_WHOLE = Model(("layers",), frozenset({"layers"}))  # what reaches all of it reaches this, too
_DEEPEST = 4  # functions that hand on what they were given by another one
_BY_HAND = "freeze its BatchNorm by hand, before the optimizer and after each train()"


class _Trained(NamedTuple):
    """A network, and the optimizer for it, in the function that made or was given neither."""

    scope: Scope
    statement: ast.stmt
    expr: ast.expr
    networks: tuple[ExternalObject, ...]


class LibraryNetworks:
    """Finds the optimizers of such networks, and what puts them into train mode."""

    def __init__(
        self,
        flow: Flow,
        optimizers: Optimizers,
        models: TrainedModels,
        code: FreezingCode,
        trial_runs: TrialRuns,
    ) -> None:
        self._flow = flow
        self._optimizers = optimizers
        self._owners = OptimizerOwners(flow, optimizers)
        self._models = models
        self._code = code
        self._trial_runs = trial_runs
        found = (
            one
            for scope, statement, call in self._owners.calls()
            for owner in self._owners.given(scope, call)
            for one in self._trained(owner, scope, statement, 0)
        )
        self._found = {(one.scope, ast.unparse(one.expr)): one for one in reversed(list(found))}

    def scripts(self) -> Iterator[TrainScript]:
        """One for each variable that holds a network without a freeze."""
        for one in self._found.values():
            state = self._state(one)
            if state != "frozen":
                place, source = one.scope.place(one.statement), ast.unparse(one.expr)
                name = one.networks[0].name.removesuffix(".*").removesuffix(".__dict__")
                part = backbone_inside(one.networks[0])
                reason = f"{name} makes it, and no class here names its parts: {_BY_HAND}"
                yield TrainScript(place, source, (part,) if part else (), state, reason=reason)

    def calls(self) -> Iterator[TrainCall]:
        """Calls of ``train()`` on such a network where it is trained."""
        networks = {network for one in self._found.values() for network in one.networks}
        for scope in self._optimizers.scopes:
            for statement, call in scope.calls:
                called = receiver_of(call) if is_train(call) else None
                if called is None or not self._trial_runs.is_training(scope.function):
                    continue
                is_one = not networks.isdisjoint(self._networks(scope, statement, called))
                if is_one and not self._is_guarded(scope, statement, called):
                    source = ast.unparse(called)
                    yield TrainCall(scope.place(statement), source, False, "", _BY_HAND)

    # ------------------------------------------------------------- networks

    def _trained(
        self, owner: Owner, scope: Scope, statement: ast.stmt, depth: int
    ) -> Iterator[_Trained]:
        """The network in the function that made it, where this one was only given it."""
        if owner.scope is not scope:  # its parameters were put together by who calls
            scope, statement = owner.scope, _statement_of(owner, statement)
        parameter = scope.parameter(ast.unparse(owner.expr))
        if parameter is not None and depth < _DEEPEST:
            for outer, calling, call in self._optimizers.callers(scope.function):
                for argument in arguments_for(scope, call, parameter):
                    yield from self._trained(Owner(outer, argument), outer, calling, depth + 1)
            return
        networks = self._networks(scope, statement, owner.expr)
        if networks and not self._is_head(owner.expr):
            whole = owner.expr
            while isinstance(whole, ast.Attribute) and (
                self._networks(scope, statement, whole.value) == networks
            ):
                whole = whole.value  # net.module.layer4
            yield _Trained(scope, statement, whole, networks)

    def _networks(
        self, scope: Scope, statement: ast.stmt, expr: ast.expr
    ) -> tuple[ExternalObject, ...]:
        """The pretrained networks that an expression may be, if it is in no model that is known."""
        if any(True for _ in self._models.expressions(expr)):
            return ()
        made = last_made(scope, statement, expr.id) if isinstance(expr, ast.Name) else None
        values = self._flow.value_of(expr if made is None else made)
        return tuple(dict.fromkeys(self._pretrained(values)))

    def _pretrained(self, values: Iterable[Value]) -> Iterator[ExternalObject]:
        seen = dict.fromkeys(value for value in values if isinstance(value, ExternalObject))
        found = list(seen)
        for value in found:
            call = value.spot.node
            if wraps_model(value.name) and isinstance(call, ast.Call):
                for inner in self._flow.value_of(call.args[0]) if call.args else ():
                    if isinstance(inner, ExternalObject) and inner not in seen:
                        seen[inner] = None
                        found.append(inner)
            elif _is_pretrained(value):
                yield value

    def _is_head(self, expr: ast.expr) -> bool:
        """``net.fc``, which is trained alone."""
        return isinstance(expr, ast.Attribute) and _HEADS.match(expr.attr) is not None

    # --------------------------------------------------------------- freezes

    def _state(self, one: _Trained) -> Literal["frozen", "partly", "unfrozen"]:
        """What is done to all of the network before its optimizer is built."""
        effects = [effect for network in one.networks for effect in self._where_made(network)]
        earlier = list(one.scope.before(one.statement))[::-1]
        effects += self._effects(one.scope, earlier, one.expr)
        cls = one.scope.function.class_
        for method in cls.methods.values() if cls is not None else ():
            scope = self._optimizers.origins.scopes.get(method)
            if scope is not None and scope is not one.scope and isinstance(one.expr, ast.Attribute):
                effects += self._effects(scope, scope.body, one.expr)
        found = coverage([effect for effect in effects if effect.kind != "train"], _WHOLE)
        if found.freezes:
            return "frozen"
        return "partly" if found.touches else "unfrozen"

    def _where_made(self, network: ExternalObject) -> list[Effect]:
        """What the function does to a network that it makes and gives back."""
        scope = self._optimizers.origins.scopes.get(network.spot.function)
        for statement in scope.order if scope is not None else ():
            match statement:
                case ast.Assign(targets=[ast.Name() as target], value=value) if scope is not None:
                    if network in self._flow.value_of(value):
                        return self._effects(scope, scope.body, target)
        return []

    def _effects(self, scope: Scope, statements: list[ast.stmt], expr: ast.expr) -> list[Effect]:
        names = {ast.unparse(expr)}
        networks = set(self._flow.value_of(expr))
        for statement in reversed(scope.order):
            for name in list(names):
                for _, value in assignments(statement, name):
                    given = value.args[:1] if isinstance(value, ast.Call) else [value]
                    names |= {
                        ast.unparse(one)
                        for one in given
                        if isinstance(one, (ast.Name, ast.Attribute))
                        and not networks.isdisjoint(self._flow.value_of(one))
                    }
        roots = {name: Part(()) for name in names}
        return self._code.effects(statements, scope.function, roots)

    def _is_guarded(self, scope: Scope, statement: ast.stmt, called: ast.expr) -> bool:
        following: list[ast.stmt] = []
        for later in scope.after(statement):
            if is_train_loop(later):
                break
            following.append(later)
        return coverage(self._effects(scope, following, called), _WHOLE).evaluates


def _statement_of(owner: Owner, default: ast.stmt) -> ast.stmt:
    """The innermost statement that an expression stands in."""
    around = (one for one in reversed(owner.scope.order) if owner.expr in walk(one))
    return next(around, default)


def _is_pretrained(network: ExternalObject) -> bool:
    """Whether a library's network with BatchNorm is asked for with its weights."""
    name, call = network.name, network.spot.node
    if not isinstance(call, ast.Call) or unpacks(call) or not is_library_model(name):
        return False
    if _LIBRARIES.match(name) is None or not holds_library_norms(network):
        return False
    called = [one.value for one in call.args if isinstance(one, ast.Constant)]
    names = [name, *(one for one in called if isinstance(one, str))]
    if any(_OTHER_NORMS.search(one) for one in names):
        return False
    said = [keyword.value for keyword in call.keywords if _WEIGHTS.search(keyword.arg or "")]
    if not said and name.startswith("torchvision."):
        said = [one for one in call.args[:1] if isinstance(one, ast.Constant)]
    if not said and name.startswith("segmentation_models_pytorch."):
        said = call.args[2:3]  # the encoder's
    asked = any(not is_off(value) for value in said)
    return asked if said else _BY_DEFAULT.search(name) is not None
