"""What came of a table of classes, where its key is asked for: ``if name == "a": net.load()``.

``net = {"a": A, "b": B}[name](width)`` is an ``A`` in that branch, and nothing else.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.statements.run_conditions import blocks_around
from bn2gn_codemod.survey.syntax.nodes import bound_names, dotted, flat, root_of, walk
from bn2gn_codemod.survey.values import Class, Function

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_ClassOf = Callable[[ast.expr], Class | None]


def chosen_by(
    flow: Flow, function: Function, branch: ast.If, test: ast.expr, class_of: _ClassOf
) -> Iterator[tuple[str, frozenset[Class]]]:
    """The variables that hold an object of known classes in a branch that ``test`` leads to."""
    asked = _asked(test)
    if asked is None or not isinstance(function.node, _FUNCTIONS):
        return
    key, wanted = asked
    between: list[ast.stmt] = []
    for block, index in reversed(blocks_around(function.node, branch)):
        if isinstance(block[index], (ast.For, ast.AsyncFor, ast.While)):
            between.append(block[index])  # its next round
        for statement in reversed(block[:index]):
            match statement:
                case ast.Assign(
                    targets=[ast.Name(id=name)],
                    value=ast.Call(func=ast.Subscript(value=ast.Name(id=table), slice=given)),
                ) if dotted(given) == key:
                    if any(_may_change(later, key) for later in between):
                        return
                    is_last = not any(_may_bind(one, name) for one in [*between, *branch.body])
                    classes = _classes(flow, function, table, wanted, class_of)
                    if classes and is_last and _is_own(function, name):
                        yield name, classes
                case _:
                    pass
            between.append(statement)


def _asked(test: ast.expr) -> tuple[str, list[str]] | None:
    """What is compared with texts that are written out, and these."""
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Constant(value=str(text))]):
            key, wanted = dotted(left), [text]
        case ast.Compare(
            left=left,
            ops=[ast.In()],
            comparators=[ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts)],
        ):
            key = dotted(left)
            wanted = [
                part.value
                for part in parts
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
            ]
            if len(wanted) < len(parts):
                return None
        case _:
            return None
    return None if key is None else (key, wanted)


def _classes(
    flow: Flow, function: Function, table: str, wanted: list[str], class_of: _ClassOf
) -> frozenset[Class]:
    """The classes of the repository that stand in a table under some keys; none: not certain."""
    known = flow.tables.named(function, table)
    if known is None or (known.home is not None and known.home is not function.module):
        return frozenset()
    rows = [known.entries[key] for key in wanted if key in known.entries]
    found = [class_of(row) for row in rows]
    told = frozenset(cls for cls in found if cls is not None)
    return told if all(cls is not None for cls in found) else frozenset()


def _is_own(function: Function, name: str) -> bool:
    """Whether nobody but the function's own statements binds a name."""
    names = function.global_names | function.nonlocal_names
    return name not in names and not any(
        isinstance(node, ast.Nonlocal) and name in node.names for node in walk(function.node)
    )


def _may_bind(statement: ast.stmt, name: str) -> bool:
    return any(
        name in bound_names(one)
        or any(
            isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
            for node in walk(one)
        )
        for one in flat([statement])
    )


def _may_change(statement: ast.stmt, key: str) -> bool:
    """Whether a statement may give the key another value: by itself, or in what gets its owner."""
    root, _, rest = key.partition(".")
    for node in (part for one in flat([statement]) for part in walk(one)):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) if name == root:
                return True
            case ast.Attribute(ctx=ast.Store() | ast.Del()) if rest:
                if rest.endswith(node.attr):
                    return True
            case ast.Call(func=func, args=args, keywords=keywords) if rest:
                given = [*args, *(keyword.value for keyword in keywords)]
                if any(isinstance(one, ast.Name) and one.id == root for one in given):
                    return True
                owner = root_of(func) if isinstance(func, ast.Attribute) else None
                if isinstance(owner, ast.Name) and owner.id == root:
                    return True
            case _:
                pass
    return False
