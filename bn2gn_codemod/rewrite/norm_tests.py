"""Tests for a norm class, by ``isinstance`` or by name, and their form that also sees GroupNorm.

Each form exists twice, as the ``ast`` that must come out and as the LibCST
function that writes it in the style of what is there.
"""

from __future__ import annotations

import ast
import copy
import functools
import re

import libcst as cst

from bn2gn_codemod.norm_test_forms import is_negative
from bn2gn_codemod.rewrite.changes import ExpressionChange
from bn2gn_codemod.rewrite.layout import Layout

_NORM_NAME = re.compile(r"_?(?:Sync|Lazy)?BatchNorm(?:[123]d)?")


def widen(node: ast.expr, nn_name: str, is_operand: bool) -> ExpressionChange | None:
    """How the test ``node`` is made to see GroupNorm; ``None`` if it is no such test.

    ``is_operand`` says that it stands inside a larger expression.
    """
    match node:
        case ast.Call(func=ast.Name(id="isinstance")):
            return add_class(node, f"{nn_name}.GroupNorm")
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[container]) if isinstance(
            container, (ast.Tuple, ast.List)
        ):
            return _with_element(node, container, nn_name)
        case ast.Compare(ops=[_]) | ast.Call():
            return _with_second_test(node, nn_name, is_operand)
    return None


# ---------------------------------------------------------------- isinstance


def add_class(node: ast.expr, name: str) -> ExpressionChange | None:
    """How ``isinstance(m, X)`` is made to see the class ``name``; ``None`` for anything else."""
    match node:
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, _], keywords=[]):
            return ExpressionChange(
                functools.partial(_with_class, name=name), _isinstance_with(node, name)
            )
    return None


def _isinstance_with(node: ast.Call, name: str) -> ast.Call:
    module, classes = node.args
    new = _expression(name)
    widened: ast.expr
    if isinstance(classes, ast.Tuple):
        widened = ast.Tuple([*classes.elts, new], ast.Load())
    elif isinstance(classes, ast.BinOp) and isinstance(classes.op, ast.BitOr):
        widened = ast.BinOp(classes, ast.BitOr(), new)
    else:
        widened = ast.Tuple([classes, new], ast.Load())
    return ast.Call(node.func, [module, widened], [])


def _with_class(node: cst.BaseExpression, name: str) -> cst.BaseExpression:
    """``isinstance(m, X)`` becomes ``isinstance(m, (X, name))``."""
    assert isinstance(node, cst.Call)
    module, classes = node.args
    new = cst.parse_expression(name)
    value = classes.value
    widened: cst.BaseExpression
    if isinstance(value, cst.Tuple):
        widened = _append(value, new)
    elif isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.BitOr):
        widened = cst.BinaryOperation(value, cst.BitOr(), new)
    else:
        widened = cst.Tuple([cst.Element(value), cst.Element(new)])
    return node.with_changes(args=[module, classes.with_changes(value=widened)])


# ---------------------------------------------------------------- x in (A, B)


def _with_element(
    node: ast.Compare, container: ast.Tuple | ast.List, nn_name: str
) -> ExpressionChange | None:
    for element in container.elts:
        new = _groupnorm_form(element, nn_name)
        if new is not None:
            break
    else:
        return None
    widened = copy.copy(container)
    widened.elts = [*container.elts, new]
    expected = ast.Compare(node.left, node.ops, [widened])
    return ExpressionChange(functools.partial(_with_new_element, nn_name=nn_name), expected)


def _with_new_element(node: cst.BaseExpression, nn_name: str) -> cst.BaseExpression:
    assert isinstance(node, cst.Comparison)
    [target] = node.comparisons
    container = target.comparator
    assert isinstance(container, (cst.Tuple, cst.List))
    values = [element.value for element in container.elements]
    forms = [_in_groupnorm_form(value, nn_name) for value in values]
    new = next(f for f, v in zip(forms, values, strict=True) if not f.deep_equals(v))
    target = target.with_changes(comparator=_append(container, new))
    return node.with_changes(comparisons=[target])


def _append(container: cst.Tuple | cst.List, new: cst.BaseExpression) -> cst.BaseExpression:
    """``container`` with one element more, placed as the others are."""
    layout = Layout.of(container)
    if len(layout.elements) == 1 and isinstance(layout.gaps[-1], cst.SimpleWhitespace):
        layout.trailing_comma = False  # (A,) needed its comma, (A, B) does not
    layout.append(cst.Element(new))
    return layout.apply(container)


# ---------------------------------------------------------------- test or test


def _with_second_test(node: ast.expr, nn_name: str, is_operand: bool) -> ExpressionChange | None:
    second = _groupnorm_form(node, nn_name)
    if second is None:
        return None
    operator = ast.And() if is_negative(node) else ast.Or()
    expected = ast.BoolOp(operator, [node, second])
    rewrite = functools.partial(
        _or_second_test,
        nn_name=nn_name,
        operator=cst.And() if is_negative(node) else cst.Or(),
        is_operand=is_operand,
    )
    return ExpressionChange(rewrite, expected)


def _or_second_test(
    node: cst.BaseExpression, nn_name: str, operator: cst.BaseBooleanOp, is_operand: bool
) -> cst.BaseExpression:
    """``name.find('BatchNorm') != -1`` becomes ``... or name.find('GroupNorm') != -1``."""
    return cst.BooleanOperation(
        node,
        operator,
        _in_groupnorm_form(node, nn_name),
        lpar=[cst.LeftParen()] if is_operand else [],
        rpar=[cst.RightParen()] if is_operand else [],
    )


# ---------------------------------------------------------------- BatchNorm to GroupNorm


def _groupnorm_form(node: ast.expr, nn_name: str) -> ast.expr | None:
    """``node`` about GroupNorm; ``None`` if it speaks of no BatchNorm."""
    changed = _ToGroupNormAst(nn_name).visit(copy.deepcopy(node))
    assert isinstance(changed, ast.expr)
    return None if ast.dump(changed) == ast.dump(node) else changed


def _in_groupnorm_form(node: cst.BaseExpression, nn_name: str) -> cst.BaseExpression:
    form = node.deep_clone().visit(_ToGroupNorm(nn_name))
    assert isinstance(form, cst.BaseExpression)
    return form


def _rename(text: str) -> str:
    return _NORM_NAME.sub("GroupNorm", text).replace("batchnorm", "groupnorm")


class _ToGroupNormAst(ast.NodeTransformer):
    def __init__(self, nn_name: str) -> None:
        self._group_norm = _expression(f"{nn_name}.GroupNorm")

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return ast.Constant(_rename(node.value)) if isinstance(node.value, str) else node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._group_norm if _NORM_NAME.fullmatch(node.id) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if _NORM_NAME.fullmatch(node.attr):
            return self._group_norm
        self.generic_visit(node)
        return node


class _ToGroupNorm(cst.CSTTransformer):
    def __init__(self, nn_name: str) -> None:
        super().__init__()
        self._group_norm = cst.parse_expression(f"{nn_name}.GroupNorm")

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.BaseExpression:
        return updated_node.with_changes(value=_rename(updated_node.value))

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        return not _NORM_NAME.fullmatch(node.attr.value)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        if _NORM_NAME.fullmatch(original_node.attr.value):
            return self._group_norm
        return updated_node

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self._group_norm if _NORM_NAME.fullmatch(original_node.value) else updated_node


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
