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
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.statements.guarding_tests import guarding_tests
from bn2gn_codemod.survey.syntax.nodes import call_name, walk, walk_scope

# What else a training has that goes on: restored by name, or out of the same file.
_RESTORES = re.compile(
    rb"(?:opt\w*|sched\w*|scaler|amp)(?:\[[^\]\n]*\])?\.load_state_dict\(|"
    rb"""\[\s*['"]\w*(?:optim|sched)\w*['"]\s*\](?!\s*=)|\.get\(\s*['"]\w*(?:optim|sched)""",
    re.IGNORECASE,
)


def restores_more(module: Module) -> bool:
    """Whether a file restores more of a training than its model, by the file's text."""
    return _RESTORES.search(module.source.data) is not None


def takes_what_fits(call: LoadCall) -> bool:
    """Whether a load takes no more than what the model has, as its function tells."""
    # What a library's loader leaves out, nobody chose.
    if not (call.strict or call.loader or call.into_tensors) or _may_be_lenient(call.spot.node):
        return True
    function = call.spot.function
    nodes = walk_scope(function.node)
    own = {name for node in nodes for name in _names_of_state(node)}
    here = set(guarding_tests(function, call.spot.node))
    return any(
        set(guarding_tests(function, node)) == here
        for node in nodes
        if any(_asks_for_own(test, own) for test in _tests(node)) or _is_tried(node, own)
    )


def _may_be_lenient(load: ast.AST | None) -> bool:
    """``strict=args.stage == 1``"""
    return isinstance(load, ast.Call) and any(
        one.arg == "strict" and not isinstance(one.value, ast.Constant) for one in load.keywords
    )


def _is_tried(node: ast.AST, own: set[str]) -> bool:
    """``for key in saved``, and ``try: own[key].copy_(saved[key])``"""
    return isinstance(node, ast.For) and any(
        isinstance(part, ast.Subscript)
        and isinstance(part.value, ast.Name)
        and part.value.id in own
        for tried in walk(node)
        if isinstance(tried, ast.Try) and not any(map(_fails, tried.handlers))
        for statement in tried.body
        for part in walk(statement)
    )


def _fails(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(part, ast.Raise) for part in walk(handler))


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
        case ast.For(iter=source):
            yield source
            yield from (one.test for one in walk(node) if isinstance(one, ast.If))


def _asks_for_own(test: ast.expr, own: set[str]) -> bool:
    """``key in own``, be it beside other things that are asked."""
    for node in walk(test):
        match node:
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[where]):
                asked = [where]
            case ast.BinOp(op=ast.BitAnd(), left=left, right=right):
                asked = [left, right]
            case _:
                continue
        if any(_is_own(where, own) for where in asked):
            return True
    return False


def _is_own(where: ast.expr, own: set[str]) -> bool:
    """``own``, ``own.keys()``, ``set(own)``, or ``net.state_dict()`` itself."""
    match where:
        case ast.Call(func=ast.Attribute(value=inner, attr="keys")):
            pass
        case ast.Call(func=ast.Name(id="set"), args=[inner]):
            return _is_own(inner, own)
        case _:
            inner = where
    return _is_state(inner) or (isinstance(inner, ast.Name) and inner.id in own)
