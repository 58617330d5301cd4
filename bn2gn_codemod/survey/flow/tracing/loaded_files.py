"""Modules that are loaded from a file: ``imp.load_source("net", ROOT + "/nets/" + name + ".py")``.

Where a folder and no more is written out of the path, it is any of the modules in it.
"""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.tracing.arguments import Call
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.statements.newest_value import newest_value
from bn2gn_codemod.survey.syntax.nodes import call_name, text_pattern

_PATHS = frozenset({"pathname", "location", "path"})


def give_loaded(call: Call) -> bool:
    """The modules of the repository that a path may be of; whether there are any."""
    found = list(_modules(call))
    for module in found:
        call.flow.add(call.result, call.flow.module_value(module))
    return bool(found)


def _modules(call: Call) -> Iterator[Module]:
    pattern = _path(call)
    if pattern is None or not pattern.endswith(".py"):
        return
    folders = [part for part in pattern.split("/")[:-1] if part and not set(part) <= set(".*")]
    if not folders and "*" in pattern:
        return  # any file at all
    tail = pattern.lstrip("./*")
    for module in call.flow.modules:
        if module is not call.function.module and fnmatch.fnmatchcase(
            f"/{module.path}", f"*/{tail}"
        ):
            yield module


def _path(call: Call) -> str | None:
    """The path that a file is loaded from, ``*`` for what is computed."""
    match call.expr:
        case ast.Call(args=[_, given, *_]):
            pass
        case ast.Call(keywords=keywords):
            named = [keyword.value for keyword in keywords if keyword.arg in _PATHS]
            if not named:
                return None
            given = named[0]
        case _:
            return None
    return _pattern(call, given)


def _pattern(call: Call, expr: ast.expr) -> str | None:
    if isinstance(expr, ast.Name):
        newest = newest_value(call.function.node, expr, expr)
        return None if newest is None else _pattern(call, newest)
    if isinstance(expr, ast.Call) and call_name(expr) == "join" and expr.args:
        return "/".join(_pattern(call, part) or "*" for part in expr.args)
    return text_pattern(expr)
