"""The options of scripts: ``parser.add_argument("--weights", default="resnet50.pth")``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.module_importers import importers
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import call_name, walk

_ADDS_OPTION = "add_argument"


def defaults(flow: Flow, module: Module, option: str) -> Iterator[str]:
    """The strings that an option has in a module where no user says otherwise.

    The module adds it itself, or is handed the options by a script that imports it. Other files
    do not count: not every one is read, and an edit may change which are.
    """
    yield from _texts(flow, module, option, "default")


def helps(flow: Flow, module: Module, option: str) -> Iterator[str]:
    """What users are told of an option there: ``help="path to model to continue training"``."""
    yield from _texts(flow, module, option, "help")


def _texts(flow: Flow, module: Module, option: str, told: str) -> Iterator[str]:
    for one in [module] if _declares(module, option) else importers(flow, module):
        for call in _declarations(one, option):
            for keyword in call.keywords:
                match keyword:
                    case ast.keyword(arg=name, value=ast.Constant(value=str(text))):
                        if name == told:
                            yield text
                    case _:
                        pass


def _declares(module: Module, option: str) -> bool:
    return any(True for _ in _declarations(module, option))


def _declarations(module: Module, option: str) -> Iterator[ast.Call]:
    """The calls by which a module adds an option of that name."""
    for node in walk(module.tree):
        if _is_option(node) and option in _names_of(node):
            yield node


def _is_option(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and call_name(node) == _ADDS_OPTION


def _names_of(call: ast.Call) -> set[str]:
    """The attributes under which the value of an option may be found."""
    given = [*call.args, *(one.value for one in call.keywords if one.arg == "dest")]
    names = (one.value for one in given if isinstance(one, ast.Constant))
    return {name.lstrip("-").replace("-", "_") for name in names if isinstance(name, str)}
