"""Files of which only what the model has is taken, by code that restores nothing else.

``{k: v for k, v in saved.items() if k in own}``, or ``strict=False``: the file may be another
model's. Whoever goes on with a training needs all of it, and the state of the optimizer. So the
word ``resume`` alone does not tell which of both it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.load_calls import LoadCall
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.syntax.nodes import call_name, walk, walk_scope

# What else a training has that goes on: restored by name, or out of the same file.
_RESTORES = re.compile(
    rb"(?:opt\w*|sched\w*|scaler|amp)(?:\[[^\]\n]*\])?\.load_state_dict\(|"
    rb"""\[\s*['"]\w*(?:optim|sched)\w*['"]\s*\](?!\s*=)|\.get\(\s*['"]\w*(?:optim|sched)""",
    re.IGNORECASE,
)


def takes_what_fits(call: LoadCall) -> bool:
    """Whether a load is of such a file, as its function and the file with it tell."""
    if _RESTORES.search(call.spot.module.source.data):
        return False
    if not (call.strict or call.loader):  # what a library's loader leaves out, nobody chose
        return True
    function = call.spot.function
    nodes = walk_scope(function.node)
    own = {name for node in nodes for name in _names_of_state(node)}
    here = set(guarding_tests(function, call.spot.node))
    return any(
        set(guarding_tests(function, node)) == here
        for node in nodes
        if any(_asks_for_own(test, own) for test in _tests(node))
    )


def _names_of_state(node: ast.AST) -> Iterator[str]:
    """``own`` of ``own = model.state_dict()``"""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_state(value):
            yield name


def _is_state(value: ast.expr) -> bool:
    match value:
        case ast.Call(func=ast.Attribute(value=inner, attr="keys" | "copy")):
            return _is_state(inner)
        case ast.Call():
            return call_name(value) == "state_dict"
    return False


def _tests(node: ast.AST) -> Iterator[ast.expr]:
    """What entries are asked for: in a comprehension, or under ``for key in saved``."""
    match node:
        case ast.DictComp(generators=generators):
            yield from (test for one in generators for test in one.ifs)
        case ast.For():
            yield from (one.test for one in walk(node) if isinstance(one, ast.If))


def _asks_for_own(test: ast.expr, own: set[str]) -> bool:
    """``key in own``, be it beside other things that are asked."""
    for node in walk(test):
        match node:
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[where]):
                inner = where
                if isinstance(where, ast.Call) and isinstance(where.func, ast.Attribute):
                    inner = where.func.value if where.func.attr == "keys" else where
                if _is_state(inner) or (isinstance(inner, ast.Name) and inner.id in own):
                    return True
            case _:
                pass
    return False
