"""What a name holds in the rest of the branch that binds it.

A variable is one node, whatever binds it. Where each branch of an ``if`` gives a name another
network, and then changes that network, each network would seem to get parts of the others:

    if trunk == "a":
        net = a()
        net.stem = nn.Sequential(net.conv1, net.bn1)
    elif trunk == "b":
        net = b()
        net.stem = nn.Sequential(net.conv1, net.bn1)

So a branch remembers what a call gave a name in it. And so does a function of what a call gave a
name that it gives something else as well, before or after:

    block = Block(64)
    self.base.append(block)
    block = Block(32)
    self.head.append(block)

(A lambda that takes the place of a parameter is remembered in any case.) After an ``if``, where the
name may have been bound in any branch, the variable's own node is read again. So it is wherever
order does not tell: around loops, exceptions and ``match``, in functions that are defined there,
and where anything but an assignment binds the name. And so is a list or a dict that the function
fills, and what a generator reads, which runs later. Where it is not seen what the call makes, it
may be what the name held before: ``net = torch.load(path)``.
"""

from __future__ import annotations

import ast
import contextlib
import functools
from collections import Counter
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.value_graph import Node
from bn2gn_codemod.survey.syntax.nodes import bound_names, dotted, flat, root_of, walk
from bn2gn_codemod.survey.values import Function

_FILL = frozenset(
    {"append", "extend", "insert", "add", "update", "setdefault", "appendleft", "extendleft",
     "add_module", "register_module"}
)  # fmt: skip
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_IN_ORDER = (ast.If,)  # runs once at most, and binds nothing before its blocks are read


class BranchBindings:
    """The names of one function, and what they hold for certain where the statements are read."""

    def __init__(self, flow: Flow, function: Function) -> None:
        self._flow = flow
        self._function = function
        self._depth = 0  # branches around the statement that is read
        self._held: dict[str, Node] = {}

    def get(self, name: ast.Name, statement: ast.stmt | None) -> Node | None:
        """What the branch gave a name that stands in ``statement``, which is read now."""
        held = self._held.get(name.id)
        if held is None or statement is None or not _is_in(name, statement):
            return None
        return None if _is_read_later(name, statement) else held

    @contextlib.contextmanager
    def block(self, is_branch: bool) -> Iterator[None]:
        """What is bound inside reaches nothing outside: no other branch, no handler."""
        before = dict(self._held)
        self._depth += is_branch
        yield
        self._depth -= is_branch
        self._held = before

    def enter(self, statement: ast.stmt) -> None:
        """Before a statement is read: where it may run again, what it binds is not certain."""
        if self._held and not isinstance(statement, (ast.Assign, *_IN_ORDER)):
            self.forget(statement)

    def leave(self, statement: ast.stmt) -> None:
        """After a statement: what it binds, it binds in one way or another."""
        if self._held:
            self.forget(statement)

    def bind(self, statement: ast.Assign, value: Node | None) -> None:
        """``name = call()`` in a branch, or where the name is bound again.

        ``name = lambda c: GroupNorm(8, c)`` wherever it is.
        """
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda()) if value is not None:
                if name in self._followed:
                    self._held[name] = value
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call) if (
                value is not None and name in self._function.locals
            ):
                is_open = self._depth > 0 or self._times_bound[name] > 1
                if is_open and name in self._followed and self._is_told_by(call, name):
                    self._held[name] = self._given_by(call, value, name)
            case _:
                pass

    def forget(self, statement: ast.stmt) -> None:
        """Whatever a statement binds may be anything now."""
        for name in _bound_in(statement):
            self._held.pop(name, None)

    def forget_name(self, name: str) -> None:
        """What the name holds is changed by other means."""
        self._held.pop(name, None)

    def _given_by(self, call: ast.Call, made: Node, name: str) -> Node:
        """The node of what the name holds from here on, where it is seen what the call makes."""
        parts = [self._flow.expressions.get(keyword.value) for keyword in call.keywords]
        handed = [part for part in parts if part is not None]
        variable = self._flow.name_node(self._function, name)
        callee = self._flow.expressions.get(call.func)
        return self._flow.given_anew.node(made, callee, handed, variable)

    def _is_told_by(self, call: ast.Call, name: str) -> bool:
        """Whether all that the name holds is what the call makes, whatever it is handed."""
        made = dotted(call.func)
        if made is None or made.rpartition(".")[2] not in self._flow.class_names:
            return not _hands_on(call, self._function.locals)
        read = {inner.id for inner in walk(call) if isinstance(inner, ast.Name)}
        return name not in read and made.partition(".")[0] not in self._function.locals

    @functools.cached_property
    def _times_bound(self) -> Counter[str]:
        """How often the function's statements bind each name; a parameter is bound once already."""
        stored = (
            inner.id
            for inner in walk(self._function.node)
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
        )
        return Counter([*stored, *self._function.parameters])

    @functools.cached_property
    def _followed(self) -> frozenset[str]:
        """The names that nothing but the function's own statements binds, and nothing fills."""
        node = self._function.node
        if not isinstance(node, _FUNCTIONS):
            return frozenset()
        changed = {name for one in walk(node) for name in _changed(one)}
        return frozenset(self._function.locals - self._function.global_names - changed)


def _hands_on(call: ast.Call, names: set[str]) -> bool:
    """Whether a call may give what it is handed: ``w = w.view_as(b)``, ``net = wrap(net)``.

    Where that is not followed, the variable's own node may know more.
    """
    given = [call.func, *call.args, *(keyword.value for keyword in call.keywords)]
    if any(isinstance(part, (ast.Call, ast.NamedExpr)) for one in given for part in walk(one)):
        return True
    roots = map(root_of, (call.func, *call.args))
    return any(not isinstance(one, (ast.Name, ast.Constant)) for one in call.args) or any(
        isinstance(root, ast.Name) and root.id in names for root in roots
    )


def _is_read_later(name: ast.Name, statement: ast.stmt) -> bool:
    """Whether a generator reads the name, which runs when someone asks it for an element.

    What it goes over first is read at once.
    """
    for inner in walk(statement):
        if isinstance(inner, ast.GeneratorExp):
            first, *others = inner.generators
            later = (inner.elt, *first.ifs, *others)
            if any(part is name for one in later for part in walk(one)):
                return True
    return False


def _changed(node: ast.AST) -> Iterator[str]:
    """``weights`` of ``weights[key] = tensor``, ``layers`` of ``layers.append(layer)``

    And what a function that is defined there may bind.
    """
    match node:
        case ast.Nonlocal(names=names):
            yield from names
            return
        case ast.Subscript(ctx=ast.Store() | ast.Del()):
            filled = root_of(node)
        case ast.AugAssign(target=ast.Name() as filled):
            pass
        case ast.Call(func=ast.Attribute(value=owner, attr=name)) if name in _FILL:
            filled = root_of(owner)
        case _:
            return
    if isinstance(filled, ast.Name):
        yield filled.id


def _bound_in(node: ast.stmt | ast.expr) -> set[str]:
    """The names that a statement binds or deletes anywhere inside, or an expression."""
    names = {
        inner.id
        for inner in walk(node)
        if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load)
    }
    if isinstance(node, ast.stmt):
        for inner in flat([node]):
            names.update(bound_names(inner))
            if isinstance(inner, (*_FUNCTIONS, ast.ClassDef)):
                names.add(inner.name)
            for handler in getattr(inner, "handlers", ()):
                names.add(handler.name or "")
    return names


def _is_in(expr: ast.expr, statement: ast.stmt) -> bool:
    """Whether it stands there: what is looked at ahead of its turn knows nothing of branches."""
    start, end = (expr.lineno, expr.col_offset), (expr.end_lineno, expr.end_col_offset)
    first = statement.lineno, statement.col_offset
    return first <= start and end <= (statement.end_lineno, statement.end_col_offset)
