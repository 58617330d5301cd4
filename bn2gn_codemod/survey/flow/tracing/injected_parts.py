"""What registries that inject put together, by the names in files of settings."""

from __future__ import annotations

import ast
import itertools

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.injections import injected_arguments
from bn2gn_codemod.survey.flow.tracing.arguments import Call
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.values import (
    Class,
    ClassValue,
    Function,
    Instance,
    Spot,
    Text,
    Value,
)


def fill_injected_arguments(flow: Flow) -> None:
    """Hand every class the parts that the files name for it, or that its defaults do."""
    if flow.injections is None:
        return
    for cls in flow.classes:
        init = cls.find_method("__init__")
        if init is None:
            continue
        for argument in sorted(init.parameters.intersection(injected_arguments(cls))):
            parameter = flow.name_node(init, argument)
            for name in flow.injections.parts(cls.node.name, argument):
                _make(flow, name, cls.path, parameter)
            _make_what_is_named(flow, parameter, cls.path, parameter)


def make_injected(call: Call) -> None:
    """``create(cfg["model"])``: what the files have under that key, or the class that is named."""
    flow = call.flow
    if flow.injections is None:
        return
    for key in _keys(call.expr):
        for name in flow.injections.named_by(key):
            _make(flow, name, call.function.module.path, call.result)
    for _, node in call.arguments[:1]:
        _make_what_is_named(flow, node, call.function.module.path, call.result)


def _make_what_is_named(flow: Flow, names: Node, path: str, result: Node) -> None:
    def on_value(held: Value) -> None:
        if isinstance(held, Text):
            _make(flow, held.pattern, path, result)
        elif isinstance(held, ClassValue):
            flow.add(result, _object_of(flow, held.class_))

    flow.watch(names, on_value)


def _make(flow: Flow, name: str, path: str, result: Node) -> None:
    """An object of the class of that name, or what the function of that name gives.

    Where a repository holds several versions of a project, each has its own registry.
    """
    named: list[Class | Function] = [cls for cls in flow.classes if cls.name == name]
    named += [one for one in flow.functions if one.name == name and one.class_ is None]
    nearest = max((_nearness(one.module.path, path) for one in named), default=0)
    for one in named:
        if _nearness(one.module.path, path) < nearest:
            continue
        if isinstance(one, Class):
            flow.add(result, _object_of(flow, one))
        else:
            flow.edge(flow.return_node(one), result)


def _nearness(path: str, other: str) -> int:
    """How many folders two files have in common, from the root of the repository."""
    pairs = zip(path.split("/")[:-1], other.split("/")[:-1], strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _object_of(flow: Flow, cls: Class) -> Value:
    def make() -> Instance:
        made = Instance(cls, Spot(cls.module, cls.node, flow.top_level[cls.path]))
        flow.instances.setdefault(cls, []).append(made)
        return made

    return flow.once(("injected", cls), make)


def _keys(expr: ast.expr) -> list[str]:
    """``model`` of ``create(self.settings["model"], ...)`` and ``create(cfg.get("model"))``."""
    first = expr.args[0] if isinstance(expr, ast.Call) and expr.args else None
    match first:
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return [key]
        case ast.Attribute(attr=key):
            return [key]
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(key)), *_]):
            return [key]
        case _:
            return []
