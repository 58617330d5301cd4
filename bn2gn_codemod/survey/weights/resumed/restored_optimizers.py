"""Optimizers that get their state where a model is loaded: such a load goes on with a training."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.statements.run_conditions import (
    Condition,
    conditions_above,
    conditions_at,
)
from bn2gn_codemod.survey.syntax.nodes import call_name, walk, walk_scope
from bn2gn_codemod.survey.values import Class, Function, Instance

_OF_OPTIMIZER = re.compile(r"optim|(?:\b|_)opt\.", re.IGNORECASE)


def restores_optimizer(call: LoadCall, value: Instance) -> bool:
    """Whether the state of an optimizer is loaded where the model is, in the same branch.

    A helper for both of them is for training that goes on, and is handed no optimizer else.
    """
    function = call.spot.function
    here = set(guarding_tests(function, call.spot.node))
    return any(
        is_helper_for(function, value) or here == set(guarding_tests(function, node))
        for node in _optimizer_loads(function)
    )


def is_helper_for(function: Function, value: Instance) -> bool:
    """Whether a model that is loaded in a function is made elsewhere."""
    return value.spot is not None and value.spot.function is not function


def restores_for(flow: Flow, function: Function, site: ast.Call, caller: Function) -> bool:
    """Whether a function restores an optimizer for a call: not for ``load(path, resume=False)``.

    Nor does a method of an object that was made without one: ``Saver(net, None).load(path)``.
    """
    for node in _optimizer_loads(function):
        asked = conditions_at(function, node)
        if conditions_above(asked, function, site, caller) is not None and not any(
            _is_never_met(flow, one, function, site) for one in asked
        ):
            return True
    return False


def _is_never_met(flow: Flow, asked: Condition, function: Function, site: ast.Call) -> bool:
    """Whether what is asked of an attribute is not so in any object that a method is called on."""
    owner, _, attribute = asked.text.partition(".")
    if function.class_ is None or owner != function.first_parameter or "." in attribute:
        return False
    match site.func:
        case ast.Attribute(value=expr):
            objects = list(flow.value_of(expr))
        case _:
            return False
    return bool(objects) and all(
        isinstance(one, Instance) and _is_made_without(flow, one, attribute, asked)
        for one in objects
    )


def _is_made_without(flow: Flow, made: Instance, attribute: str, asked: Condition) -> bool:
    """Whether the call that makes an object decides an attribute, and not as it is asked for."""
    init = made.class_.find_method("__init__")
    if made.spot is None or init is None or not isinstance(made.spot.node, ast.Call):
        return False
    parameter = _kept_parameter(flow, made.class_, init, attribute)
    if parameter is None:
        return False
    as_given = Condition(parameter, asked.holds, init, asked.of_text)
    call, caller = made.spot.node, made.spot.function
    return conditions_above(frozenset({as_given}), init, call, caller) is None


def _kept_parameter(flow: Flow, cls: Class, init: Function, attribute: str) -> str | None:
    """The parameter of a constructor that is all that an attribute is ever given."""
    methods = [method for one in cls.ancestors() for method in one.methods.values()]
    stores = [(method, store) for method in methods for store in _stores(method, attribute)]
    match stores:
        case [(method, ast.Assign(value=ast.Name(id=name)))] if (
            method is init and name in init.parameters and not _is_given_anew(init, name)
        ):
            pass
        case _:
            return None
    from_outside = re.compile(rb"(?<!\bself)\." + attribute.encode() + rb"\s*=(?!=)")
    is_open = any(from_outside.search(module.source.data) for module in flow.modules)
    return None if is_open else name


def _stores(method: Function, attribute: str) -> list[ast.AST]:
    """The assignments to an attribute, or its places in what gives it a value otherwise."""
    nodes = walk(method.node)
    plain: dict[ast.AST, ast.AST] = {
        target: node for node in nodes if isinstance(node, ast.Assign) for target in node.targets
    }
    return [
        plain.get(node, node)
        for node in nodes
        if isinstance(node, ast.Attribute)
        and node.attr == attribute
        and isinstance(node.ctx, ast.Store)
    ]


def _is_given_anew(function: Function, name: str) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        for node in walk(function.node)
    )


def is_optimizer_load(node: ast.AST) -> bool:
    """``self.optimizer.load_state_dict(...)``"""
    return (
        isinstance(node, ast.Call)
        and call_name(node) == "load_state_dict"
        and _OF_OPTIMIZER.search(ast.unparse(node.func)) is not None
    )


def _optimizer_loads(function: Function) -> Iterator[ast.AST]:
    return filter(is_optimizer_load, walk_scope(function.node))
