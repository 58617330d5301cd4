"""Modules of a repository: the syntax trees of the files that matter."""

from __future__ import annotations

import ast
import dataclasses
import functools
import re

from bn2gn_codemod.plan import Place, Skipped
from bn2gn_codemod.relevance import relevant_modules
from bn2gn_codemod.sources import Repository, SourceFile

_TEST = re.compile(r"(?:^|/)(?:tests?/|test_[^/]*$)|_test\.py$")


@dataclasses.dataclass(eq=False)
class Module:
    """One parsed file."""

    source: SourceFile
    tree: ast.Module
    is_package: bool

    @property
    def path(self) -> str:
        return self.source.path

    @functools.cached_property
    def is_test(self) -> bool:
        """Whether a file of that name tests others."""
        return _TEST.search(self.path) is not None

    def place(self, node: ast.expr | ast.stmt) -> Place:
        """Where a node of the tree begins."""
        column = self.source.column(node.lineno, node.col_offset)
        return Place(self.path, node.lineno, column)


def read_modules(repository: Repository) -> tuple[list[Module], list[Skipped]]:
    """Parse the files that can bear on a norm layer; name those that do not parse."""
    by_path = {file.path: file for file in repository.files}
    modules, skipped = [], []
    for path in sorted(relevant_modules(repository)):
        parsed = parse(by_path[path])
        if isinstance(parsed, Skipped):
            skipped.append(parsed)
        else:
            modules.append(Module(by_path[path], parsed, path.endswith("__init__.py")))
    return modules, skipped


def parse(source: SourceFile) -> ast.Module | Skipped:
    """The syntax tree, or the one line that says why there is none."""
    try:
        return source.tree
    except SyntaxError as error:
        where = f" (line {error.lineno})" if error.lineno else ""
        return Skipped(source.path, f"does not parse{where}: {error.msg}")
