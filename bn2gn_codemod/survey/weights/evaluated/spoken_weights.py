"""Code that speaks of pretrained weights, which may come in a way that was not followed."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.values import Class, Instance

_HANDLES_WEIGHTS = re.compile(
    r"\bpretrained\b|\bload_state_dict\b|load_checkpoint|load_pretrained|load_url|"
    r"state_dict_from_url|load_param|load_weights"
)
_WORDS_OF_WEIGHTS = ("pretrained", "load_", "state_dict_from_url")  # one of them is in each


def handles_weights(module: Module, node: ast.stmt) -> bool:
    """Whether the lines of a class or function speak of pretrained weights, comments aside."""
    lines = module.source.lines[node.lineno - 1 : node.end_lineno]
    text = "".join(lines)
    if not any(word in text for word in _WORDS_OF_WEIGHTS):
        return False
    return any(_HANDLES_WEIGHTS.search(line.split("#", 1)[0]) for line in lines)


def speaks_of_weights(flow: Flow, cls: Class, kin: Collection[Class]) -> bool:
    """Whether a class, or a function beside it, may load weights into ``kin`` or be asked to."""
    if handles_weights(cls.module, cls.node):
        return True
    return any(
        isinstance(node, ast.FunctionDef)
        and handles_weights(cls.module, node)
        and not _fills_others(flow, node, kin)
        for node in cls.module.tree.body
    )


def _fills_others(flow: Flow, node: ast.FunctionDef, kin: Collection[Class]) -> bool:
    """Whether a factory loads what it makes itself, and that is none of the classes."""
    filled = [
        list(flow.values(call.receiver))
        for call in flow.load_calls
        if call.spot.function.node is node
    ]
    names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return (
        bool(filled)
        and all(filled)  # what is not followed may be any model
        and names.isdisjoint(cls.name for cls in kin)
        and all(
            isinstance(value, Instance)
            and value.spot is not None
            and value.spot.function.node is node
            and value.class_ not in kin
            for values in filled
            for value in values
        )
    )
