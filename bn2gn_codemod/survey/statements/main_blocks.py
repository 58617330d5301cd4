"""What runs where a file is started, and not where it is imported."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.syntax.nodes import walk
from bn2gn_codemod.survey.values import Function


def is_main_block(statement: ast.stmt) -> bool:
    """``if __name__ == "__main__":``"""
    match statement:
        case ast.If(
            test=ast.Compare(
                left=ast.Name(id="__name__"),
                ops=[ast.Eq()],
                comparators=[ast.Constant(value="__main__")],
            )
        ):
            return True
    return False


def is_in_main_block(function: Function, node: ast.AST) -> bool:
    """Whether something at the top level of a file runs only where the file is started."""
    tree = function.node
    return isinstance(tree, ast.Module) and any(
        isinstance(one, ast.If)
        and is_main_block(one)
        and any(node in walk(part) for part in one.body)
        for one in tree.body
    )
