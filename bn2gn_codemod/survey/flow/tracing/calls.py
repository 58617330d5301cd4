"""What a call does, once it is known what is called."""

from __future__ import annotations

import ast
import functools

from bn2gn_codemod.survey.flow.analysis import Arguments, Making, Unpacked
from bn2gn_codemod.survey.flow.injections import is_injector
from bn2gn_codemod.survey.flow.tracing.arguments import (
    Call,
    arguments_of,
    bind,
    may_be_called,
)
from bn2gn_codemod.survey.flow.tracing.builtin_calls import call_builtin, calls_in_text
from bn2gn_codemod.survey.flow.tracing.external_calls import call_external, hand_to_object
from bn2gn_codemod.survey.flow.tracing.given_back import give_back
from bn2gn_codemod.survey.flow.tracing.handed_classes import give_own_objects
from bn2gn_codemod.survey.flow.tracing.handed_tensors import note_handed
from bn2gn_codemod.survey.flow.tracing.injected_parts import make_injected
from bn2gn_codemod.survey.flow.tracing.made_objects import give_same_object, instantiate, make_layer
from bn2gn_codemod.survey.flow.tracing.method_calls import call_method
from bn2gn_codemod.survey.flow.tracing.named_makers import make_named, maker_of
from bn2gn_codemod.survey.flow.tracing.returned_parameters import given_back
from bn2gn_codemod.survey.flow.tracing.tracer import Tracer
from bn2gn_codemod.survey.flow.tracing.transplants import note_transplant
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.known.norm_classes import is_norm_class
from bn2gn_codemod.survey.syntax.nodes import built_of, gives_what_it_visits
from bn2gn_codemod.survey.syntax.replaced_children import (
    calls_what_it_is_handed,
    replaces_children,
)
from bn2gn_codemod.survey.values import (
    ClassValue,
    External,
    ExternalObject,
    Function,
    FunctionValue,
    Instance,
    Lost,
    NormClass,
    UseContext,
    Value,
)


def trace_call(tracer: Tracer, expr: ast.Call, context: UseContext) -> Node | None:
    """The node of what a call expression gives, which is used in that way."""
    flow = tracer.flow
    if tracer.statement is not None:
        flow.calls_in.setdefault(tracer.function, []).append((tracer.statement, expr))
    func = expr.func
    result = flow.node()
    note_transplant(tracer, expr)
    if isinstance(func, ast.Name) and _is_builtin(tracer, func.id):
        found = call_builtin(tracer, func.id, expr, result, context)
        if func.id == "map" and expr.args:
            _apply_to_each(tracer, expr, result)
        if found is None or not calls_in_text(expr):
            return found
        call_whatever(found, Call(flow, tracer.function, expr, [], result))
        return result
    if isinstance(func, ast.Attribute) and call_method(tracer, func, expr, result):
        return result
    callee = tracer.evaluate(func, "activation" if _makes_activation(expr) else "callee")
    arguments = arguments_of(tracer, expr)
    if callee is None:
        for _, node in arguments:
            flow.containers.separate(node, result)
            flow.edge(node, result)
        return result
    note_handed(tracer, callee, expr)
    maker = maker_of(flow, tracer.function)
    if maker is not None and maker.call is expr:
        made = Call(flow, tracer.function, expr, arguments, result)
        flow.read_maker(tracer.function, Making(arguments, functools.partial(_make_apart, made)))
    else:
        call_whatever(callee, Call(flow, tracer.function, expr, arguments, result))
    return result


def _makes_activation(call: ast.Call) -> bool:
    """``act_layer(inplace=True)``: of any BatchNorm somebody has to say for how many channels.

    Norm classes that lie in a dict beside the activation seem to be there as well.
    """
    return (
        not call.args
        and any(keyword.arg == "inplace" for keyword in call.keywords)
        and all(keyword.arg not in (None, "num_features") for keyword in call.keywords)
    )


def _make_apart(call: Call, callee: Node, arguments: Arguments) -> Node:
    """The call with what one caller of its function names and hands over."""
    result = call.flow.node()
    call_whatever(callee, call._replace(arguments=arguments, result=result))
    call.flow.edge(result, call.result)
    return result


def _apply_to_each(tracer: Tracer, expr: ast.Call, result: Node) -> None:
    """``map(nn.BatchNorm2d, [8, 16])``: one layer stands for them all."""
    call = Call(tracer.flow, tracer.function, expr, [], result)

    def on_callee(held: Value) -> None:
        if isinstance(held, NormClass):
            make_layer(call, held)

    callee = tracer.evaluate(expr.args[0])
    if callee is not None:
        tracer.flow.watch(callee, on_callee)


def call_whatever(callee: Node, call: Call) -> None:
    """Call each value that the callee turns out to hold."""
    call.flow.calls.append((callee, call.result, call.arguments))
    call.flow.watch(callee, functools.partial(_apply, call))


def _is_builtin(tracer: Tracer, name: str) -> bool:
    return tracer.flow.lookup(tracer.function, name) is None and not is_norm_class(name)


def _apply(call: Call, held: Value) -> None:
    flow = call.flow
    match held:
        case ClassValue():
            instantiate(call, held.class_)
        case FunctionValue():
            if may_be_called(call.expr, held.function):
                _call_function(call, held.function, bound=held.bound)
        case External():
            call_external(call, held.name)
        case ExternalObject():
            hand_to_object(call)
        case NormClass():
            make_layer(call, held)
        case Instance():
            method = held.class_.find_method("__call__")
            if method is not None:
                _follow(call, method, skip_first=True)
        case Lost():
            flow.hand_to_lost(node for _, node in call.arguments)
            flow.add(call.result, held)
        case _:
            pass


def _call_function(call: Call, function: Function, *, bound: bool) -> None:
    injections = call.flow.injections
    if injections is not None and function.module in injections.workspaces:
        if is_injector(function.node):
            make_injected(call)
    elif function.name.startswith("build_from"):  # a registry's
        for _, node in call.arguments:
            give_same_object(call.flow, node, "build", call.result)
    elif (registry := _registry_argument(call, function, bound)) is not None:
        # Each call builds of its own registry: they must not meet in the parameter.
        rest = [argument for argument in call.arguments if argument is not registry]
        give_same_object(call.flow, registry[1], "build", call.result)
        _follow(call._replace(arguments=rest), function, skip_first=bound)
    elif function is call.function and gives_what_it_visits(function.node):
        return
    elif replaces_children(function.node):
        # convert_model(module) gives the module, layer for layer; followed
        # into itself, it would mix all the layers of a repository.
        for _, node in call.arguments:
            call.flow.edge(node, call.result)
        if calls_what_it_is_handed(function.node):
            _follow_with_makers(call, function, skip_first=bound)
    elif (maker := maker_of(call.flow, function)) is not None:
        bind(call, function, skip_first=bound)
        make_named(call, function, maker, skip_first=bound)
    else:
        _follow(call, function, skip_first=bound)


def _follow_with_makers(call: Call, function: Function, *, skip_first: bool) -> None:
    """A class makes a new layer; what else is called may give one that stands elsewhere."""

    def on_value(held: Value) -> None:
        match held:
            case FunctionValue():
                _follow(call, function, skip_first=skip_first)
            case Instance() if held.class_.find_method("__call__") is not None:
                _follow(call, function, skip_first=skip_first)
            case _:
                pass

    for _, node in call.arguments:
        call.flow.watch(node, on_value)


def _registry_argument(
    call: Call, function: Function, bound: bool
) -> tuple[str | int | Unpacked, Node] | None:
    """The registry that a builder such as ``build(cfg, registry)`` is handed, if it is one."""
    parameter = built_of(function.node)
    if parameter is None:
        return None
    name, position = parameter
    keys = (name, position - bound)
    return next((argument for argument in call.arguments if argument[0] in keys), None)


def _follow(call: Call, function: Function, *, skip_first: bool) -> None:
    bind(call, function, skip_first=skip_first)
    if given_back(function.node):
        give_back(call, function, skip_first=skip_first)
    else:
        give_own_objects(call, function, skip_first=skip_first)
