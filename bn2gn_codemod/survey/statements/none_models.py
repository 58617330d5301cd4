"""Variables that may hold no model: ``model = None`` before the branches that make one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.statements.scopes import assignments
from bn2gn_codemod.survey.syntax.nodes import call_name, children, flat, reads_as

# Not run with the statement that they stand in, or not always.
_NOT_ALWAYS = (ast.stmt, ast.ExceptHandler, ast.match_case, ast.Lambda, ast.IfExp)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)


def may_be_none(value: ast.expr | None) -> bool:
    """Whether an expression gives ``None`` on some way."""
    match value:
        case ast.Constant(value=None):
            return True
        case ast.IfExp(body=body, orelse=orelse):
            return may_be_none(body) or may_be_none(orelse)
        case ast.BoolOp(values=values):
            return any(map(may_be_none, values))
        case _:
            return False


def always_makes(block: list[ast.stmt], model: str) -> bool:
    """Whether a model is made on every way through a block that leads on from it."""
    last = max((n for n, one in enumerate(block) if _may_unmake(one, model)), default=-1)
    for statement in block[last + 1 :]:
        match statement:
            case ast.Return() | ast.Raise():
                return True
            case ast.Expr(value=ast.Call() as call) if call_name(call) == "exit":
                return True
            case ast.Assign() if any(
                value is not None and not may_be_none(value)
                for _, value in assignments(statement, model)
            ):
                return True
            case ast.If(body=body, orelse=orelse) if always_makes(body, model) and always_makes(
                orelse, model
            ):
                return True
            case _:
                pass
    return False


def _may_unmake(statement: ast.stmt, model: str) -> bool:
    """Whether the model may be none after a statement, whatever it was before."""
    return any(
        value is None or may_be_none(value)
        for inner in flat([statement])
        for _, value in assignments(inner, model)
    )


def always_reads(block: list[ast.stmt], model: str) -> bool:
    """Whether an attribute of a model is read on every way through a block.

    Where there is none, the block fails anyway, and so may what we write before it.
    """
    for statement in block:
        if any(_is_attribute_of(node, model) for node in _always_run(statement)):
            return True
        ways: list[list[ast.stmt]] = [[statement]]
        if isinstance(statement, ast.If):
            branches = (statement.body, statement.orelse)
            ways = [branch for branch in branches if not always_reads(branch, model)]
            if not ways:
                return True
        elif isinstance(statement, ast.With) and always_reads(statement.body, model):
            return True
        if any(isinstance(inner, _LEAVES) for way in ways for inner in flat(way)):
            return False
    return False


def asks_for(test: ast.expr, model: str) -> bool:
    """Whether a test asks for a model that may be none: ``model``, ``model is not None and x``."""
    return any(_is_about(part, model) for part in _conditions(test))


def _is_attribute_of(node: ast.AST, model: str) -> bool:
    return isinstance(node, ast.Attribute) and reads_as(node.value, model)


def _always_run(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes that are evaluated whenever a statement is."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, _COMPREHENSIONS):
            pending.append(node.generators[0].iter)
        elif isinstance(node, ast.BoolOp):
            pending.append(node.values[0])
        else:
            pending.extend(one for one in children(node) if not isinstance(one, _NOT_ALWAYS))


def _conditions(test: ast.expr) -> Iterator[ast.expr]:
    if isinstance(test, ast.BoolOp):
        for part in test.values:
            yield from _conditions(part)
    else:
        yield test


def _is_about(test: ast.expr, model: str) -> bool:
    """``model``, ``model is None``, ``not model``: whether there is one."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _is_about(operand, model)
        case ast.Compare(left=left, comparators=[ast.Constant(value=None)]):
            return ast.unparse(left) == model
        case _:
            return ast.unparse(test) == model
