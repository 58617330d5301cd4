"""``print('Checkpoint loaded:', model.load_state_dict(state, strict=False))``."""

from __future__ import annotations

import ast
import copy
import functools

import libcst as cst

from bn2gn_codemod.generated.checkpoint_loads import SAID
from bn2gn_codemod.plan import LoadEdit
from bn2gn_codemod.rewrite.changes import Changes, ExpressionChange, NewCode
from bn2gn_codemod.rewrite.layout import Layout
from bn2gn_codemod.rewrite.located import Located, RewriteRefused

_STRICT = "strict"


def add_load(located: Located, edit: LoadEdit, changes: Changes) -> None:
    """Plan the change of one load.

    What ``load_state_dict`` returns names the keys on both sides: it is printed
    where it stands, or after the statement that assigns it.
    """
    call = _call_at(located, edit)
    statement = located.enclosing_statement(edit.place)
    is_alone = isinstance(statement, ast.Expr) and statement.value is call
    quote = located.style.quote
    expected: ast.expr = _not_strict(call)
    if is_alone:
        expected = ast.Call(_name("print"), [ast.Constant(SAID), expected], [])
    rewrite = functools.partial(_made_lenient, said=f"{quote}{SAID}{quote}" if is_alone else None)
    changes.expressions[call] = ExpressionChange(rewrite, expected)
    if isinstance(statement, ast.Assign):
        text = f"print('{SAID}', {{}}){located.style.newline}"
        names = ast.unparse(statement.targets[0]).strip("()")
        code = located.style.render(text).format(names)
        changes.of(statement).after.append(NewCode(code))


def _call_at(located: Located, edit: LoadEdit) -> ast.Call:
    for node, _ in located.expressions_at(edit.place):
        match node:
            case ast.Call(func=ast.Attribute(attr="load_state_dict")):
                return node
    raise RewriteRefused(f"line {edit.place.line}: no load_state_dict call is there")


def _not_strict(call: ast.Call) -> ast.Call:
    changed = copy.deepcopy(call)
    if len(changed.args) > 1:
        changed.args[1] = ast.Constant(False)
        return changed
    for keyword in changed.keywords:
        if keyword.arg == _STRICT:
            keyword.value = ast.Constant(False)
            return changed
    changed.keywords.append(ast.keyword(_STRICT, ast.Constant(False)))
    return changed


def _name(text: str) -> ast.Name:
    return ast.Name(text, ast.Load())


def _made_lenient(node: cst.BaseExpression, said: str | None) -> cst.BaseExpression:
    """The same for LibCST; with ``said``, a string literal, inside a ``print``."""
    assert isinstance(node, cst.Call)
    call = _with_strict(node)
    if said is None:
        return call
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    literal = cst.Arg(cst.SimpleString(said), comma=comma)
    return cst.Call(cst.Name("print"), [literal, cst.Arg(call)])


def _with_strict(call: cst.Call) -> cst.Call:
    false = cst.Name("False")
    args = list(call.args)
    for index, arg in enumerate(args):
        is_second = index == 1 and arg.keyword is None
        if is_second or (arg.keyword is not None and arg.keyword.value == _STRICT):
            args[index] = arg.with_changes(value=false)
            return call.with_changes(args=args)
    layout = Layout.of(call)
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    layout.append(cst.Arg(false, keyword=cst.Name(_STRICT), equal=equal))
    changed = layout.apply(call)
    assert isinstance(changed, cst.Call)
    return changed
