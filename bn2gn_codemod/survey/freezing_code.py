"""Recognising code that freezes BatchNorm, whoever wrote it."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.flow import Flow
from bn2gn_codemod.survey.values import Function, FunctionValue

_NORM_WORDS = ("BatchNorm", "batchnorm", "_BatchNorm", "SyncBN")
_DEEPEST = 3


@dataclasses.dataclass
class FreezingFacts:
    """What a piece of code does to the layers that it goes over."""

    puts_in_eval: bool = False
    stops_gradient: bool = False
    tests_norm: bool = False
    tests_only_2d: ast.expr | None = None  # the test that SyncBatchNorm escapes
    names: set[str] = dataclasses.field(default_factory=set)  # attributes and strings

    @property
    def freezes(self) -> bool:
        """Eval mode and no gradient."""
        return self.puts_in_eval and self.stops_gradient

    def add(self, other: FreezingFacts) -> None:
        """Take over what other code does."""
        self.puts_in_eval |= other.puts_in_eval
        self.stops_gradient |= other.stops_gradient
        self.tests_norm |= other.tests_norm
        self.tests_only_2d = self.tests_only_2d or other.tests_only_2d
        self.names |= other.names


class FreezingCode:
    """Facts about functions and statements, looked up once each."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._memo: dict[Function, FreezingFacts] = {}

    def of_statements(self, statements: Iterable[ast.stmt], depth: int = 0) -> FreezingFacts:
        """What these statements do, the repository functions that they call included."""
        facts = FreezingFacts()
        for statement in statements:
            for node in _walk(statement):
                self._look(node, facts, depth)
        return facts

    def of_function(self, function: Function, depth: int = 0) -> FreezingFacts:
        """What calling a function of the repository does."""
        known = self._memo.get(function)
        if known is None:
            self._memo[function] = FreezingFacts()
            known = FreezingFacts()
            if not isinstance(function.node, (ast.Module, ast.Lambda)):
                known = self.of_statements(function.node.body, depth)
                known.names |= _pattern_names(function)
            if depth == 0:
                self._memo[function] = known
            else:
                del self._memo[function]
        return known

    def called(self, call: ast.Call) -> Iterator[Function]:
        """The repository functions that a call may reach."""
        for value in self._flow.value_of(call.func):
            if isinstance(value, FunctionValue):
                yield value.function

    def _look(self, node: ast.AST, facts: FreezingFacts, depth: int) -> None:
        match node:
            case ast.Assign(targets=[ast.Attribute(attr="requires_grad")]) if _is_false(node.value):
                facts.stops_gradient = True
            case ast.Call(func=ast.Attribute(attr="requires_grad_")) if _is_false(
                *node.args, *(keyword.value for keyword in node.keywords)
            ):
                facts.stops_gradient = True
            case ast.Call(func=ast.Attribute(attr="eval", value=owner)):
                if not (isinstance(owner, ast.Name) and owner.id in ("model", "net", "self")):
                    facts.puts_in_eval = True
            case ast.Call(func=ast.Attribute(attr="train"), args=[ast.Constant(value=False)]):
                facts.puts_in_eval = True
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, classes]):
                self._look_at_test(node, classes, facts)
            case ast.Constant(value=str(text)):
                facts.names.add(text)
                if any(word in text for word in _NORM_WORDS):
                    facts.tests_norm = True
            case ast.Attribute(attr=name):
                facts.names.add(name)
            case _:
                pass
        if isinstance(node, ast.Call) and depth < _DEEPEST:
            for function in self.called(node):
                facts.add(self.of_function(function, depth + 1))

    def _look_at_test(self, call: ast.Call, classes: ast.expr, facts: FreezingFacts) -> None:
        named = classes.elts if isinstance(classes, ast.Tuple) else [classes]
        texts = [ast.unparse(cls).rsplit(".", 1)[-1] for cls in named]
        if any(word in text for word in _NORM_WORDS for text in texts):
            facts.tests_norm = True
            if texts == ["BatchNorm2d"]:
                facts.tests_only_2d = call


def _walk(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement, not of functions and classes defined in it."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        yield node
        if node is statement or not isinstance(
            node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
        ):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            pending.extend(ast.iter_child_nodes(node))


def _pattern_names(function: Function) -> set[str]:
    """Words in a module's compiled patterns that the function uses."""
    used = {node.id for node in ast.walk(function.node) if isinstance(node, ast.Name)}
    names: set[str] = set()
    for statement in function.module.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]) if name in used:
                for node in ast.walk(statement.value):
                    if isinstance(node, ast.Constant) and isinstance(node.value, str):
                        names.add(node.value)
            case _:
                pass
    return names


def _is_false(*values: ast.expr) -> bool:
    return any(isinstance(value, ast.Constant) and value.value is False for value in values)
