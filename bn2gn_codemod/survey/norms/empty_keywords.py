"""Keywords that are unpacked and empty: ``norm(64, **({} if options is None else options))``.

Code that goes on like this takes further arguments of a norm layer, for whoever has some. Where
nobody has any, the call is as good as one without them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.syntax.nodes import all_arguments, call_name, defaults_of, dotted, walk
from bn2gn_codemod.survey.values import Function, Spot


class EmptyKeywords:
    """Tells calls whose unpacked keywords are those of a parameter that is always ``None``."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._call_sites = CallSites(flow)
        self._known: dict[str, bool] = {}

    def without(self, call: ast.Call, spot: Spot) -> ast.Call:
        """The call without such keywords; the call itself where it has none."""
        kept = [one for one in call.keywords if not self._is_empty(one, spot.function)]
        if len(kept) == len(call.keywords):
            return call
        return ast.copy_location(ast.Call(call.func, call.args, kept), call)

    def _is_empty(self, keyword: ast.keyword, function: Function) -> bool:
        name = _parameter_or_empty(keyword.value) if keyword.arg is None else None
        if name is None or name not in function.parameters - function.extra_parameters:
            return False
        if name not in self._known:
            self._known[name] = self._is_always_none(name)
        return self._known[name]

    def _is_always_none(self, name: str) -> bool:
        """Whether nothing in the repository goes by a name but parameters that nobody gives."""
        option = name.replace("_", "-").encode()
        having = [
            module
            for module in self._flow.modules
            if name.encode() in module.source.data or option in module.source.data
        ]
        return all(_says_none(module.tree, name) for module in having) and not any(
            self._is_placed(function, name)
            for function in self._flow.function_of.values()
            if name in function.parameters
        )

    def _is_placed(self, function: Function, name: str) -> bool:
        """Whether a call may hand something over in the place of the parameter."""
        node = function.node
        if isinstance(node, ast.Module):
            return False
        placed = [one.arg for one in (*node.args.posonlyargs, *node.args.args)]
        if name not in placed:
            return False
        place = placed.index(name) - (function.class_ is not None and not function.is_static)
        called = [call for _, call in self._call_sites.of(function)]
        own = function.class_.name if function.is_constructor and function.class_ else function.name
        named = self._naming(own.rpartition(".")[2])
        if any(_unpacks_unknown(call, caller) for caller, call in self._call_sites.of(function)):
            return True
        return any(
            any(isinstance(one, ast.Starred) for one in given[: place + 1])
            or not all(_is_none_or(one, name) for one in given[place : place + 1])
            for given in (*(call.args for call in called), *named)
        )

    def _naming(self, last: str) -> Iterator[list[ast.expr]]:
        """What is handed by place to all of a name, also by what is handed that: ``partial``."""
        for module in self._flow.modules:
            if last.encode() in module.source.data:
                for node in walk(module.tree):
                    if isinstance(node, ast.Call):
                        if call_name(node) == last:
                            yield node.args
                        yield from (
                            node.args[at:]
                            for at, one in enumerate(node.args, 1)
                            if (dotted(one) or "").rpartition(".")[2] == last
                        )


def _unpacks_unknown(call: ast.Call, caller: Function) -> bool:
    """Whether a call unpacks keywords of which its code does not tell: ``Head(**config)``."""
    return any(
        one.arg is None
        and not isinstance(one.value, ast.Dict)
        and not (isinstance(one.value, ast.Name) and one.value.id in caller.extra_parameters)
        and _parameter_or_empty(one.value) is None
        for one in call.keywords
    )


def _parameter_or_empty(expr: ast.expr) -> str | None:
    """The name of what is unpacked if it is not ``None``, and else nothing."""
    match expr:
        case ast.IfExp(
            test=ast.Compare(left=ast.Name(id=asked), ops=[test], comparators=[compared]),
            body=body,
            orelse=orelse,
        ):
            is_none = isinstance(compared, ast.Constant) and compared.value is None
            if not is_none or not isinstance(test, (ast.Is, ast.IsNot)):
                return None
            empty, other = (body, orelse) if isinstance(test, ast.Is) else (orelse, body)
        case ast.BoolOp(op=ast.Or(), values=[ast.Name(id=asked) as other, empty]):
            pass
        case _:
            return None
    match empty, other:
        case ast.Dict(keys=[]), ast.Name(id=given) if given == asked:
            return asked
        case _:
            return None


def _says_none(tree: ast.Module, name: str) -> bool:
    """Whether all that a file calls by a name is a parameter that it leaves ``None``."""
    nodes = walk(tree)
    documentation = {one.value for one in nodes if isinstance(one, ast.Expr)}
    # An option may be written with either: ``--norm-kwargs``.
    word = re.compile(r"\b" + re.escape(name).replace("_", "[-_]") + r"\b")
    for node in nodes:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                if not _leaves_none(node, name):
                    return False
            case ast.keyword(arg=one, value=value) if one == name:
                if not _is_none_or(value, name):
                    return False
            case ast.Name(id=one, ctx=ast.Store() | ast.Del()) | ast.Attribute(attr=one):
                if one == name:
                    return False
            case ast.alias(name=one, asname=other) if name in (one, other):
                return False
            case ast.Constant(value=str(text)) if node not in documentation and word.search(text):
                return False
            case _:
                pass
    return True


def _leaves_none(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, name: str) -> bool:
    """Whether a function has no such parameter, or one that is ``None`` where it is not given."""
    if name not in {one.arg for one in all_arguments(node.args)}:
        return True
    extra = (node.args.vararg, node.args.kwarg)
    return not any(one is not None and one.arg == name for one in extra) and all(
        _is_none_or(default, name)
        for parameter, default in defaults_of(node.args)
        if parameter.arg == name
    )


def _is_none_or(value: ast.expr, name: str) -> bool:
    match value:
        case ast.Constant(value=None):
            return True
        case ast.Name(id=one):
            return one == name
        case _:
            return False
