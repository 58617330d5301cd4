"""Loops that count, as those over epochs and steps do."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.statements.run_conditions import blocks_around
from bn2gn_codemod.survey.syntax.nodes import call_name
from bn2gn_codemod.survey.values import Function

_COUNTERS = {"range", "trange", "count"}


def counted_loops(function: Function, node: ast.AST) -> Iterator[ast.For | ast.While]:
    """The loops of a function in which the code at ``node`` is run again and again."""
    for block, index in blocks_around(function.node, node):
        match block[index]:
            case ast.While() as loop:
                yield loop
            case ast.For(iter=ast.Call() as counted) as loop if call_name(counted) in _COUNTERS:
                yield loop
