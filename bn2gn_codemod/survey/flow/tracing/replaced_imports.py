"""Imports that a later statement of the same module replaces.

    from blocks import Decoder
    class Decoder(nn.Module): ...

Functions that run once the module is read see the last binding alone. So an import counts for
nothing if a statement below, on which no condition is, binds its name anew, and if nothing can
have used what it brought before that. Of what a star import brings, that is asked only where
the module defines or imports such a name; what it assigns to one is taken to replace it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from bn2gn_codemod.survey.syntax.nodes import children, flat, walk

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)
IsAsked = Callable[[str], bool]
# Decorators that call nothing of the module.
_QUIET = frozenset({"staticmethod", "classmethod", "property"})


def replaced_imports(tree: ast.Module, is_asked: IsAsked) -> set[tuple[ast.stmt, str]]:
    """The import statements, each with a name that is bound anew before it is of any use.

    ``is_asked`` tells whether other modules import a name from this one.
    """
    anew = _bound_anew(tree)
    found: set[tuple[ast.stmt, str]] = set()
    for index, statement in enumerate(tree.body) if anew else ():
        for inner in flat([statement]):
            for name in _imported(inner):
                if any(_is_unused(tree, index, end, name, is_asked) for end in anew.get(name, ())):
                    found.add((inner, name))
    return found


def not_replaced(
    tree: ast.Module, star: ast.ImportFrom, brought: set[str], is_asked: IsAsked
) -> set[str]:
    """The names that the module defines or imports, and that ``*`` may bring all the same."""
    index = next(place for place, one in enumerate(tree.body) if star in flat([one]))
    binding = _binding(tree)
    return {
        name
        for one in flat(tree.body)
        for name in _bound_by(one)
        if name in brought
        and not any(_is_unused(tree, index, end, name, is_asked) for end in binding.get(name, ()))
    }


def _imported(statement: ast.stmt) -> Iterator[str]:
    """The names of an import; not ``a`` of ``import a.b``, of which there may be several."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        for alias in statement.names:
            if alias.asname or isinstance(statement, ast.ImportFrom):
                yield alias.asname or alias.name


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    """The name of a definition, or those of an import."""
    if isinstance(statement, _DEFINITIONS):
        yield statement.name
    else:
        yield from _imported(statement)


def _bound_anew(tree: ast.Module) -> dict[str, list[int]]:
    """By name, the places of the statements that bind it whatever happens, beside an import."""
    imported = {name for inner in flat(tree.body) for name in _imported(inner)}
    return {name: places for name, places in _binding(tree).items() if name in imported}


def _binding(tree: ast.Module) -> dict[str, list[int]]:
    binding: dict[str, list[int]] = {}
    for index, statement in enumerate(tree.body):
        for name in _bound_by(statement):
            binding.setdefault(name, []).append(index)
    return binding


def _is_unused(tree: ast.Module, start: int, end: int, name: str, is_asked: IsAsked) -> bool:
    """Whether nothing reads the name from one statement on until another has bound it anew."""
    if end <= start:
        return False
    running = [node for one in tree.body[start : end + 1] for node in _run_now(one)]
    if any(_reads(node, name) for node in running):
        return False
    between = tree.body[start + 1 : end + 1]
    if is_asked(name) and any(isinstance(one, (ast.Import, ast.ImportFrom)) for one in between):
        return False  # what is imported there may import the name from here
    # Who is called by then may be a function that stands above.
    is_called = any(isinstance(node, ast.Call) for node in running)
    return not is_called or not any(
        _reads(node, name) for one in tree.body[:end] for node in walk(one)
    )


def _reads(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Store)


def _run_now(statement: ast.stmt) -> Iterator[ast.AST]:
    """What runs while the module is read: not what stands in functions.

    A decorator stands for the call that it is.
    """
    pending: list[ast.AST] = [statement]
    for node in pending:
        yield node
        if isinstance(node, _DEFINITIONS):
            for decorator in node.decorator_list:
                if not (isinstance(decorator, ast.Name) and decorator.id in _QUIET):
                    yield ast.Call(decorator, [], [])
        if isinstance(node, (*_FUNCTIONS, ast.Lambda)):
            pending += _evaluated_at_definition(node)
        else:
            pending += children(node)


def _evaluated_at_definition(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
) -> list[ast.AST]:
    found: list[ast.AST] = [node.args]
    if not isinstance(node, ast.Lambda):
        found += [*node.decorator_list, *([node.returns] if node.returns is not None else [])]
    return found
