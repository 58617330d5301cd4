"""Entries of MMEngine configs: replaced, added, dropped, or set in a new statement."""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Iterable
from typing import TypeAlias

import libcst as cst

from bn2gn_codemod.plan import ConfigEdit, Place
from bn2gn_codemod.rewrite.changes import Changes, ExpressionChange, NewCode
from bn2gn_codemod.rewrite.layout import Container, Element, Layout
from bn2gn_codemod.rewrite.located import Located, RewriteRefused

_AstContainer: TypeAlias = "ast.Call | ast.Dict | ast.List | ast.Tuple"


def add_configs(located: Located, edits: Iterable[ConfigEdit], changes: Changes) -> None:
    """Plan the edits of one config file."""
    planned = _Planned()
    for edit in edits:
        # Generated text holds single quotes and plain newlines only.
        value = edit.value.replace("'", located.style.quote)
        edit = edit._replace(value=value.replace("\n", located.style.newline))
        if edit.kind == "replace":
            node, _ = located.expressions_at(edit.place)[0]
            planned.replaced[node] = edit.value
        elif edit.kind == "statement":
            statement = located.statement_at(edit.place)
            changes.of(statement).after.append(NewCode(edit.value, blank_lines=1))
        elif edit.kind == "add":
            planned.entries_of(_container_at(located, edit.place)).added.append(edit)
        else:
            container, index = _holder_of(located, edit.place)
            planned.entries_of(container).dropped.append(index)
    for node, value in planned.replaced.items():
        changes.expressions[node] = ExpressionChange(
            functools.partial(_replaced, value=value), planned.expected(node)
        )
    for container, entries in planned.entries.items():
        rewrite = functools.partial(_with_entries, entries=entries, quote=located.style.quote)
        changes.expressions[container] = ExpressionChange(rewrite, planned.expected(container))


# ---------------------------------------------------------------- places


def _container_at(located: Located, place: Place) -> _AstContainer:
    for node, _ in located.expressions_at(place):
        if isinstance(node, (ast.Call, ast.Dict, ast.List, ast.Tuple)):
            return node
    raise RewriteRefused(f"line {place.line}: no dict or list is there")


def _holder_of(located: Located, place: Place) -> tuple[_AstContainer, int]:
    """The dict whose entry has its value at ``place``, and the entry's index."""
    for node in ast.walk(located.enclosing_statement(place)):
        if isinstance(node, (ast.Call, ast.Dict)):
            for index, value in enumerate(_values(node)):
                column = located.source.column(value.lineno, value.col_offset)
                if (value.lineno, column) == (place.line, place.column):
                    return node, index
    raise RewriteRefused(f"line {place.line}: the planned entry is not there")


def _values(node: ast.Call | ast.Dict) -> list[ast.expr]:
    if isinstance(node, ast.Dict):
        return node.values
    return [*node.args, *(keyword.value for keyword in node.keywords)]


# ---------------------------------------------------------------- entries


@dataclasses.dataclass
class _Entries:
    """What happens to the entries of one dict or list."""

    added: list[ConfigEdit] = dataclasses.field(default_factory=list)
    dropped: list[int] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class _Planned:
    """All changes of expressions, which may lie inside each other."""

    replaced: dict[ast.expr, str] = dataclasses.field(default_factory=dict)
    entries: dict[_AstContainer, _Entries] = dataclasses.field(default_factory=dict)

    def entries_of(self, container: _AstContainer) -> _Entries:
        return self.entries.setdefault(container, _Entries())

    def expected(self, node: ast.expr) -> ast.expr:
        """What must have become of ``node`` when it and all inside it has changed."""
        result = self._copy(node)
        assert isinstance(result, ast.expr)
        return result

    def _copy(self, node: object) -> object:
        if isinstance(node, list):
            return [self._copy(item) for item in node]
        if not isinstance(node, ast.AST):
            return node
        if isinstance(node, ast.expr) and node in self.replaced:
            return _expression(self.replaced[node])
        copy = type(node)(**{field: self._copy(value) for field, value in ast.iter_fields(node)})
        if isinstance(node, (ast.Call, ast.Dict, ast.List, ast.Tuple)) and node in self.entries:
            _apply(self.entries[node], copy)
        return copy


def _apply(entries: _Entries, node: ast.AST) -> None:
    new = [(edit.key, _expression(edit.value)) for edit in entries.added]
    if isinstance(node, ast.Call):
        for index in sorted(entries.dropped, reverse=True):
            del node.keywords[index - len(node.args)]
        node.keywords += [ast.keyword(key, value) for key, value in new]
    elif isinstance(node, ast.Dict):
        for index in sorted(entries.dropped, reverse=True):
            del node.keys[index], node.values[index]
        node.keys += [ast.Constant(key) for key, _ in new]
        node.values += [value for _, value in new]
    elif isinstance(node, (ast.List, ast.Tuple)):
        node.elts += [value for _, value in new]


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _replaced(_: cst.BaseExpression, value: str) -> cst.BaseExpression:
    return cst.parse_expression(value)


def _with_entries(node: cst.BaseExpression, entries: _Entries, quote: str) -> cst.BaseExpression:
    assert isinstance(node, (cst.Call, cst.Dict, cst.List, cst.Tuple))
    layout = Layout.of(node)
    for index in sorted(entries.dropped, reverse=True):
        layout.drop(index, keep_comment=False)  # it tells what the entry was for
    for edit in entries.added:
        layout.append(_element(node, edit, quote))
    return layout.apply(node)


def _element(container: Container, edit: ConfigEdit, quote: str) -> Element:
    value = cst.parse_expression(edit.value)
    if isinstance(container, cst.Call):
        tight = cst.SimpleWhitespace("")
        return cst.Arg(value, cst.Name(edit.key), cst.AssignEqual(tight, tight))
    if isinstance(container, cst.Dict):
        return cst.DictElement(cst.SimpleString(quote + edit.key + quote), value)
    return cst.Element(value)
