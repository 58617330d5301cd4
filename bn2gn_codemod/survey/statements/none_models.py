"""Variables that may hold no model: ``model = None`` before the branches that make one.

Or nothing at all: no branch that makes one may be taken.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

from bn2gn_codemod.survey.statements.scopes import assignments
from bn2gn_codemod.survey.syntax.nodes import call_name, children, flat, reads_as, walk

# Not run with the statement that they stand in, or not always.
_NOT_ALWAYS = (ast.stmt, ast.ExceptHandler, ast.match_case, ast.Lambda, ast.IfExp)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)

# A statement that assigns to a variable, and what; ``None``: a part of what is not written out.
Binding = tuple[ast.stmt, ast.expr | None]


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


def given(statement: ast.stmt, model: str) -> Iterator[Binding]:
    """The assignments to a variable in a statement; of ``a, b = None, 1``, its own part."""
    for made, value in assignments(statement, model):
        yield made, _part(made, model) if value is None else value


class Presence:
    """Whether a variable of a function holds a model, along its statements.

    ``gives_none``: whether an assignment may leave it without one. ``reads_inside``: whether a
    call that is handed the model reads an attribute of it on every way.
    """

    def __init__(
        self,
        model: str,
        gives_none: Callable[[Binding], bool],
        reads_inside: Callable[[ast.Call], bool],
    ) -> None:
        self._model = model
        self._gives_none = gives_none
        self._reads_inside = reads_inside

    def is_there(self, before: Iterable[ast.stmt]) -> bool | None:
        """Whether there is one after these statements, of which the last one comes first.

        What fails without one has one behind it. ``None``: none of them gives the variable
        anything but what it has, moved or wrapped.
        """
        is_made = False
        for statement in before:
            if self._always_makes([statement]):
                return True
            if self._may_unmake(statement):
                return False
            if self.always_reads([statement]):
                return True
            is_made = is_made or any(not self._moves(one) for one in given(statement, self._model))
        return False if is_made else None

    def _always_makes(self, block: list[ast.stmt]) -> bool:
        """Whether a model is made on every way through a block that leads on from it."""
        last = max((n for n, one in enumerate(block) if self._may_unmake(one)), default=-1)
        return any(map(self._makes, block[last + 1 :]))

    def _makes(self, statement: ast.stmt) -> bool:
        match statement:
            case ast.Assign() | ast.AnnAssign():
                bindings = list(given(statement, self._model))
                # model = model.cuda(): fails where there is none
                is_read = bool(bindings) and any(map(self._reads, _always_run(statement)))
                return is_read or not all(map(self._moves, bindings))
            case ast.If(test=test, body=body) if _is_none(test, self._model):
                return self._always_makes_or_leaves(body)
            case ast.If(body=body, orelse=orelse):
                return self._always_makes_or_leaves(body) and self._always_makes_or_leaves(orelse)
            case ast.With(body=body):
                return self._always_makes(body)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
                tried = self._always_makes([*body, *orelse]) and all(
                    self._always_makes_or_leaves(handler.body) for handler in handlers
                )
                return tried or self._always_makes(finalbody)
            case _:
                return False

    def _always_makes_or_leaves(self, block: list[ast.stmt]) -> bool:
        return self._always_makes(block) or leaves(block)

    def _may_unmake(self, statement: ast.stmt) -> bool:
        """Whether there may be no model after a statement, whatever there was before."""
        return any(map(self._gives_none, given(statement, self._model)))

    def _moves(self, binding: Binding) -> bool:
        """``model = model.cuda()``: nothing that was not there before."""
        _, value = binding
        return value is not None and any(
            isinstance(node, ast.expr) and reads_as(node, self._model) for node in walk(value)
        )

    def always_reads(self, block: list[ast.stmt]) -> bool:
        """Whether an attribute of the model is read on every way through a block.

        Where there is none, the block fails anyway, and so may what we write before it.
        """
        for statement in block:
            if any(map(self._reads, _always_run(statement))):
                return True
            ways: list[list[ast.stmt]] = [[statement]]
            if isinstance(statement, ast.If):
                branches = (statement.body, statement.orelse)
                ways = [branch for branch in branches if not self.always_reads(branch)]
                if not ways:
                    return True
            elif isinstance(statement, ast.With) and self.always_reads(statement.body):
                return True
            is_bound = any(True for _ in given(statement, self._model))
            if is_bound or any(isinstance(inner, _LEAVES) for way in ways for inner in flat(way)):
                return False
        return False

    def _reads(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            return self._reads_inside(node)
        return isinstance(node, ast.Attribute) and reads_as(node.value, self._model)


def leaves(block: list[ast.stmt]) -> bool:
    """Whether no way leads on from a block."""
    match block[-1] if block else None:
        case ast.Return() | ast.Raise() | ast.Break() | ast.Continue():
            return True
        case ast.Expr(value=ast.Call() as call):
            return call_name(call) == "exit"
        case ast.If(body=body, orelse=orelse):
            return leaves(body) and leaves(orelse)
        case ast.With(body=body):
            return leaves(body)
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            tried = leaves(orelse or body) and all(leaves(handler.body) for handler in handlers)
            return tried or leaves(finalbody)
        case _:
            return False


def asks_for(test: ast.expr, model: str) -> bool:
    """Whether a test asks for a model that may be none: ``model``, ``model is not None and x``."""
    return any(_is_about(part, model) for part in _conditions(test))


def _part(made: ast.stmt, model: str) -> ast.expr | None:
    """``x`` of ``model, other = x, y``."""
    match made:
        case ast.Assign(targets=targets, value=ast.Tuple(elts=values) | ast.List(elts=values)):
            pass
        case _:
            return None
    for target in targets:
        parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
        if len(parts) != len(values) or any(isinstance(v, ast.Starred) for v in [*parts, *values]):
            continue
        for part, value in zip(parts, values, strict=True):
            if reads_as(part, model):
                return value
    return None


def _is_none(test: ast.expr, model: str) -> bool:
    """``model is None``, ``not model``, ``not hasattr(self, "model")`` and the like."""
    match test:
        case ast.UnaryOp(
            op=ast.Not(),
            operand=ast.Call(
                func=ast.Name(id="hasattr"),
                args=[ast.Name(id=owner), ast.Constant(value=str(name))],
            ),
        ):
            return f"{owner}.{name}" == model
        case ast.Compare(
            left=ast.Call(
                func=ast.Name(id="getattr"),
                args=[ast.Name(id=owner), ast.Constant(value=str(name)), _],
            ),
            ops=[ast.Is()],
            comparators=[ast.Constant(value=None)],
        ):
            return f"{owner}.{name}" == model
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return reads_as(operand, model)
        case ast.Compare(
            left=left, ops=[ast.Is() | ast.Eq()], comparators=[ast.Constant(value=None)]
        ):
            return reads_as(left, model)
        case _:
            return False


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
