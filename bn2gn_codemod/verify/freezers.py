"""Finds the repository's own freeze functions, guards and wrapper modules."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from bn2gn_codemod.verify.import_graph import ImportGraph

_FREEZE = re.compile(r"_?freeze_\w*(bn|batch_?norm|backbone)\w*", re.IGNORECASE)
_GUARD = re.compile(r"_?(eval|keep)_\w*(bn|batch_?norm|backbone)\w*", re.IGNORECASE)
_MODEL = re.compile(r"model|net|network|detector|module")


@dataclasses.dataclass(frozen=True)
class Freezers:
    """``freezes`` and ``guards`` are functions as the probe takes them.

    ``wrappers`` are the attributes under which a model is held while it
    trains, innermost first.
    """

    freezes: tuple[dict[str, Any], ...] = ()
    guards: tuple[dict[str, Any], ...] = ()
    wrappers: tuple[str, ...] = ()


def find(graph: ImportGraph) -> Freezers:
    """Read the repository's files for them; nothing is run."""
    freezes, guards = [], []
    wrappers: list[str] = []
    for path, tree in graph.trees.items():
        for statement in tree.body:
            if isinstance(statement, ast.ClassDef):
                wrappers += _held(statement)
            elif isinstance(statement, ast.FunctionDef) and statement.args.args:
                if _FREEZE.fullmatch(statement.name):
                    freezes.append(_function(graph, path, statement.name))
                elif _GUARD.fullmatch(statement.name):
                    guards.append(_function(graph, path, statement.name))
    # DataParallel holds what the repository's wrapper holds.
    held = (*dict.fromkeys(wrappers),)[:1]
    return Freezers(tuple(freezes), tuple(guards), (*held, "module"))


def _function(graph: ImportGraph, path: str, name: str) -> dict[str, Any]:
    package = graph.name(path).rpartition(".")[0]
    users = [user for user in graph.trees if path in graph.reached_from(user)]
    reaches = sorted(set().union(*(graph.reached_from(user) for user in users)))
    return {"path": path, "name": name, "package": package, "reaches": reaches}


def _held(class_: ast.ClassDef) -> Iterator[str]:
    """Attributes in which a class keeps the model that its constructor was given."""
    for function in class_.body:
        if not isinstance(function, ast.FunctionDef) or function.name != "__init__":
            continue
        given = {a.arg for a in function.args.args if _MODEL.fullmatch(a.arg)}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
                target = node.targets[0]
                if node.value.id in given and isinstance(target, ast.Attribute):
                    yield target.attr
