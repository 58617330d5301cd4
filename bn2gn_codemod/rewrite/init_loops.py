"""Initialisation loops (and other norm tests) that must also see GroupNorm."""

from __future__ import annotations

import ast

from bn2gn_codemod.generated import init_loop
from bn2gn_codemod.norm_test_forms import is_negative
from bn2gn_codemod.plan import InitLoopEdit
from bn2gn_codemod.rewrite import norm_tests
from bn2gn_codemod.rewrite.changes import Changes, NewCode
from bn2gn_codemod.rewrite.located import Located, RewriteRefused


def add_init_loop(located: Located, edit: InitLoopEdit, changes: Changes) -> None:
    """Plan one edit of an initialisation loop."""
    if edit.kind == "widen":
        _widen(located, edit, changes)
    elif edit.kind == "branch":
        _branch(located, edit, changes)
    else:
        _inject(located, edit, changes)


def _widen(located: Located, edit: InitLoopEdit, changes: Changes) -> None:
    for node, parent in located.expressions_at(edit.place):
        change = norm_tests.widen(node, edit.nn_name, isinstance(parent, ast.expr))
        if change is None:
            continue
        changes.expressions[node] = change
        is_negated = is_negative(node) or isinstance(parent, ast.UnaryOp)
        if edit.guard_none and not is_negated:
            _guard_body(located, edit, node, changes)
        return
    raise RewriteRefused(
        f"line {edit.place.line}: this norm test cannot be widened; add GroupNorm by hand"
    )


def _guard_body(located: Located, edit: InitLoopEdit, test: ast.expr, changes: Changes) -> None:
    """Put the assignments to ``m.weight`` and ``m.bias`` below the test behind None guards."""
    statement = located.enclosing_statement(edit.place)
    if not isinstance(statement, ast.If):
        return
    tested = _tested_module(test)
    for inner in statement.body:
        touched = _touched_parameters(inner, tested)
        if len(touched) == 1:
            [(module, attribute)] = touched
            guard = located.style.render(init_loop.guard_test(module, attribute))
            changes.of(inner).guard = guard


def _tested_module(test: ast.expr) -> str | None:
    """The module that ``isinstance`` looks at; a class-name test does not say."""
    match test:
        case ast.Call(func=ast.Name(id="isinstance"), args=[module, _]):
            return ast.unparse(module)
    return None


def _touched_parameters(statement: ast.stmt, module: str | None) -> set[tuple[str, str]]:
    if not isinstance(statement, (ast.Expr, ast.Assign, ast.AugAssign)):
        return set()
    touched: set[tuple[str, str]] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Attribute(value=owner, attr=("weight" | "bias") as attribute):
                name = ast.unparse(owner)
                if name == module or (module is None and isinstance(owner, ast.Name)):
                    touched.add((name, attribute))
    return touched


def _branch(located: Located, edit: InitLoopEdit, changes: Changes) -> None:
    loop = located.statement_at(edit.place, ast.For)
    assert isinstance(loop, ast.For)
    for statement in reversed(loop.body):
        if isinstance(statement, ast.If):
            module = _loop_variable(statement, loop)
            text = located.style.render(init_loop.branch(edit.nn_name, module))
            changes.of(statement).branch = text
            return
    raise RewriteRefused(f"line {loop.lineno}: the loop has no if to add a norm branch to")


def _loop_variable(statement: ast.If, loop: ast.For) -> str:
    """What the loop calls the module: as its test does, else its last target."""
    for node in ast.walk(statement.test):
        module = _tested_module(node) if isinstance(node, ast.expr) else None
        if module:
            return module
    targets = loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target]
    return ast.unparse(targets[-1])


def _inject(located: Located, edit: InitLoopEdit, changes: Changes) -> None:
    class_ = located.statement_at(edit.place, ast.ClassDef)
    assert isinstance(class_, ast.ClassDef)
    for function in class_.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__init__":
            break
    else:
        raise RewriteRefused(
            f"line {class_.lineno}: {class_.name} has no __init__ to add a loop to"
        )
    last = function.body[-1]
    change = changes.of(last)
    code = NewCode(located.style.render(init_loop.loop(edit.nn_name)))
    if isinstance(last, ast.Return):
        change.before.append(code)
    else:
        change.after.append(code)
