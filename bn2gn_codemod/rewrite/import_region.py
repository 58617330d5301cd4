"""Where a file's imports end: the place of new imports and new definitions."""

from __future__ import annotations

import ast
import dataclasses
import itertools
import sys
from collections.abc import Iterable, Sequence

from bn2gn_codemod.generated import freezing
from bn2gn_codemod.rewrite.changes import Changes, NewCode
from bn2gn_codemod.rewrite.located import (
    Located,
    RewriteRefused,
    first_line,
    is_scope,
    last_line,
)


@dataclasses.dataclass
class Preamble:
    """What a file needs at its top, collected from all its edits."""

    standard_imports: set[str] = dataclasses.field(default_factory=set)  # "re", "warnings"
    imports: list[str] = dataclasses.field(default_factory=list)  # whole import statements
    definitions: list[tuple[str, str]] = dataclasses.field(default_factory=list)  # name, source

    def need_import(self, statement: str) -> None:
        if statement not in self.imports:
            self.imports.append(statement)

    def define(self, name: str, source: str) -> None:
        if all(name != defined for defined, _ in self.definitions):
            self.definitions.append((name, source))


def add_preamble(located: Located, preamble: Preamble, changes: Changes) -> None:
    """Plan the imports that are missing and the definitions, below the file's imports."""
    for name, _ in preamble.definitions:
        if name in located.bound:
            line = located.bound[name].lineno
            raise RewriteRefused(f"line {line}: the name {name} already means something else")
    region = _import_region(located, changes)
    for name in sorted(preamble.standard_imports, reverse=True):
        _add_standard_import(located, region, name, changes)
    imports = [text for text in preamble.imports if not _is_there(located, text)]
    imports = [text for text in imports if not _add_to_torch(located, region, text, changes)]
    _add_below(located, region, imports, [text for _, text in preamble.definitions], changes)


def _import_region(located: Located, changes: Changes) -> list[ast.stmt]:
    """The module's first statements up to its last import, or its docstring alone.

    A definition must come before the first line that runs it, so the region
    ends above the first planned change.
    """
    places = [first_line(statement) for statement in changes.statements]
    places += [expression.lineno for expression in changes.expressions]
    limit = min(places, default=sys.maxsize)
    end = 0
    for index, statement in enumerate(located.tree.body):
        if last_line(statement) >= limit:
            break
        if _is_import(statement) or (index == 0 and _is_docstring(statement)):
            end = index + 1
        elif hasattr(statement, "body"):
            break
    return located.tree.body[:end]


def _is_import(statement: ast.stmt) -> bool:
    """An import, or an ``if`` or ``try`` that does nothing but import and settle names."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return True
    if not isinstance(statement, (ast.If, ast.Try)):
        return False
    inner = [node for node in ast.walk(statement) if isinstance(node, ast.stmt)]
    settled = (ast.Import, ast.ImportFrom, ast.If, ast.Try, ast.Assign, ast.Pass, ast.Expr)
    return (
        any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in inner)
        and all(isinstance(node, (*settled, ast.Raise)) for node in inner)
        and all(getattr(node, "id", "") != "__name__" for node in ast.walk(statement))
    )


def _is_docstring(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _is_there(located: Located, text: str) -> bool:
    """Whether the module's own statements import what ``text`` imports."""
    wanted = ast.parse(text).body[0]
    assert isinstance(wanted, (ast.Import, ast.ImportFrom))
    name = wanted.names[0].asname or wanted.names[0].name
    binding = located.bound.get(name)
    if binding is None:
        return False
    if isinstance(binding, type(wanted)):
        same_module = getattr(binding, "module", None) == getattr(wanted, "module", None)
        if isinstance(binding, ast.ImportFrom) and name == freezing.NORM_NAME:
            # Under this name OpenMMLab's packages pass on torch's own class.
            package = (binding.module or "").split(".")[0]
            same_module |= binding.level == 0 and package in ("torch", "mmengine", "mmcv")
        origins = {alias.asname or alias.name: alias.name for alias in binding.names}
        if same_module and origins.get(name) == wanted.names[0].name:
            return True
    raise RewriteRefused(f"line {binding.lineno}: the name {name} already means something else")


def _add_standard_import(
    located: Located, region: list[ast.stmt], name: str, changes: Changes
) -> None:
    if _is_there(located, f"import {name}"):
        return
    text = f"import {name}{located.style.newline}"
    imports = [s for s in region if isinstance(s, (ast.Import, ast.ImportFrom))]
    imports = [s for s in imports if not _is_future(s)]
    plain = [s for s in imports if isinstance(s, ast.Import) and _is_standard(s)]
    smaller = [s for s in plain if s.names[0].name < name]
    if smaller:
        # Several land behind one statement in the order of their names.
        changes.of(smaller[-1]).after.insert(0, NewCode(text))
    elif imports:
        change = changes.of(plain[0] if plain else imports[0])
        change.before.insert(0, NewCode(text))
        if not _is_standard(imports[0]) and not plain and _is_grouped(located, imports):
            change.blank_lines_before = 1
    elif region:
        changes.of(region[-1]).after.insert(0, NewCode(text))
    elif located.tree.body:
        changes.of(located.tree.body[0]).before.insert(0, NewCode(text))
    else:
        changes.content.insert(0, NewCode(text))


def _add_to_torch(located: Located, region: list[ast.stmt], text: str, changes: Changes) -> bool:
    """Put an import from torch behind the others; false where there is none of either."""
    others = [
        s for s in region if isinstance(s, (ast.Import, ast.ImportFrom)) and _package(s) == "torch"
    ]
    if not others or not text.startswith("from torch"):
        return False
    changes.of(others[-1]).after.append(NewCode(text + located.style.newline))
    return True


def _is_standard(statement: ast.Import | ast.ImportFrom) -> bool:
    return _package(statement) in sys.stdlib_module_names


def _package(statement: ast.Import | ast.ImportFrom) -> str:
    """The package that is imported from, ``""`` for one's own."""
    if isinstance(statement, ast.ImportFrom):
        return "" if statement.level else (statement.module or "").split(".")[0]
    return statement.names[0].name.split(".")[0]


def _is_grouped(located: Located, imports: Sequence[ast.Import | ast.ImportFrom]) -> bool:
    """Whether blank lines part the imports by where they come from, as PEP 8 wants it.

    Imports of one package alone say nothing against it.
    """
    if len({_package(statement) for statement in imports}) == 1:
        return True
    pairs = itertools.pairwise(imports)
    return any(_blank_lines_at_end(_lines_between(located, a, b)) for a, b in pairs)


def _add_below(
    located: Located,
    region: list[ast.stmt],
    imports: Iterable[str],
    definitions: Iterable[str],
    changes: Changes,
) -> None:
    style = located.style
    new_imports = [NewCode(text + style.newline) for text in _merged(imports)]
    new_definitions = [NewCode(style.render(text), blank_lines=2) for text in definitions]
    if new_definitions and not new_definitions[0].text.startswith("def "):
        new_definitions[0] = dataclasses.replace(new_definitions[0], blank_lines=1)
    if not (new_imports or new_definitions):
        return
    following = located.tree.body[len(region)] if len(region) < len(located.tree.body) else None
    if not region and following is None:
        changes.content += new_imports + new_definitions
        return
    if not region:
        assert following is not None
        change = changes.of(following)
        change.before += new_imports + new_definitions
        change.before[0] = dataclasses.replace(change.before[0], blank_lines=0)
        change.blank_lines_before = 2 if new_definitions or is_scope(following) else 1
        return
    change = changes.of(region[-1])
    change.after += new_imports
    if not new_definitions:
        return
    between = _lines_between(located, region[-1], following)
    blank = _blank_lines_at_end(between)
    if following and blank and between[0].strip():  # commented-out imports stay with the others
        missing = max(0, new_definitions[0].blank_lines - blank)
        new_definitions[0] = dataclasses.replace(new_definitions[0], blank_lines=missing)
        changes.of(following).before += new_definitions
        changes.of(following).blank_lines_before = 2
        return
    change.after += new_definitions
    if following:
        leading = next((n for n, line in enumerate(between) if line.strip()), len(between))
        change.blank_lines_after = max(0, 2 - leading)


def _merged(imports: Iterable[str]) -> list[str]:
    """One statement for all that comes from the same module."""
    names: dict[str, list[str]] = {}
    for text in imports:
        head, separator, name = text.partition(" import ")
        names.setdefault(head + separator, []).append(name)
    return [
        head + ", ".join(sorted(filter(None, found), key=str.lower))
        for head, found in names.items()
    ]


def _lines_between(located: Located, above: ast.stmt, below: ast.stmt | None) -> Sequence[str]:
    end = first_line(below) - 1 if below else len(located.source.lines)
    return located.source.lines[located.lines_end(above) : end]


def _blank_lines_at_end(lines: Sequence[str]) -> int:
    count = 0
    for line in reversed(lines):
        if line.strip():
            break
        count += 1
    return count
