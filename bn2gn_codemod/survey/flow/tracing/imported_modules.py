"""Modules that are imported by a name: ``import_module("nets.cam")``, ``(args.network)``.

The default of an option names one of those that it may be. The others are taken to be those
beside it. Where nothing is known of the name but a folder, they are all
that fit, however deep below it.
"""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.module_names import dotted_parts
from bn2gn_codemod.survey.flow import script_options
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.tracing.arguments import Call
from bn2gn_codemod.survey.flow.tracing.cut_texts import split_text
from bn2gn_codemod.survey.flow.tracing.written_paths import is_written_out
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.statements.newest_value import newest_value
from bn2gn_codemod.survey.syntax.nodes import text_pattern
from bn2gn_codemod.survey.values import Function, Text, Value


class _Part(NamedTuple):
    """A text with one part that is computed."""

    before: str
    part: ast.expr
    after: str


def give_imported(call: Call) -> None:
    """The modules of the repository that ``import_module`` may give, as far as it is told."""
    name = _name(call)
    if name is not None and _give_by_path(call, name):
        return
    found = dict.fromkeys(_imported(call, name))
    for module in found:
        call.flow.add(call.result, call.flow.module_value(module))
    # What is written out and not found is a library, or a module that is not there.
    if not found and not isinstance(name, ast.Constant):
        call.flow.unnamed_imports.append(call.spot())


def _give_by_path(call: Call, name: ast.expr) -> bool:
    """``"models." + ".".join(parts[:-1])`` of ``parts = path.split(".")``, where that is so.

    What the path is said to be tells the module; where it may be another one, it is any that fits.
    """
    flow, split = call.flow, _split(name)
    path = None if split is None else _without_last(call.function, split.part)
    whole = None if path is None else flow.expressions.get(path)
    if split is None or path is None or whole is None:
        return False

    def on_path(held: Value) -> None:
        if isinstance(held, Text):
            inner = split.before + held.pattern.rpartition(".")[0] + split.after
            for module in _fitting(flow, ast.Constant(inner), call.function.module):
                flow.add(call.result, flow.module_value(module))

    def give_others() -> None:
        if is_written_out(flow, call.function, path):
            return
        found = list(_fitting(flow, name, call.function.module))
        for module in found:
            flow.add(call.result, flow.module_value(module))
        if not found:
            flow.unnamed_imports.append(call.spot())

    flow.watch(whole, on_path)
    flow.unplaced.append((flow.node(), give_others))
    return True


def _without_last(function: Function, joined: ast.expr) -> ast.expr | None:
    """``path`` of ``".".join(parts[:-1])`` after ``parts = path.split(".")``."""
    match joined:
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value="."), attr="join"),
            args=[
                ast.Subscript(
                    value=pieces,
                    slice=ast.Slice(
                        lower=None,
                        upper=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)),
                        step=None,
                    ),
                )
            ],
        ):
            cut = split_text(function, pieces)
            return cut.text if cut is not None and cut.separator == "." else None
        case _:
            return None


def _name(call: Call) -> ast.expr | None:
    """What says which module it is: ``name = "nets." + net`` stands before ``(name)``."""
    match call.expr:
        case ast.Call(args=[ast.Name() as variable, *_]):
            return newest_value(call.function.node, variable, variable)
        case ast.Call(args=[name, *_]):
            return name
        case _:
            return None


def _imported(call: Call, expr: ast.expr | None) -> Iterator[Module]:
    importer = call.function.module
    match expr:
        case ast.Constant(value=str(name)):
            yield from _named(call.flow, name, importer)
        case ast.expr():
            named = [
                module
                for name in _names(call.flow, expr, importer)
                for module in _named(call.flow, name, importer)
            ]
            for module in named:
                yield from _beside(call.flow, module, importer)
            if not named:
                yield from _fitting(call.flow, expr, importer)
        case _:
            pass


def _names(flow: Flow, expr: ast.expr, importer: Module) -> Iterator[str]:
    """What a name with the value of an option in it is by default: ``"nets." + args.network``."""
    match expr:
        case ast.Attribute(value=ast.Name(id=given), attr=option) if given != "self":
            yield from script_options.defaults(flow, importer, option)
            return
    split = _split(expr)
    if split is not None:
        for name in _names(flow, split.part, importer):
            yield split.before + name + split.after


def _split(expr: ast.expr) -> _Part | None:
    """The one part of a text that is computed, and what is written before and after it."""
    match expr:
        case ast.BinOp(left=ast.Constant(value=str(before)), op=ast.Add(), right=part):
            return _Part(before, part, "")
        case ast.BinOp(left=part, op=ast.Add(), right=ast.Constant(value=str(after))):
            return _Part("", part, after)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=part):
            if isinstance(part, ast.Tuple) and len(part.elts) == 1:
                part = part.elts[0]
            return _filled(text, "%s", part)
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format"),
            args=[part],
            keywords=[],
        ):
            return _filled(text, "{}", part) or _filled(text, "{0}", part)
        case ast.JoinedStr(values=values):
            places = [at for at, one in enumerate(values) if isinstance(one, ast.FormattedValue)]
            if len(places) == 1 and isinstance(part := values[places[0]], ast.FormattedValue):
                head, tail = values[: places[0]], values[places[0] + 1 :]
                return _Part(_written(head), part.value, _written(tail))
    return None


def _written(parts: list[ast.expr]) -> str:
    return "".join(str(one.value) for one in parts if isinstance(one, ast.Constant))


def _filled(text: str, field: str, part: ast.expr) -> _Part | None:
    """``part`` in the only field of a text."""
    before, found, after = text.partition(field)
    is_only = found and not any(sign in before + after for sign in "%{}")
    return _Part(before, part, after) if is_only else None


def _named(flow: Flow, dotted: str, importer: Module) -> Iterator[Module]:
    path = flow.index.find(dotted, importer.path)
    if path is not None:
        yield flow.by_path[path]


def _beside(flow: Flow, module: Module, importer: Module) -> Iterator[Module]:
    """The modules in the folder of one, but for the one that imports them."""
    folder = module.path.rpartition("/")[0]
    for other in flow.modules:
        if other.path.rpartition("/")[0] == folder and other is not importer:
            yield other


def _fitting(flow: Flow, expr: ast.expr, importer: Module) -> Iterator[Module]:
    """The modules below a folder that is written out, by names of which no more is known.

    What is computed may have dots in it: ``"nets." + args.name`` may be ``nets.cam.resnet``.
    """
    pattern = text_pattern(expr) or ""
    wanted = pattern.split(".")
    if len(wanted) < 2 or "" in wanted or "*" in wanted[0]:
        return
    for module in flow.modules:
        parts = dotted_parts(module.path)
        names = [".".join(parts[start:]) for start in range(len(parts))]
        meant = (name for name in names if fnmatch.fnmatchcase(name, pattern))
        if module is not importer and any(
            flow.index.find(name, importer.path) == module.path for name in meant
        ):
            yield module
