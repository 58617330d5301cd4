"""What a model's forward pass hands from one part to the next."""

from __future__ import annotations

import ast
from collections.abc import Callable

from bn2gn_codemod.survey.syntax.nodes import (
    call_name,
    flat,
    given_arguments,
    target_names,
    walk,
)
from bn2gn_codemod.survey.values import Class

_JOINS = frozenset({"cat", "concat", "concatenate"})


def is_fed_by(cls: Class, trunk: str, part: str) -> bool:
    """Whether ``forward`` calls a part with nothing but what comes of the trunk.

    ``x = self.backbone(x)``, then ``x = self.encoder(x)``.
    """
    return _is_fed(cls, trunk, part, _comes_of)


def is_fed_only_by(cls: Class, trunk: str, part: str) -> bool:
    """Whether ``forward`` calls a part with what the trunk gives, and nothing is mixed into that.

    ``self.conv1_depth(self.resnet.layer1(x))``, but not ``self.layer2(d + self.resnet(x))``.
    """
    return _is_fed(cls, trunk, part, _is_all_of)


def is_fed_behind(cls: Class, trunk: str, part: str) -> bool:
    """Whether all that ``forward`` calls a part with was made of what the trunk gives.

    ``x, y = self.encoder(image)``, then ``self.layer1(x, self.up(y))``: other parts may stand
    between them, as long as they get nothing else.
    """
    return _is_fed(cls, trunk, part, _is_made_of, all_inputs=True)


def gives_several(cls: Class, trunk: str) -> bool:
    """Whether ``forward`` takes several tensors of what a part gives: ``x, y = self.encoder(x)``.

    A part of a published network, as its stem or its last stage, gives only one.
    """
    method = _forward_of(cls)
    return method is not None and any(
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and _is_part(node.value.func, trunk)
        and any(isinstance(one, (ast.Tuple, ast.List)) and one.elts[1:] for one in node.targets)
        for node in walk(method)
    )


def gets_several_inputs(cls: Class, part: str) -> bool:
    """Whether ``forward`` calls a part with nothing but several tensors, channel by channel.

    ``self.encoder(torch.cat((image, depth), 1))``
    """
    return _is_fed(cls, "", part, _joins_channels)


def _is_fed(
    cls: Class,
    trunk: str,
    part: str,
    is_of: Callable[[ast.expr, str, set[str]], bool],
    *,
    all_inputs: bool = False,
) -> bool:
    """Whether the first input of a part, or each, is the trunk's, wherever it is called.

    ``is_of`` tells what is, by the variables that hold such.
    """
    method = _forward_of(cls)
    if method is None:
        return False
    given: set[str] = set()
    seen = False
    for statement in flat(method.body):
        for call in _calls_of(part, statement):
            inputs = given_arguments(call) if all_inputs else call.args[:1]
            if not inputs or not all(is_of(one, trunk, given) for one in inputs):
                return False
            seen = True
        match statement:
            case ast.Assign(targets=targets, value=value):
                names = {name for target in targets for name in target_names(target)}
                given = given | names if is_of(value, trunk, given) else given - names
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                added = ast.BinOp(ast.Name(name), statement.op, value)
                given = given if is_of(added, trunk, given) else given - {name}
            case _:
                pass
    return seen


def _forward_of(cls: Class) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    for one in cls.ancestors():
        if "forward" in one.methods:
            node = one.methods["forward"].node
            return node if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else None
    return None


def _calls_of(part: str, statement: ast.stmt) -> list[ast.Call]:
    return [
        node for node in walk(statement) if isinstance(node, ast.Call) and _is_part(node.func, part)
    ]


def _comes_of(expr: ast.expr, trunk: str, given: set[str]) -> bool:
    return any(
        (isinstance(node, ast.Call) and _is_inside(node.func, trunk))
        or (isinstance(node, ast.Name) and node.id in given)
        for node in walk(expr)
    )


def _joins_channels(expr: ast.expr, trunk: str, given: set[str]) -> bool:
    del trunk  # it is the model's inputs, or whatever else
    match expr:
        case ast.Name(id=name):
            return name in given
        case ast.Call(
            args=[ast.Tuple(elts=[_, _, *_]) | ast.List(elts=[_, _, *_]), *rest], keywords=keywords
        ) if call_name(expr) in _JOINS:
            axes = [*rest, *(one.value for one in keywords if one.arg in ("dim", "axis"))]
            return [ast.unparse(axis) for axis in axes] in (["1"], ["-3"])
        case _:
            return False


def _is_part(expr: ast.expr, name: str) -> bool:
    match expr:
        case ast.Attribute(value=ast.Name(id="self"), attr=attr):
            return attr == name
        case _:
            return False


def _is_inside(expr: ast.expr, name: str) -> bool:
    """``self.resnet`` or a part of it: ``self.resnet.layer1``."""
    while not _is_part(expr, name):
        if not isinstance(expr, (ast.Attribute, ast.Subscript)):
            return False
        expr = expr.value
    return True


def _is_made_of(expr: ast.expr, trunk: str, given: set[str]) -> bool:
    """Whether all that an expression is made of comes of the trunk, if by way of other parts."""
    return _is_all_of(expr, trunk, given, through_parts=True)


def _is_all_of(expr: ast.expr, trunk: str, given: set[str], *, through_parts: bool = False) -> bool:
    """Whether all that an expression is made of comes of the trunk."""

    def are_of(parts: list[ast.expr]) -> bool:
        inputs = [one for one in parts if not isinstance(one, ast.Constant)]
        return bool(inputs) and all(
            _is_all_of(one, trunk, given, through_parts=through_parts) for one in inputs
        )

    match expr:
        case ast.Call(func=func) if _is_inside(func, trunk):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"))):
            return through_parts and are_of(given_arguments(expr))
        case ast.Call(func=ast.Attribute(value=owner), args=arguments):
            return are_of([owner, *arguments] if are_of([owner]) else arguments)
        case ast.Call(args=arguments):
            return are_of(arguments)
        case ast.Name(id=name):
            return name in given
        case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.UnaryOp(operand=inner):
            return are_of([inner])
        case ast.Tuple(elts=inner) | ast.List(elts=inner):
            return are_of(inner)
        case ast.BinOp(left=left, right=right):
            return are_of([left, right])
        case _:
            return False
