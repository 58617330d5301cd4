"""Which calls build an optimizer, and how certain that is."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple, TypeGuard

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.tracing.named_makers import maker_of
from bn2gn_codemod.survey.syntax.nodes import call_name, given_arguments, walk
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    Entries,
    External,
    ExternalObject,
    FunctionValue,
    Instance,
    Text,
    TupleValue,
    Value,
)

_OPTIMIZER = re.compile(
    r"^(?:torch\.optim\.(?!lr_scheduler|swa_utils)[\w.*]+|"
    r"(?:[\w.]+\.)?(?:Adam\w*|SGD\w*|RMSprop\w*|Lamb|LAMB|Lion|Ranger\w*|AdaBelief|NAdam|RAdam|"
    r"Fused(?:Adam|LAMB|SGD|NovoGrad)|create_optimizer\w*|optim_factory\.\w+))$"
)
# What calls .train() itself, and builds the optimizer from the model that it is given.
_DRIVER = re.compile(
    r"^(?:(?:transformers|trl)\.\w*Trainer|mmengine\.runner\.\w*|mmengine\.Runner|"
    r"accelerate\.\w*Trainer|ignite\.engine\.create_supervised_trainer)$"
)
# What does so with the model that it holds, by one of these methods.
_FITS = re.compile(r"fit\w*|fine_tune|train")
_FITTER = re.compile(r"(?:^|\.)\w*(?:Trainer|Learner|learner|Runner)$")
_SOUNDS_LIKE_ONE = re.compile(r"optim|adam|sgd|lamb|lion|rmsprop", re.IGNORECASE)
# What makes one out of a model, and not what makes a model faster: ``optimize(net)``.
_MAKES_ONE = re.compile(r"optimi[sz]er|optim$|solver$", re.IGNORECASE)
_CLASS = re.compile(r"_*[A-Z]\w*[a-z]|instantiate$")
_AVERAGES = re.compile(r"ema(?:$|[A-Z_])|average|moving|summary|count", re.IGNORECASE)


class OptimizerCall(NamedTuple):
    """A call of what may be an optimizer's class.

    ``by_name``: it stands there by the name under which it was imported. ``is_alone``:
    nothing else is ever called there, as far as values were followed.
    """

    by_name: bool
    is_alone: bool


def optimizer_call(flow: Flow, call: ast.Call) -> OptimizerCall | None:
    """What is known of the call, if it may build an optimizer or drive the training."""
    values = list(flow.value_of(call.func))
    named = [_name_of(value) for value in values if _is_named(value)]
    if not named:
        return None
    last = ast.unparse(call.func).rpartition(".")[2]
    by_name = any(name.rpartition(".")[2] == last for name in named)
    return OptimizerCall(by_name, all(map(_makes_an_optimizer, values)))


def looks_up_optimizer(flow: Flow, call: ast.Call) -> bool:
    """``getattr(torch.optim, name)(groups)``, or ``make(torch.optim, name, groups)`` that does so.

    Whatever the name is, it is an optimizer's. Other calls of the helper may name another module.
    """
    match call.func:
        case ast.Call(func=ast.Name(id="getattr"), args=[module, _]):
            return _is_optim(flow, module)
        case _:
            pass
    match [value for value in flow.value_of(call.func) if not isinstance(value, Text)]:
        case [FunctionValue(function=function)]:
            maker = maker_of(flow, function)
        case _:
            return False
    if maker is None:
        return False
    place = maker.position - (function.class_ is not None and not function.is_static)
    named = [keyword.value for keyword in call.keywords if keyword.arg == maker.parameter]
    is_placed = not any(isinstance(one, ast.Starred) for one in call.args[: place + 1])
    given = named or (call.args[place : place + 1] if is_placed else [])
    return bool(given) and _is_optim(flow, given[0])


def _is_optim(flow: Flow, module: ast.expr) -> bool:
    """Whether an expression is ``torch.optim``, and nothing else ever."""
    return {
        value.name if isinstance(value, External) else "" for value in flow.value_of(module)
    } == {"torch.optim"}


def may_take_parameters(flow: Flow, call: ast.Call) -> bool:
    """Whether it builds an optimizer by its name: ``solver.create_optimizer(net.parameters())``.

    What is called was not followed; functions and classes of the repository are.
    """
    given = given_arguments(call)
    if not any(map(_gives_parameters, given)) or not _SOUNDS_LIKE_ONE.search(call_name(call)):
        return False
    return not any(
        isinstance(value, (FunctionValue, ClassValue, Instance))
        for value in flow.value_of(call.func)
    )


def trained_by_others(flow: Flow, call: ast.Call) -> list[ast.expr]:
    """The models that a call of code which is not here may make an optimizer for.

    ``Adan(net.parameters())``, ``hydra.utils.instantiate(cfg.optim, params=net.parameters())``,
    ``build_optimizer(cfg, net)``, ``deepspeed.initialize(model=net)``
    """
    values = list(flow.value_of(call.func))
    if any(isinstance(value, (FunctionValue, ClassValue, Instance)) for value in values):
        return []
    names = [one.name for one in values if isinstance(one, (External, ExternalObject))]
    if any(name.startswith("torch.") for name in names):
        return []
    given = given_arguments(call)
    name = "" if isinstance(call.func, ast.Call) else call_name(call)
    if isinstance(call.func, ast.Call) or _CLASS.match(name) or _SOUNDS_LIKE_ONE.search(name):
        owners = [] if _AVERAGES.search(name) else [_owner_of_parameters(one) for one in given]
        found = [one for one in owners if one is not None]
        if found:
            return found
    if _MAKES_ONE.search(name) or "deepspeed.initialize" in names:
        return [one for one in given if _is_model(flow, one)]
    return []


def _owner_of_parameters(expr: ast.expr) -> ast.expr | None:
    """``net`` of ``filter(wanted, net.parameters())``"""
    for node in walk(expr):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr="parameters" | "named_parameters")):
                return owner
            case _:
                pass
    return None


def _is_model(flow: Flow, expr: ast.expr) -> bool:
    held = flow.value_of(expr)
    return any(isinstance(value, Instance) and value.class_.is_module for value in held)


def stored_parameters(statement: ast.stmt) -> ast.expr | None:
    """The parameters that ``cfg.optimizer.params = net.parameters()`` puts into something.

    It goes to an optimizer by the name that every optimizer has for them.
    """
    match statement:
        case ast.Assign(targets=[ast.Attribute(attr="params")], value=value):
            return value if _gives_parameters(value) else None
        case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value="params"))], value=value):
            return value if _gives_parameters(value) else None
    return None


def _gives_parameters(expr: ast.expr) -> bool:
    return (
        isinstance(expr, ast.Call)
        and isinstance(expr.func, ast.Attribute)
        and expr.func.attr == "parameters"
    )


def drives(flow: Flow, call: ast.Call) -> bool:
    """Whether what is called trains the model that it is given by itself."""
    return any(map(_is_driver, flow.value_of(call.func)))


def is_fitted(flow: Flow, call: ast.Call) -> bool:
    """Whether an object of a library trains a model: ``Trainer().fit(net)``, ``learn.fit(3)``."""
    match call.func:
        case ast.Attribute(value=owner, attr=method) if _FITS.fullmatch(method):
            return any(
                isinstance(value, ExternalObject) and _FITTER.search(value.name)
                for value in flow.value_of(owner)
            )
        case _:
            return False


def _is_driver(value: Value) -> bool:
    return isinstance(value, (External, ExternalObject)) and _DRIVER.match(value.name) is not None


def _is_named(value: Value) -> TypeGuard[External | ExternalObject | ClassValue]:
    if isinstance(value, ClassValue):
        return _is_optimizer_class(value.class_)
    if isinstance(value, External) and _OPTIMIZER.match(value.name):
        return True
    return _is_driver(value)


def _name_of(value: External | ExternalObject | ClassValue) -> str:
    return value.class_.name if isinstance(value, ClassValue) else value.name


def _makes_an_optimizer(value: Value) -> bool:
    """Whether a call of it builds one, or it is nothing that is ever called."""
    match value:
        case Text() | TupleValue() | Entries():
            return True
        case FunctionValue(function=function):
            return _SOUNDS_LIKE_ONE.search(function.name) is not None
        case ClassValue(class_=cls):
            return _is_optimizer_class(cls)
        case External(name=name) | ExternalObject(name=name):
            return _OPTIMIZER.match(name) is not None or _DRIVER.match(name) is not None
        case _:
            return False


def _is_optimizer_class(cls: Class) -> bool:
    bases = [base for owner in cls.ancestors() for base in owner.external_bases]
    return any(base.endswith("Optimizer") or _OPTIMIZER.match(base) for base in bases)
