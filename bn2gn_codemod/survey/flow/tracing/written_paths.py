"""Paths that are written out wherever they come from: ``get("seg.net.body50")``.

A path that a function is handed is known where each call of the function says it in words. One
that comes out of a config, of an option, or of what is computed may be any.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.statements.newest_value import newest_value
from bn2gn_codemod.survey.syntax.nodes import call_name, defaults_of, text_pattern, unpacks, walk
from bn2gn_codemod.survey.values import Function


def is_written_out(flow: Flow, function: Function, path: ast.expr) -> bool:
    """Whether the code says a path, at least how it begins. Ask when values have moved."""
    if _says(function, path):
        return True
    if not isinstance(path, ast.Name) or path.id not in function.parameters:
        return False
    if isinstance(function.node, (ast.Lambda, ast.Module)) or function.class_ is not None:
        return False
    bound = [node for node in walk(function.node) if _binds(node, path.id)]
    if bound or not _is_only_called(flow, function):
        return False
    calls = [
        (caller, call)
        for caller, calls in flow.calls_in.items()
        for _, call in calls
        if call_name(call) == function.node.name
    ]
    return bool(calls) and all(_is_handed_text(function, path.id, *call) for call in calls)


def _says(function: Function, path: ast.expr) -> bool:
    if isinstance(path, ast.Name):
        given = newest_value(function.node, path, path)
        return given is not None and text_pattern(given) is not None
    return text_pattern(path) is not None


def _is_handed_text(callee: Function, name: str, caller: Function, call: ast.Call) -> bool:
    """Whether a call says the path that it hands over, or leaves a written default as it is."""
    if unpacks(call) or isinstance(callee.node, (ast.Lambda, ast.Module)):
        return False
    arguments = callee.node.args
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
    given |= dict(zip(names, call.args, strict=False))
    if name in given:
        return _says(caller, given[name])
    defaults = {one.arg: value for one, value in defaults_of(arguments)}
    return name in defaults and text_pattern(defaults[name]) is not None


def _is_only_called(flow: Flow, function: Function) -> bool:
    """Whether nothing does anything with the function's name but call it."""
    name = function.name.rpartition(".")[2]
    for module in flow.modules:
        if name.encode() not in module.source.data:
            continue
        called = {id(node.func) for node in walk(module.tree) if isinstance(node, ast.Call)}
        for node in walk(module.tree):
            match node:
                case ast.Name(id=used, ctx=ast.Load()) | ast.Attribute(attr=used) if used == name:
                    if id(node) not in called:
                        return False
                case ast.alias(name=used, asname=str(other)) if used == name and other != name:
                    return False
                case ast.Constant(value=str(text)) if text == name:
                    return False
                case _:
                    pass
    return True


def _binds(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
