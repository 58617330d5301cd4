"""Entries of a file that do not fit the model, and that code replaces before a strict load.

``if saved[key].shape != own[key].shape: saved[key] = torch.zeros_like(own[key])``: a strict load
needs all that the model has, so the file is that of a whole model, and of another one than
this. Training that goes on has nothing to replace.
"""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.syntax.nodes import call_name, reads_as, root_of, walk

_SIZES = frozenset({"shape", "size", "numel"})


def refits_entries(call: LoadCall) -> bool:
    """Whether a strict load is of a file whose entries are replaced where their shapes differ."""
    match call.spot.node:
        case ast.Call(args=[ast.Name(id=state), *_]) if call.strict:
            nodes = walk(call.spot.function.node)
        case _:
            return False
    return not any(_is_state_of_model(node, state) for node in nodes) and any(
        isinstance(node, ast.If)
        and _compares_sizes(node.test)
        and any(_stores_into(inner, state) for part in node.body for inner in walk(part))
        for node in nodes
    )


def _is_state_of_model(node: ast.AST, state: str) -> bool:
    """``own = model.state_dict()``, into which what fits of a file is merged."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as made):
            return name == state and call_name(made) == "state_dict"
        case _:
            return False


def _compares_sizes(test: ast.expr) -> bool:
    return any(
        isinstance(part, ast.Compare)
        and any(
            isinstance(inner, ast.Attribute) and inner.attr in _SIZES for inner in walk(part.left)
        )
        for part in walk(test)
    )


def _stores_into(node: ast.AST, state: str) -> bool:
    return isinstance(node, ast.Assign) and any(
        isinstance(target, ast.Subscript) and reads_as(root_of(target), state)
        for target in node.targets
    )
