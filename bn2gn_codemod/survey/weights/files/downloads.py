"""Files of weights that code downloads for itself: as good as a URL, and no training's own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.statements.newest_value import newest_value, newest_values
from bn2gn_codemod.survey.syntax.nodes import (
    bound_names,
    call_name,
    defaults_of,
    flat,
    given_arguments,
    walk,
    walk_scope,
)
from bn2gn_codemod.survey.values import Function, FunctionValue, Spot, Weights

# Files that only fetch are not read by the survey, so that the name of a function has to do.
_DOWNLOADS = re.compile(r"download_url_to_file$|hf_hub_download$|cached_download$|\w*from_url$")
# What puts a file where it is told to.
_FETCHES = re.compile(r"\w*download\w*$|urlretrieve$|\w*from_url$")
_SHELLS = frozenset({"system", "run", "call", "check_call", "check_output", "Popen"})
_FETCHING_COMMAND = re.compile(r"\b(?:wget|curl|gdown|gsutil)\b")

# Also those short names that the loaders of OpenMMLab know.
_URL = re.compile(r"(?:https?|torchvision|open-?mmlab|mmcls|modelzoo)://")


def names_url(spot: Spot) -> bool:
    """Whether a library's loader is told of a published file: ``load_checkpoint(net, URL)``.

    Nobody resumes from one.
    """
    call = spot.node
    if not isinstance(call, ast.Call):
        return False
    given = given_arguments(call)
    return any(_is_url(written) for one in given for written in _written(spot, call, one))


def _written(spot: Spot, call: ast.Call, expr: ast.expr) -> list[ast.expr]:
    """What an argument may be set to, in the function or by its module; of a dict, all of it."""
    if isinstance(expr, ast.Subscript):
        return _written(spot, call, expr.value)
    if not isinstance(expr, ast.Name):
        return [expr]
    found = newest_values(spot.function.node, call, expr)
    if not found and expr.id in spot.function.parameters:
        return _default(spot.function, expr.id)
    if not found and not _is_local(spot.function, expr.id):
        found = _of_module(spot.module, expr.id)
    return found


def _default(function: Function, parameter: str) -> list[ast.expr]:
    """What a parameter is for whoever does not give it, as it reads where that is written."""
    if isinstance(function.node, ast.Module):
        return []
    for one, value in defaults_of(function.node.args):
        if one.arg == parameter:
            match value:
                case ast.Name(id=name):
                    is_inner = function.outer is not None and _is_local(function.outer, name)
                    return [] if is_inner else _of_module(function.module, name)
                case _:
                    return [value]
    return []


def _is_local(function: Function, name: str) -> bool:
    """Whether the name is one of the function's, or of a function around it."""
    if isinstance(function.node, ast.Module):
        return False
    is_own = name in function.parameters or name in function.locals
    return is_own or (function.outer is not None and _is_local(function.outer, name))


def _of_module(module: Module, name: str) -> list[ast.expr]:
    """What a module sets a name to last, if nothing but plain assignments give it anything."""
    found: list[ast.expr] = []
    for statement in flat(module.tree.body):
        if name in bound_names(statement):
            match statement:
                case ast.Assign(targets=[ast.Name()], value=value):
                    found = [value]
                case _:
                    return []
    return found


def _is_url(expr: ast.expr) -> bool:
    match expr:
        case ast.Dict(values=[_, *_] as values):
            return all(map(_is_url, values))
        case ast.JoinedStr(values=[start, *_]):
            return _is_url(start)
        case ast.Constant(value=str(text)):
            return _URL.match(text) is not None
        case _:
            return False


def is_downloaded(flow: Flow, weights: Weights) -> bool:
    """Whether what is read is a file that the call's argument downloads.

    ``torch.load(hf_hub_download(...))``, ``torch.load(fetch(url))`` where ``fetch`` calls
    ``download_url_to_file``.
    """
    call = weights.spot.node
    if not isinstance(call, ast.Call) or not call.args:
        return False
    paths = [call.args[0]]
    if isinstance(paths[0], ast.Name):
        paths = newest_values(weights.spot.function.node, call, paths[0])
    return any(isinstance(path, ast.Call) and _gives_download(flow, path) for path in paths)


def _gives_download(flow: Flow, path: ast.Call) -> bool:
    return _is_download(path) or any(
        isinstance(value, FunctionValue) and _downloads(value.function.node)
        for value in flow.value_of(path.func)
    )


def fetches_first(flow: Flow, function: Function, call: ast.AST) -> bool:
    """Whether a function downloads one of the files that a call in it names, before the call.

    ``gdown.download(url, "net.pth")``, and then ``torch.load("net.pth")``.
    """
    if not isinstance(call, ast.Call):
        return False
    files = set(_named(function, call))
    return any(
        isinstance(one, ast.Call)
        and one.lineno < call.lineno
        and (
            (_fetches(flow, one) and not files.isdisjoint(_named(function, one)))
            or _is_fetched_by_shell(one, files)
        )
        for one in walk_scope(function.node)
    )


def _named(function: Function, call: ast.Call) -> Iterator[str]:
    """The texts, variables and attributes that a call is handed, and what these were given."""
    for given in given_arguments(call):
        last = newest_value(function.node, call, given)
        for one in (given, last):
            match one:
                case ast.Constant(value=str()) | ast.Name() | ast.Attribute():
                    yield ast.unparse(one)
                case ast.JoinedStr() | ast.Call() | ast.BinOp():  # os.path.join("w", "net.pth")
                    yield ast.unparse(one)
                case _:
                    pass


def _fetches(flow: Flow, call: ast.Call) -> bool:
    if _FETCHES.match(call_name(call) or ""):
        return True
    called = (one.function for one in flow.value_of(call.func) if isinstance(one, FunctionValue))
    return any(
        isinstance(inner, ast.Call) and _FETCHES.match(call_name(inner) or "")
        for function in called
        for inner in walk(function.node)
    )


def _is_fetched_by_shell(call: ast.Call, files: set[str]) -> bool:
    """``os.system("wget https://host/net.pth -O net.pth")``"""
    if call_name(call) not in _SHELLS:
        return False
    command = ast.unparse(call)
    return _FETCHING_COMMAND.search(command) is not None and any(
        one.strip("'\"") in command for one in files
    )


def _downloads(function: ast.AST) -> bool:
    return any(isinstance(one, ast.Call) and _is_download(one) for one in walk(function))


def _is_download(call: ast.Call) -> bool:
    return _DOWNLOADS.match(call_name(call) or "") is not None
