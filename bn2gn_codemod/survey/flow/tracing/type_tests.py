"""What a variable still may hold where ``isinstance`` was asked of it first."""

from __future__ import annotations

import ast
import re

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.syntax.nodes import bound_names, call_name, dotted, flat
from bn2gn_codemod.survey.values import ExternalObject, Instance, NormLayer, Value

# Layers that hold no others, and that are no containers: those are transparent here.
_SIMPLE_LAYER = re.compile(r"torch\.nn\.(?:\w+\.)*(?:Conv(?:Transpose)?[123]d|Linear)$")
_LIBRARY_LAYER = re.compile(r"torch\.nn\.(?:\w+\.)*[A-Z]\w*$")
_NUMBERS = ("int", "float", "bool")
_PLAIN_BASES = re.compile(r"torch\.nn\.(?:\w+\.)*Module$|object$|(?:abc\.)?ABC$")


def tested_layer(flow: Flow, module: Module, branch: ast.If | ast.While) -> str | None:
    """The variable that is a convolution or a linear layer in the body of ``branch``."""
    tests = [branch.test]
    if isinstance(branch.test, ast.BoolOp) and isinstance(branch.test.op, ast.And):
        tests = branch.test.values
    for test in tests:
        match test:
            case ast.Call(args=[ast.Name(id=name), kinds]) if call_name(test) == "isinstance":
                kinds_named = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
                if all(_is_simple_layer(flow, module, kind) for kind in kinds_named) and not any(
                    name in bound_names(statement) for statement in flat(branch.body)
                ):
                    return name
    return None


def may_be_simple_layer(held: Value) -> bool:
    """Whether a value may be a convolution or linear layer, or one of a class made from them."""
    if isinstance(held, NormLayer):
        return False
    if isinstance(held, ExternalObject) and _LIBRARY_LAYER.match(held.name):
        return _SIMPLE_LAYER.match(held.name) is not None
    if not isinstance(held, Instance):
        return True
    bases = [base for cls in held.class_.ancestors() for base in cls.external_bases]
    return not bases or not all(map(_PLAIN_BASES.match, bases))


def gives_number(choice: ast.IfExp) -> bool:
    """Whether the first branch is a variable that is a number there: ``q if type(q) == int``."""
    match choice.test:
        case (
            ast.Compare(
                left=ast.Call(func=ast.Name(id="type"), args=[ast.Name(id=name)]),
                ops=[ast.Eq() | ast.Is()],
                comparators=[kinds],
            )
            | ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=name), kinds])
        ):
            named = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
            is_one = isinstance(choice.body, ast.Name) and choice.body.id == name
            return is_one and all(isinstance(k, ast.Name) and k.id in _NUMBERS for k in named)
    return False


def _is_simple_layer(flow: Flow, module: Module, kind: ast.expr) -> bool:
    name = dotted(kind)
    if name is None:
        return False
    head, _, rest = name.partition(".")
    target, _ = flow.bindings.get((module.path, head), ("", None))
    if not isinstance(target, str):
        return False
    return _SIMPLE_LAYER.match(f"{target}.{rest}" if rest else target) is not None
