"""Parts that get other layers after a load: ``net.load_state_dict(...)``, ``net.fc = Linear()``.

Nobody goes on with a training so. It starts from what another one has made.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.newest_value import newest_value
from bn2gn_codemod.survey.statements.run_conditions import blocks_around
from bn2gn_codemod.survey.syntax.nodes import dotted, walk, walk_scope
from bn2gn_codemod.survey.values import Class, External, FunctionValue
from bn2gn_codemod.survey.weights.evaluated.evaluations import Evaluations
from bn2gn_codemod.survey.weights.files.files_read import files_read
from bn2gn_codemod.survey.weights.starts.places_after import Place, PlacesAfter, handed_as
from bn2gn_codemod.survey.weights.starts.trainings_after import is_own_outcome

# What a new layer takes over from the one in whose place it is put.
_SIZES = frozenset({"in_features", "out_features", "in_channels", "out_channels"})
_HAS_WEIGHTS = re.compile(r"Linear|Conv|Norm|Embedding|RNN|LSTM|GRU|Sequential|ModuleList")
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


class ChangedParts:
    """Tells what code does with a model after it has loaded it."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._flow = contents.flow
        self._places = PlacesAfter(contents.flow)

    def is_changed(self, call: LoadCall, cls: Class, evaluations: Evaluations) -> bool:
        """``model.load_state_dict(...)``, and then ``model.head = Head(classes)``

        What the load's own function does, a helper that it hands the model, or who calls it.
        A script that is certain to train nothing takes off what it does not look at; so may what
        has trained the model itself.
        """
        models = _loaded(call)
        read: list[ast.AST] = [spot.node for spot in files_read(self._flow, call)]
        if call.spot.node is not None and is_own_outcome(call.spot.function, call.spot.node, read):
            return False
        places = self._places.of(call, models) if models else ()
        return any(
            node.lineno > place.line
            and (
                self._is_store(node, place, cls)
                or (isinstance(node, ast.Call) and self._calls_replacing(node, place, cls))
            )
            for place in places
            if not evaluations.are_after_training(cls, place.function.module)
            for node in walk_scope(place.function.node)
            if isinstance(node, (ast.Assign, ast.Call))
        )

    def _is_store(
        self, node: ast.Assign | ast.Call, place: Place, cls: Class, *, is_own: bool = False
    ) -> bool:
        """Whether a part gets something else; the model's own methods may make it of its sizes."""
        for target, value in _stores(node):
            made: ast.expr | None = value
            if isinstance(value, ast.Name):
                made = newest_value(place.function.node, value, value)
            stored = _path_below(target, place.models)
            if (
                stored
                and isinstance(made, ast.Call)
                and (is_own or _is_other(made, place.models))
                and self._replaces_part(stored, made, cls)
            ):
                return True
        return False

    def always_gets_other_layer(self, call: LoadCall, cls: Class) -> bool:
        """Whether a layer of PyTorch comes in the place of one that the file had, on every way.

        One branch for each kind of model: ``if name == "vgg": net.classifier = ...``, and
        ``net.fc = ...`` under ``else``.
        """
        models = _loaded(call)
        if not models or call.spot.node is None:
            return False
        blocks = blocks_around(call.spot.function.node, call.spot.node)
        stored = {
            name
            for block, index in blocks
            for name in self._stored_on_each_way(block[index + 1 :], models)
        }
        return any(not stored.isdisjoint(one.stored_names) for one in cls.ancestors())

    def _stored_on_each_way(self, block: list[ast.stmt], models: Collection[str]) -> frozenset[str]:
        """What some statements give models of new layers, where each way through them gives any."""
        for statement in block:
            if isinstance(statement, ast.If):
                ways = [
                    self._stored_on_each_way(part, models)
                    for part in (statement.body, statement.orelse)
                ]
                if all(ways):
                    return frozenset().union(*ways)
            elif (
                isinstance(statement, ast.Assign)
                and self._is_layer(statement.value)
                and _is_other(statement.value, models)
                and (stored := _attributes_of(statement.targets, models))
            ):
                return stored
            if any(isinstance(node, _LEAVES) for node in walk(statement)):
                break
        return frozenset()

    def _calls_replacing(self, call: ast.Call, place: Place, cls: Class) -> bool:
        """``model.reset_classifier(5)``, or a helper that replaces a part: ``put_head(model)``."""
        owner = dotted(call.func.value) if isinstance(call.func, ast.Attribute) else None
        for value in self._flow.value_of(call.func):
            if not isinstance(value, FunctionValue):
                continue
            function = value.function
            is_own = function.class_ in cls.ancestors() and owner in place.models
            names = set(handed_as(function, call, place.models))
            if is_own and function.first_parameter is not None:
                names.add(function.first_parameter)
            inner = Place(function, 0, frozenset(names))
            if names and any(
                self._is_store(node, inner, cls, is_own=is_own)
                for node in walk(function.node)
                if isinstance(node, (ast.Assign, ast.Call))
            ):
                return True
        return False

    def _replaces_part(self, stored: tuple[str, ...], made: ast.Call, cls: Class) -> bool:
        """Whether a layer is put where the model has one: of what has norms, or of PyTorch.

        In a part of a part that is one with weights: others export a model with another activation.
        """
        known = {name for one in cls.ancestors() for name in one.stored_names}
        if len(stored) == 1:
            slots = {name for _, name in self._contents.family_slots(cls)}
            return stored[0] in slots or (stored[0] in known and self._is_layer(made))
        known |= {name for one in self._contents.below(cls) for name in one.stored_names}
        return {*stored} <= {*known, "*"} and any(
            _HAS_WEIGHTS.search(name) for name in self._layers(made)
        )

    def _layers(self, made: ast.expr) -> list[str]:
        """The names of the classes of PyTorch that a call may make an object of."""
        return [
            value.name
            for value in (self._flow.value_of(made.func) if isinstance(made, ast.Call) else ())
            if isinstance(value, External) and value.name.startswith("torch.nn.")
        ]

    def _is_layer(self, made: ast.expr) -> bool:
        return bool(self._layers(made))


def _loaded(call: LoadCall) -> frozenset[str]:
    """The names of the model that a call loads: ``net``, and ``net.module`` of its wrapper."""
    match call.spot.node:
        case ast.Call(func=ast.Attribute(value=receiver)):
            model = dotted(receiver)
        case _:
            return frozenset()
    if model is None:
        return frozenset()
    inner = model.removesuffix(".module")
    return frozenset({inner, f"{inner}.module"})


def _stores(node: ast.Assign | ast.Call) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What is put somewhere, and where: ``setattr(net, "fc", layer)``, ``net.fc = layer``."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((target, value) for target in targets)
        case (
            ast.Call(
                func=ast.Name(id="setattr"), args=[owner, ast.Constant(value=str(name)), value]
            )
            | ast.Call(
                func=ast.Attribute(value=owner, attr="add_module" | "register_module"),
                args=[ast.Constant(value=str(name)), value],
            )
        ):
            yield ast.Attribute(value=owner, attr=name, ctx=ast.Store()), value
        case _:
            pass


def _path_below(target: ast.expr, models: Collection[str]) -> tuple[str, ...]:
    """``neck``, ``conv`` of ``net.neck.conv``, and ``fc``, ``*`` of ``net.fc[1]``."""
    names: list[str] = []
    while isinstance(target, (ast.Attribute, ast.Subscript)):
        names.append(target.attr if isinstance(target, ast.Attribute) else "*")
        target = target.value
        if dotted(target) in models:
            return tuple(reversed(names)) if names[-1] != "*" else ()
    return ()


def _is_other(made: ast.expr, models: Collection[str]) -> bool:
    """Whether a call makes something without the model or what it has, but for their sizes."""
    return isinstance(made, ast.Call) and not any(
        _hands_over(one, model) for one in walk(made) for model in models
    )


def _hands_over(node: ast.AST, model: str) -> bool:
    """Whether the model, or a part of it, is in what is made; its sizes may be."""
    match node:
        case ast.Call(args=arguments, keywords=keywords):
            given = [*arguments, *(keyword.value for keyword in keywords)]
        case _:
            return False
    return any(
        dotted(one) == model or (bool(path := _path_below(one, {model})) and path[-1] not in _SIZES)
        for one in given
    )


def _attributes_of(targets: list[ast.expr], models: Collection[str]) -> frozenset[str]:
    return frozenset(
        target.attr
        for target in targets
        if isinstance(target, ast.Attribute) and dotted(target.value) in models
    )
