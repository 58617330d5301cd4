"""Calls that code makes whatever is asked: in both branches of an ``if``, or in all of a ``try``.

``try: net.load(file)`` with ``except KeyError: net.load(renamed)`` is one, and so is what stands
in a ``with``, in a loop over what is written out, or in the process of rank 0 alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

from bn2gn_codemod.survey.syntax.nodes import call_name, dotted, walk

_ASKING = (ast.IfExp, ast.BoolOp, ast.Lambda, ast.FunctionDef, ast.ClassDef, ast.comprehension)
_JUMPS = (ast.Continue, ast.Break)
# One of the processes, from which the others get the same model.
_RANK = re.compile(
    r"(?:\b|_)rank\b[^<>]*==\s*0\s*$|^not (?:\w+\.)*(?:local_|global_)?rank$|"
    r"^(?:\w+\.)*is_(?:main|master|rank_?zero|rank_?0)(?:_process|_proc|_rank)?(?:\(.*\))?$",
    re.IGNORECASE,
)


def passes(block: Sequence[ast.stmt], node: ast.AST, *, to_its_end: bool = False) -> bool:
    """Whether whoever comes to a block makes a call there, or the same one with other arguments.

    What ends the program is as good. So is what leaves the function, but for ``to_its_end``.
    """
    name = _called(node)

    def is_it(part: ast.AST) -> bool:
        return part is node or (bool(name) and _called(part) == name)

    return _holds(block, node) and _passes(block, is_it, to_its_end=to_its_end)


def _holds(block: Sequence[ast.stmt], node: ast.AST) -> bool:
    return any(part is node for statement in block for part in walk(statement))


def _called(node: ast.AST) -> str:
    """``net.load_state_dict`` of a call, ``module`` of wrappers left out."""
    text = dotted(node.func) if isinstance(node, ast.Call) else None
    return (text or "").replace(".module.", ".")


def _passes(
    block: Sequence[ast.stmt], is_it: Callable[[ast.AST], bool], *, to_its_end: bool
) -> bool:
    for statement in block:
        if _does(statement, is_it, to_its_end=to_its_end):
            return True
        leaves = (ast.Return, *_JUMPS) if to_its_end else _JUMPS
        if any(isinstance(part, leaves) for part in walk(statement)):
            return False
    return False


def _does(statement: ast.stmt, is_it: Callable[[ast.AST], bool], *, to_its_end: bool) -> bool:
    def go(block: Sequence[ast.stmt]) -> bool:
        return _passes(block, is_it, to_its_end=to_its_end)

    match statement:
        case ast.Raise():
            return True
        case _ if is_it(statement):
            return True
        case ast.Return() if not to_its_end and not any(map(is_it, walk(statement))):
            return True
        case ast.If(test=test, body=body, orelse=orelse):
            if _is_in(test, is_it):
                return True
            is_true = isinstance(test, ast.Constant) and bool(test.value)
            if is_true or (not orelse and _RANK.search(ast.unparse(test))):
                return go(body)
            return go(body) and go(orelse)
        case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
            entered = [item.context_expr for item in items]
            if any(_is_in(one, is_it) for one in entered):
                return True
            return go(body) and not any(
                isinstance(one, ast.Call) and call_name(one) == "suppress" for one in entered
            )
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            is_tried = go([*body, *orelse]) and all(go(one.body) for one in handlers)
            return is_tried or go(finalbody)
        case ast.For(iter=source, body=body):
            return _is_in(source, is_it) or (_is_written(source) and go(body))
        case ast.Expr(value=ast.Call() as call) if call_name(call) in ("exit", "quit", "_exit"):
            return True
        case (
            ast.FunctionDef() | ast.ClassDef() | ast.AsyncFunctionDef() | ast.While() | ast.Match()
        ):
            return False
        case _:
            return _is_in(statement, is_it)


def _is_in(code: ast.AST, is_it: Callable[[ast.AST], bool]) -> bool:
    """Whether code makes the call, and not by a part that is asked for."""
    asked = {inner for part in walk(code) if isinstance(part, _ASKING) for inner in walk(part)}
    return any(is_it(part) and part not in asked for part in walk(code))


def _is_written(source: ast.expr) -> bool:
    """Whether a loop goes over what is written out, and is not empty."""
    match source:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            return any(not isinstance(one, ast.Starred) for one in elements)
        case _:
            return False
