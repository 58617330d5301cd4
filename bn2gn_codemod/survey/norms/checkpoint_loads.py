"""Loads that a checkpoint of before the migration would fail: strict, of a file, of a model."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.plan import LoadEdit, StrictLoad
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.external_members import wraps_model
from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.norms.awaited_errors import AwaitedErrors
from bn2gn_codemod.survey.norms.own_load_methods import is_strict, takes_no_strict
from bn2gn_codemod.survey.roles.held_layers import HeldLayers
from bn2gn_codemod.survey.statements.last_made import last_made
from bn2gn_codemod.survey.statements.scopes import Scope, calls
from bn2gn_codemod.survey.syntax.nodes import call_name, flat, target_names, walk
from bn2gn_codemod.survey.values import Instance, Value, Weights

# What else is resumed from a checkpoint, and never holds a layer. A function that
# returns a model and its optimizer hands on either to the analysis.
_NO_MODEL = re.compile(r"optim|sched|scaler|amp\b|sampler|meter", re.IGNORECASE)
_FIX = "strict=False, and the keys that it skips printed"


class StrictLoads(NamedTuple):
    """The loads, and the edits of those that can be mended."""

    loads: tuple[StrictLoad, ...]
    edits: tuple[LoadEdit, ...]


def find_strict_loads(flow: Flow, held: HeldLayers) -> StrictLoads:
    """Every such load, in source order."""
    found: dict[ast.expr, StrictLoad] = {}
    awaited = AwaitedErrors(flow)
    for load in flow.load_calls:
        call = load.spot.node
        if isinstance(call, ast.Call) and call not in found and _would_fail(flow, held, load):
            place = load.spot.module.place(call)
            reason = _reason(call, load) or awaited.reason(load.spot.function, call)
            reason = reason or _refused(flow, load)
            model = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
            found[call] = StrictLoad(place, model, "" if reason else _FIX, reason)
    loads = tuple(sorted(found.values(), key=lambda load: load.place))
    return StrictLoads(loads, tuple(LoadEdit(load.place) for load in loads if load.fix))


def _would_fail(flow: Flow, held: HeldLayers, load: LoadCall) -> bool:
    call = load.spot.node
    match call:
        case ast.Call(func=ast.Attribute(value=receiver, attr="load_state_dict")) if (
            load.strict and not load.made_lenient
        ):
            if _NO_MODEL.search(ast.unparse(receiver).rpartition(".")[2]):
                return False
        case _:
            return False
    weights = [value for node in load.weights for value in flow.values(node)]
    if not any(isinstance(value, Weights) and value.kind == "file" for value in weights):
        return False
    models = [value for value in _received(flow, load) if isinstance(value, Instance)]
    if _is_of_model_itself(flow, load, weights, models) or _is_filtered(load):
        return False
    if not _is_wrapped(load):
        models = _strict_ones(models)
    return bool(held.converted_below(_certain(models)))


def _strict_ones(models: list[Instance]) -> list[Instance]:
    """The models whose method fails; a wrapper is around one of them where it is not seen."""
    found = [model for model in models if is_strict(model.class_)]
    if len(found) == len(models):
        return found
    return [model for model in found if not model.class_.is_parallel_wrapper]


def _received(flow: Flow, load: LoadCall) -> list[Value]:
    """What the call may be a method of."""
    call = load.spot.node
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Attribute)
    bound = _bound_before(flow, load, call.func.value)
    received = list(flow.values(load.receiver))
    if bound is None:
        return received
    made = list(flow.value_of(bound))
    return [value for value in made if value in received] or made  # as a test around it tells


def _is_wrapped(load: LoadCall) -> bool:
    """Whether the model may be in a wrapper there, which has the method of ``nn.Module``."""
    call = load.spot.node
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Attribute)
    receiver = ast.unparse(call.func.value)
    return any(
        isinstance(one, ast.Assign)
        and isinstance(one.value, ast.Call)
        and one.lineno < call.lineno
        and any(ast.unparse(target) == receiver for target in one.targets)
        and any(wraps_model(call_name(inner)) for inner in calls(one))
        for one in walk(load.spot.function.node)
    )


def _refused(flow: Flow, load: LoadCall) -> str:
    """Why one of the models that it may be, for certain or not, would not take ``strict``."""
    models = (value for value in _received(flow, load) if isinstance(value, Instance))
    return next(filter(None, (takes_no_strict(one.class_) for one in models)), "")


def _bound_before(flow: Flow, load: LoadCall, expr: ast.expr) -> ast.expr | None:
    """What a variable was bound to last before the load; ``None``: that is open.

    Another branch may make another model under the same name, and what is resumed
    from a file is often put together under that name again, to be saved.
    """
    function = load.spot.function
    if not isinstance(expr, ast.Name) or isinstance(function.node, ast.Lambda):
        return None
    calls = flow.calls_in.get(function, ())
    statement = next((one for one, call in calls if call is load.spot.node), None)
    if statement is None:
        return None
    return last_made(Scope(function, function.node.body), statement, expr.id)


def _is_of_model_itself(
    flow: Flow, load: LoadCall, weights: list[Value], models: list[Instance]
) -> bool:
    """Whether the model is given what is its own, or another one's of its kind."""
    call = load.spot.node
    given = call.args[0] if isinstance(call, ast.Call) and call.args else None
    while isinstance(given, ast.Subscript):
        given = given.value
    bound = _bound_before(flow, load, given) if given is not None else None
    values = weights if bound is None else flow.value_of(bound)
    return any(value in models for value in values)


def _certain(models: list[Instance]) -> Iterator[Value]:
    # What a registry could hand out says little about what is loaded here.
    return (model for model in models if not model.weak)


def _is_filtered(load: LoadCall) -> bool:
    """Whether the state dict holds only what passed a test, such as ``k in own``."""
    call, function = load.spot.node, load.spot.function.node
    assert isinstance(call, ast.Call)
    if not call.args:
        return False
    given = [call.args[0]]
    if isinstance(given[0], ast.Name) and not isinstance(function, ast.Lambda):
        name = given[0].id
        for statement in flat(function.body):
            match statement:
                case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                    given.append(value)
    return any(
        isinstance(expr, ast.DictComp) and any(generator.ifs for generator in expr.generators)
        for expr in given
    )


def _reason(call: ast.Call, load: LoadCall) -> str:
    """Why the call cannot be mended; ``""`` if it can."""
    strict = [keyword.value for keyword in call.keywords if keyword.arg == "strict"]
    strict += call.args[1:2]
    if any(keyword.arg is None for keyword in call.keywords) or any(
        not isinstance(value, ast.Constant) for value in strict
    ):
        return "whether it is strict is decided elsewhere"
    function = load.spot.function.node
    if isinstance(function, ast.Lambda):
        return "what it returns is used"
    for statement in flat(function.body):
        match statement:
            case ast.Expr(value=value) if value is call:
                return ""
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=args)) if call in args:
                return ""
            case ast.Assign(targets=[ast.Name() | ast.Tuple() as target], value=value) if (
                value is call and not _is_asked(function, set(target_names(target)))
            ):
                return ""
    return "what it returns is used; write strict=False and print what it skips by hand"


def _is_asked(function: ast.AST, names: set[str]) -> bool:
    """Whether code decides by the keys that did not fit, or hands them on."""
    asking = [
        node.test if isinstance(node, (ast.If, ast.While, ast.IfExp)) else node
        for node in walk(function)
        if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert, ast.Return))
    ]
    return any(
        isinstance(inner, ast.Name) and inner.id in names for node in asking for inner in walk(node)
    )
