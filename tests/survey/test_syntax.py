"""Walks over a tree, beside the standard library's."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bn2gn_codemod.survey.syntax.nodes import children, reads_as, target_names, walk

SAYS_NOTHING = (
    *(ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop),
    ast.alias,
)
EVERY_FORM = """
match value:
    case {"a": Point(x=0, y=[1, *rest]), **others} | None if value:
        global counted
        counted: int = 1
    case str() as text:
        f(*a, **{"k": v, **more}, key=lambda x, /, y=1, *z, w, **k: (yield))
async def g():
    async with a as b, c: return [x async for x in y if not z < 1 < 2]
try:
    del a[1:2, ...]
except (E, F) as error:
    print(f"{error!r:>{width}}")
"""


def trees() -> list[ast.Module]:
    files = Path(__file__).parent.glob("*.py")
    return [ast.parse(EVERY_FORM), *(ast.parse(file.read_text()) for file in files)]


def test_walk_is_that_of_ast_without_what_says_nothing() -> None:
    for tree in trees():
        wanted = [node for node in ast.walk(tree) if not isinstance(node, SAYS_NOTHING)]
        assert walk(tree) == wanted
        assert [child for node in wanted for child in children(node)] == wanted[1:]


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("a", ["a"]),
        ("a, (b, *c)", ["a", "b", "c"]),
        ("[a, b.c, d[e]]", ["a"]),
        ("a.b[c]", []),
    ],
)
def test_target_names(target: str, names: list[str]) -> None:
    statement = ast.parse(f"{target} = x").body[0]
    assert isinstance(statement, ast.Assign)
    assert list(target_names(statement.targets[0])) == names


def test_what_reads_as_its_source_is_what_unparses_to_it() -> None:
    sources = ["a", "a.b", "self.a.b", "a['x.y'].z", "(a + b).c", "f().b", "a[0].b", "1 .b", ".b"]
    expressions = [ast.parse(source, mode="eval").body for source in sources[:-1]]
    for expression in expressions:
        wanted = [source for source in sources if ast.unparse(expression) == source]
        assert [source for source in sources if reads_as(expression, source)] == wanted
