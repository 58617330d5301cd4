"""Parts that get other layers after a load: ``net.load_state_dict(...)``, ``net.fc = Linear()``.

Nobody goes on with a training so. It starts from what another one has made.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.run_conditions import blocks_around
from bn2gn_codemod.survey.syntax.nodes import dotted, walk, walk_scope
from bn2gn_codemod.survey.values import Class, External, FunctionValue

# What a new layer takes over from the one in whose place it is put.
_SIZES = frozenset({"in_features", "out_features", "in_channels", "out_channels"})
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


class ChangedParts:
    """Tells what a function does with a model after it has loaded it."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._flow = contents.flow

    def is_changed(self, call: LoadCall, cls: Class) -> bool:
        """``model.load_state_dict(...)``, and then ``model.head = Head(classes)``"""
        load, models = call.spot.node, _loaded(call)
        if not models or not isinstance(load, ast.Call):
            return False
        for node in walk_scope(call.spot.function.node):
            match node:
                case ast.Assign() if node.lineno > load.lineno:
                    if _is_other(node.value, models) and self._replaces_part(node, models, cls):
                        return True
                case ast.Call(func=ast.Attribute(value=owner)) if node.lineno > load.lineno:
                    if dotted(owner) in models and self._calls_replacing(node, cls):
                        return True
                case _:
                    pass
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

    def _calls_replacing(self, call: ast.Call, cls: Class) -> bool:
        """``model.reset_classifier(5)``, a method that replaces a part as the model's own."""
        methods = [
            value.function
            for value in self._flow.value_of(call.func)
            if isinstance(value, FunctionValue) and value.function.class_ in cls.ancestors()
        ]
        return any(
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and self._replaces_part(node, {method.first_parameter or ""}, cls)
            for method in methods
            for node in walk(method.node)
        )

    def _replaces_part(self, assign: ast.Assign, models: Collection[str], cls: Class) -> bool:
        """Whether a layer is put where the model has one: of what has norms, or of PyTorch."""
        stored = _attributes_of(assign.targets, models)
        if not stored.isdisjoint(name for _, name in self._contents.family_slots(cls)):
            return True
        is_known = any(not stored.isdisjoint(one.stored_names) for one in cls.ancestors())
        return is_known and self._is_layer(assign.value)

    def _is_layer(self, made: ast.expr) -> bool:
        return isinstance(made, ast.Call) and any(
            isinstance(value, External) and value.name.startswith("torch.nn.")
            for value in self._flow.value_of(made.func)
        )


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
    names = (dotted(one) or "" for one in given)
    return any(
        f"{name}.".startswith(f"{model}.") and name.rpartition(".")[2] not in _SIZES
        for name in names
    )


def _attributes_of(targets: list[ast.expr], models: Collection[str]) -> frozenset[str]:
    return frozenset(
        target.attr
        for target in targets
        if isinstance(target, ast.Attribute) and dotted(target.value) in models
    )
