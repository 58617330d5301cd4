"""Which of its parameters a function gives back: as is, wrapped, in a list, called, extended.

``return net.to(device)``, ``return nn.DataParallel(net)``, ``return network(**kwargs)``,
``class Own(layer_class): ...; return Own``.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.flow.tracing.kept_afterwards import may_give_again
from bn2gn_codemod.survey.syntax.nodes import bound_names, call_name, flat

# Methods that give the module itself.
_SAME_MODULE = {"to", "cuda", "cpu", "train", "eval", "half", "float", "double", "requires_grad_"}
_PARALLEL = re.compile(r"\w*DataParallel$")
_DEEPEST = 6  # variables in a row

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Returned(NamedTuple):
    """A parameter that a function returns."""

    parameter: str
    position: int  # among all parameters
    place: int | None  # in a tuple, if in one
    wrapper: ast.Call | None = None  # what it is wrapped by
    maker: ast.Call | None = None  # what calls it: not it, but what it makes is returned
    is_rest: bool = False  # ``*parts``
    child: ast.ClassDef | None = None  # what extends it: not it, but that class is returned

    @property
    def is_itself(self) -> bool:
        """Whether it is returned as it came."""
        is_plain = self.wrapper is None and self.maker is None and self.child is None
        return is_plain and not self.is_rest


@functools.cache
def given_back(function: ast.AST) -> tuple[Returned, ...]:
    """The parameters that a function returns; none that may stand for something else by then."""
    if isinstance(function, ast.Lambda):
        return tuple(_Reader(function, []).returned(function.body))
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return ()
    statements = list(flat(function.body))
    given = [s.value for s in statements if isinstance(s, ast.Return) and s.value is not None]
    reader = _Reader(function, statements)
    found = dict.fromkeys(one for value in given for one in reader.returned(value))
    if not all(map(reader.is_told, given)):  # what it makes may be kept somewhere else
        if may_give_again(function, given=True):
            return ()
        return tuple(one for one in found if one.is_itself)
    return tuple(found)


class _Reader:
    """Follows what is returned through the variables of one function."""

    def __init__(self, function: _Function, statements: list[ast.stmt]) -> None:
        arguments = function.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        self._names = [argument.arg for argument in every]
        self._rest = arguments.vararg.arg if arguments.vararg is not None else ""
        self._first_of_rest = len(arguments.posonlyargs) + len(arguments.args)
        self._statements = statements
        again = (statement for statement in statements if not _is_same_again(statement))
        self._bound = {name for statement in again for name in bound_names(statement)}

    def returned(self, value: ast.expr) -> Iterator[Returned]:
        """The parameters in what is returned."""
        places: list[tuple[int | None, ast.expr]] = [(None, value)]
        if isinstance(value, ast.Tuple):
            places = [(place, part) for place, part in enumerate(value.elts)]
        for place, part in places:
            for found in self._read(part, 0) or ():
                yield found._replace(place=place)

    def is_told(self, value: ast.expr) -> bool:
        """Whether nothing but parameters, and what they make, is in what is returned."""
        return isinstance(value, (ast.Tuple, ast.Constant)) or self._read(value, 0) is not None

    def _read(self, value: ast.expr, depth: int) -> list[Returned] | None:
        """What an expression is of the parameters; ``None``: it may be something else."""
        value = _without_moves(value)
        match value:
            case _ if depth > _DEEPEST:
                return None
            case ast.IfExp(body=body, orelse=orelse):
                return self._all([body, orelse], depth)
            case ast.Name(id=name) if name in self._names and name not in self._bound:
                return self._wrapped(name, [Returned(name, self._names.index(name), None)])
            case ast.Name(id=name) if name in self._bound and name not in self._names:
                return self._variable(name, depth)
            case ast.Name(id=name) if name not in self._names:
                return self._extended(name)
            case ast.Subscript(value=ast.Name(id=name)) if name == self._rest:
                return [Returned(name, self._first_of_rest, None, is_rest=True)]
            case ast.Subscript(value=ast.Name(id=name)) if name in self._lists:
                return self._variable(name, depth)
            case ast.Call() if (wrapper := _parallel(value)) is not None:
                found = self._read(wrapper.args[0], depth + 1)
                return found and [one._replace(wrapper=wrapper) for one in found]
            case ast.Call(func=ast.Name(id=name)) if name in self._names:
                if name not in self._bound:
                    return [Returned(name, self._names.index(name), None, maker=value)]
            case ast.ListComp(elt=elt, generators=[loop]):
                if ast.unparse(_without_moves(elt)) == ast.unparse(loop.target):
                    return self._read(_element(loop.iter), depth + 1)
        return None

    def _all(self, values: list[ast.expr], depth: int) -> list[Returned] | None:
        each = [self._read(value, depth + 1) for value in values]
        if any(found is None for found in each):
            return None
        return [one for found in each for one in found or ()]

    def _extended(self, name: str) -> list[Returned] | None:
        """The parameters that a class extends, where nothing else goes by its name."""
        definitions = [
            one for one in self._statements if isinstance(one, _DEFINITIONS) and one.name == name
        ]
        match definitions:
            case [ast.ClassDef(decorator_list=[]) as child]:
                bases = [base.id for base in child.bases if isinstance(base, ast.Name)]
            case _:
                return None
        return [
            Returned(base, self._names.index(base), None, child=child)
            for base in bases
            if base in self._names and base not in self._bound
        ] or None

    def _variable(self, name: str, depth: int) -> list[Returned] | None:
        """What a variable is given, where that is told of all that it is given."""
        given: list[ast.expr] = []
        for statement in self._statements:
            match statement:
                case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                    is_other = not _is_same_again(statement) and not _is_empty_list(value)
                    given += [value] if is_other else []
                case ast.For(target=ast.Name(id=bound), iter=over) if bound == name:
                    given.append(_element(over))
                case _ if name in bound_names(statement):
                    return None
                case _:
                    added = self._added(statement, name)
                    if added is None:
                        return None
                    given += added
        found = self._all(given, depth) if given else None
        return found and self._wrapped(name, found)

    def _wrapped(self, name: str, found: list[Returned]) -> list[Returned]:
        """The parameters in a variable, where ``net = nn.DataParallel(net)`` wraps it."""
        around = [
            wrapper
            for statement in self._statements
            if _is_same_again(statement) and isinstance(statement, ast.Assign)
            if ast.unparse(statement.targets[0]) == name
            if (wrapper := _parallel(_without_moves(statement.value))) is not None
        ]
        wrapped = [one._replace(wrapper=call) for one in found for call in around]
        return wrapped or found

    @functools.cached_property
    def _lists(self) -> set[str]:
        """The variables that hold lists which the function fills."""
        return {
            statement.targets[0].id
            for statement in self._statements
            if isinstance(statement, ast.Assign)
            and isinstance(statement.targets[0], ast.Name)
            and (_is_empty_list(statement.value) or isinstance(statement.value, ast.ListComp))
        }

    def _added(self, statement: ast.stmt, name: str) -> list[ast.expr] | None:
        """What a statement adds to a list; ``None``: it does something else with it."""
        if name not in self._lists:
            return []
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=of), attr=method))):
                assert isinstance(statement.value, ast.Call)
                if of == name:
                    return list(statement.value.args) if method == "append" else None
        return []


def _without_moves(value: ast.expr) -> ast.expr:
    """``net`` of ``net.to(device).eval()``."""
    while (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr in _SAME_MODULE
    ):
        value = value.func.value
    return value


def _is_same_again(statement: ast.stmt) -> bool:
    """``net = net.cuda()``, ``net = nn.DataParallel(net)``"""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            inner = _without_moves(value)
            wrapper = _parallel(inner)
            inner = _without_moves(wrapper.args[0]) if wrapper is not None else inner
            return isinstance(inner, ast.Name) and inner.id == name
        case _:
            return False


def _parallel(value: ast.expr) -> ast.Call | None:
    """The call, where it makes a parallel wrapper around something."""
    if isinstance(value, ast.Call) and value.args and _PARALLEL.match(call_name(value)):
        return value
    return None


def _element(over: ast.expr) -> ast.expr:
    return ast.Subscript(over, ast.Constant(0), ast.Load())


def _is_empty_list(value: ast.expr) -> bool:
    match value:
        case ast.List(elts=[]) | ast.Call(func=ast.Name(id="list"), args=[]):
            return True
    return False
