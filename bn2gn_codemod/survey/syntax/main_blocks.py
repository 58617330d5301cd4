"""``if __name__ == "__main__":``, code that only whoever runs a file comes to."""

from __future__ import annotations

import ast


def is_main_block(statement: ast.stmt) -> bool:
    """Whether a statement is the ``if`` itself."""
    return bool(_body(statement))


def stands_in_main_block(module: ast.Module, node: ast.expr | ast.stmt) -> bool:
    """Whether a node of a module is run with the file alone, and by nobody that imports it."""
    bodies = filter(None, map(_body, module.body))
    return any(body[0].lineno <= node.lineno <= (body[-1].end_lineno or 0) for body in bodies)


def _body(statement: ast.stmt) -> list[ast.stmt]:
    match statement:
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()]), body=body):
            return body
        case _:
            return []
