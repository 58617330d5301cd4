"""Comparing functions by what they do, not by how they are written."""

from __future__ import annotations

import ast


def shape(function: ast.FunctionDef) -> str:
    """Equal for functions that differ in docstring, annotations and the name of torch only."""
    copy = ast.parse(ast.unparse(function)).body[0]
    assert isinstance(copy, ast.FunctionDef)
    copy.returns = None
    for argument in (*copy.args.posonlyargs, *copy.args.args, *copy.args.kwonlyargs):
        argument.annotation = None
    if ast.get_docstring(copy, clean=False) is not None:
        copy.body = copy.body[1:]
    return ast.dump(_WithoutTorch().visit(copy))


def shape_of(text: str) -> str:
    """The shape of the one function that ``text`` defines (other statements may surround it)."""
    functions = (s for s in ast.parse(text).body if isinstance(s, ast.FunctionDef))
    return shape(next(functions))


class _WithoutTorch(ast.NodeTransformer):
    """``torch.nn.GroupNorm``, ``nn.GroupNorm`` and ``GroupNorm`` are one."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if node.attr in ("GroupNorm", "_BatchNorm"):
            return ast.Name(node.attr, ast.Load())
        return node
