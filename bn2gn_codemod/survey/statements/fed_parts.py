"""What a model's forward pass hands from one part to the next."""

from __future__ import annotations

import ast
from collections.abc import Callable

from bn2gn_codemod.survey.syntax.nodes import call_name, flat, target_names, walk
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


def gets_several_inputs(cls: Class, part: str) -> bool:
    """Whether ``forward`` calls a part with nothing but several tensors, channel by channel.

    ``self.encoder(torch.cat((image, depth), 1))``
    """
    return _is_fed(cls, "", part, _joins_channels)


def _is_fed(
    cls: Class, trunk: str, part: str, is_of: Callable[[ast.expr, str, set[str]], bool]
) -> bool:
    """Whether the first input of a part is the trunk's, wherever it is called.

    ``is_of`` tells what is, by the variables that hold such.
    """
    method = next(
        (one.methods["forward"] for one in cls.ancestors() if "forward" in one.methods), None
    )
    if method is None or not isinstance(method.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    given: set[str] = set()
    seen = False
    for statement in flat(method.node.body):
        for call in _calls_of(part, statement):
            if not call.args or not is_of(call.args[0], trunk, given):
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


def _is_all_of(expr: ast.expr, trunk: str, given: set[str]) -> bool:
    """Whether all that an expression is made of comes of the trunk."""
    match expr:
        case ast.Call(func=func) if _is_inside(func, trunk):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"))):
            return False  # another part's
        case ast.Call(func=ast.Attribute(value=owner), args=arguments):
            parts = [owner, *arguments] if _is_all_of(owner, trunk, given) else arguments
            return bool(parts) and all(_is_all_of(one, trunk, given) for one in parts)
        case ast.Call(args=arguments):
            return bool(arguments) and all(_is_all_of(one, trunk, given) for one in arguments)
        case ast.Name(id=name):
            return name in given
        case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.UnaryOp(operand=inner):
            return _is_all_of(inner, trunk, given)
        case ast.Tuple(elts=inner) | ast.List(elts=inner):
            return bool(inner) and all(_is_all_of(one, trunk, given) for one in inner)
        case ast.BinOp(left=left, right=right):
            sides = [one for one in (left, right) if not isinstance(one, ast.Constant)]
            return bool(sides) and all(_is_all_of(one, trunk, given) for one in sides)
        case _:
            return False
