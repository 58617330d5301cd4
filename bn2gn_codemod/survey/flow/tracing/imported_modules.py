"""Modules that are imported by a name: ``import_module("nets.cam")``, ``(args.network)``.

The default of an option names one of those that it may be. The others are taken to be those
beside it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow import script_options
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.tracing.arguments import Call
from bn2gn_codemod.survey.modules import Module


def give_imported(call: Call) -> None:
    """The modules of the repository that ``import_module`` may give, as far as it is told."""
    for module in _imported(call):
        call.flow.add(call.result, call.flow.module_value(module))


def _imported(call: Call) -> Iterator[Module]:
    importer = call.function.module
    match call.expr:
        case ast.Call(args=[ast.Constant(value=str(name)), *_]):
            yield from _named(call.flow, name, importer)
        case ast.Call(args=[expr, *_]):
            for name in _names(call.flow, expr, importer):
                for module in _named(call.flow, name, importer):
                    yield from _beside(call.flow, module, importer)
        case _:
            pass


def _names(flow: Flow, expr: ast.expr, importer: Module) -> Iterator[str]:
    """What a name with the value of an option in it is by default: ``"nets." + args.network``."""
    match expr:
        case ast.Attribute(value=ast.Name(id=given), attr=option) if given != "self":
            yield from script_options.defaults(flow, importer, option)
        case ast.BinOp(left=ast.Constant(value=str(before)), op=ast.Add(), right=rest):
            yield from (before + name for name in _names(flow, rest, importer))
        case ast.BinOp(left=rest, op=ast.Add(), right=ast.Constant(value=str(after))):
            yield from (name + after for name in _names(flow, rest, importer))
        case ast.JoinedStr(
            values=[ast.Constant(value=str(before)), ast.FormattedValue(value=rest)]
        ):
            yield from (before + name for name in _names(flow, rest, importer))
        case _:
            pass


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
