"""Modules that are imported by a name: ``import_module("nets.cam")``, ``(args.network)``.

The default of an option names one of those that it may be. The others are taken to be those
beside it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax import call_name, walk
from bn2gn_codemod.survey.tracing.arguments import Call

_ADDS_OPTION = "add_argument"


def give_imported(call: Call) -> None:
    """The modules of the repository that ``import_module`` may give, as far as it is told."""
    for module in _imported(call):
        call.flow.add(call.result, call.flow.module_value(module))


def _imported(call: Call) -> Iterator[Module]:
    importer = call.function.module
    match call.expr:
        case ast.Call(args=[ast.Constant(value=str(name)), *_]):
            yield from _named(call.flow, name, importer)
        case ast.Call(args=[ast.Attribute(value=ast.Name(id=given), attr=option), *_]):
            for name in _defaults(importer, option) if given != "self" else ():
                for module in _named(call.flow, name, importer):
                    yield from _beside(call.flow, module, importer)
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


def _defaults(module: Module, option: str) -> Iterator[str]:
    """``parser.add_argument("--network", default="nets.resnet")`` in the module itself.

    Not every file is read, and an edit may change which are.
    """
    for node in walk(module.tree):
        if _is_option(node) and option in _names_of(node):
            yield from _default_of(node)


def _is_option(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and call_name(node) == _ADDS_OPTION


def _names_of(call: ast.Call) -> set[str]:
    """The attributes under which the value of an option may be found."""
    given = [*call.args, *(one.value for one in call.keywords if one.arg == "dest")]
    names = (one.value for one in given if isinstance(one, ast.Constant))
    return {name.lstrip("-").replace("-", "_") for name in names if isinstance(name, str)}


def _default_of(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        match keyword:
            case ast.keyword(arg="default", value=ast.Constant(value=str(text))):
                yield text
            case _:
                pass
