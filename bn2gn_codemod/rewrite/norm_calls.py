"""``nn.BatchNorm2d(x, momentum=M)`` becomes ``get_group_norm(x)``."""

from __future__ import annotations

import ast
import functools

import libcst as cst

from bn2gn_codemod.norm_signatures import CARRIED, PARAMETERS, Kind, unsupported_arguments
from bn2gn_codemod.plan import NormEdit
from bn2gn_codemod.rewrite.changes import Changes, ExpressionChange
from bn2gn_codemod.rewrite.layout import Layout
from bn2gn_codemod.rewrite.located import Located, RewriteRefused


def add_norm(located: Located, edit: NormEdit, helper: str, changes: Changes) -> None:
    """Plan the replacement of one norm expression by the helper named ``helper``."""
    if edit.kind == "reference":
        node: ast.expr = _name_at(located, edit)
        changes.expressions[node] = ExpressionChange(lambda _: cst.Name(helper), _name(helper))
        return
    call = _partial_at(located, edit) if edit.kind == "partial" else _call_at(located, edit)
    problem = unsupported_arguments(call, edit.kind)
    if problem:
        raise RewriteRefused(f"line {call.lineno}: the {edit.norm} call stays: {problem}")
    replaced = _replaced_partial if edit.kind == "partial" else _replaced_call
    rewrite = functools.partial(replaced, helper=helper)
    changes.expressions[call] = ExpressionChange(rewrite, _expected(call, edit.kind, helper))


# ---------------------------------------------------------------- places


def _call_at(located: Located, edit: NormEdit) -> ast.Call:
    for node, _ in located.expressions_at(edit.place):
        if isinstance(node, ast.Call) and _is_name(node.func, edit):
            return node
    raise RewriteRefused(f"line {edit.place.line}: no {edit.norm} call is there")


def _partial_at(located: Located, edit: NormEdit) -> ast.Call:
    """The place may be that of ``partial(...)`` or of the norm inside it."""
    found = located.expressions_at(edit.place)
    for node, parent in found:
        if isinstance(parent, ast.Call) and parent.args[:1] == [node] and _is_name(node, edit):
            return parent
    for node, _ in found:
        if isinstance(node, ast.Call) and node.args and _is_name(node.args[0], edit):
            return node
    raise RewriteRefused(f"line {edit.place.line}: no partial({edit.norm}, ...) is there")


def _name_at(located: Located, edit: NormEdit) -> ast.expr:
    for node, _ in located.expressions_at(edit.place):
        if _is_name(node, edit):
            return node
    raise RewriteRefused(f"line {edit.place.line}: no name {edit.norm} is there")


def _is_name(node: ast.expr, edit: NormEdit) -> bool:
    """Whether this is the expression that the edit replaces by the helper's name."""
    if edit.name:
        return ast.unparse(node) == edit.name
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


# ---------------------------------------------------------------- what it must become


def _expected(call: ast.Call, kind: Kind, helper: str) -> ast.Call:
    positional, function = call.args, _name(helper)
    result = ast.Call(func=function, args=[], keywords=[])
    if kind == "partial":
        result = ast.Call(func=call.func, args=[function], keywords=[])
        positional = call.args[1:]
    for name, value in zip(PARAMETERS, positional, strict=False):
        if name == "num_features":
            result.args.append(value)
        elif name in CARRIED:
            result.keywords.append(ast.keyword(CARRIED[name], value))
    for keyword in call.keywords:
        if keyword.arg in CARRIED:
            result.keywords.append(ast.keyword(CARRIED[keyword.arg], keyword.value))
    return result


def _name(text: str) -> ast.Name:
    return ast.Name(text, ast.Load())


# ---------------------------------------------------------------- LibCST


def _replaced_call(node: cst.BaseExpression, helper: str) -> cst.BaseExpression:
    assert isinstance(node, cst.Call)
    call = node.with_changes(func=cst.Name(helper))
    return _with_helper_arguments(call, list(PARAMETERS))


def _replaced_partial(node: cst.BaseExpression, helper: str) -> cst.BaseExpression:
    assert isinstance(node, cst.Call)
    first, *rest = node.args
    first = first.with_changes(value=cst.Name(helper))
    call = node.with_changes(args=[first, *rest])
    return _with_helper_arguments(call, ["partial", *PARAMETERS])


def _with_helper_arguments(call: cst.Call, positions: list[str]) -> cst.BaseExpression:
    """``call`` with the helper's arguments, its layout and comments kept."""
    layout = Layout.of(call)
    index = 0
    for position, argument in enumerate(call.args):
        name = argument.keyword.value if argument.keyword else positions[position]
        if name == "partial" or (name == "num_features" and not argument.keyword):
            index += 1
        elif name in CARRIED:
            layout.elements[index] = argument.with_changes(
                keyword=cst.Name(CARRIED[name]),
                equal=argument.equal if argument.keyword else _TIGHT_EQUAL,
            )
            index += 1
        else:
            layout.drop(index)
    return layout.apply(call)


_TIGHT_EQUAL = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
