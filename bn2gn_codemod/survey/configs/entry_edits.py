"""Edits of entries of one config: set below a setting, or added to a list of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from bn2gn_codemod.generated import freeze_hook
from bn2gn_codemod.plan import ConfigEdit, Place
from bn2gn_codemod.sources import SourceFile
from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.values import Entry, Items, Scalar, Table, Value

# Source of an expression, or entries to merge into a dict.
Source: TypeAlias = "str | Mapping[str, Source]"

COMMENT = """\
# Frozen for real: no gradients, and BatchNorm keeps its pretrained statistics.
"""
_LONG = 60
_LONG_LINE = 100
_DOTTED_NAME = re.compile(r"[A-Za-z_][\w.]*")


class Unfixable(Exception):
    """Why a pretended freeze is left alone, in a few words."""


def merge_into(
    config: Config, name: str, nested: Source, comment: str = ""
) -> Iterator[ConfigEdit]:
    """Set entries below the top-level ``name`` in the config's own file.

    ``comment`` stands above a new statement. Raises ``Unfixable``.
    """
    entry = config.own.entry(name)
    if entry is None or entry.value.place.path != config.path:
        if entry is not None and not config.is_pure_python:
            raise Unfixable(f"{name} is computed")
        lines = _source_lines(nested)
        statement = f"{name} = {lines}" if entry is None else f"{name}.merge({lines})"
        yield ConfigEdit(_end_of(config), "statement", comment + statement)
        return
    yield from _merge(entry, nested, config.source)


def _merge(entry: Entry, nested: Source, source: SourceFile) -> Iterator[ConfigEdit]:
    table = entry.value
    assert not isinstance(nested, str)
    if not isinstance(table, Table) or table.place.path != source.path:
        raise Unfixable(f"line {entry.at.line} is computed")
    for key, wanted in nested.items():
        below = table.entries.get(key)
        if below is None:
            yield ConfigEdit(table.place, "add", _entry(table, key, wanted, source), key)
        elif isinstance(wanted, str):
            value = below.value.value if isinstance(below.value, Scalar) else None
            if repr(value) != wanted:
                yield ConfigEdit(below.at, "replace", wanted)
        elif below.at == below.value.place:
            yield from _merge(below, wanted, source)
        else:
            # The name may serve others too: this use of it alone changes.
            extra = ", ".join(f"{k}={_source(v)}" for k, v in wanted.items())
            yield ConfigEdit(below.at, "replace", f"dict({_name_at(source, below)}, {extra})")


def _entry(table: Table, key: str, wanted: Source, source: SourceFile) -> str:
    """The source of a new entry: on several lines where it would make one line too long."""
    line = table.place.line
    on_one_line = all(entry.at.line == line for entry in table.entries.values())
    long = len(source.text.split("\n")[line - 1]) + len(f", {key}={_source(wanted)}") > _LONG_LINE
    return _source_lines(wanted) if on_one_line and long else _source(wanted)


def _name_at(source: SourceFile, entry: Entry) -> str:
    name = _DOTTED_NAME.match(source.text, source.offset(entry.at.line, entry.at.column))
    if not name:
        raise Unfixable(f"line {entry.at.line} is computed")
    return name.group()


def _source(nested: Source) -> str:
    if isinstance(nested, str):
        return nested
    return f"dict({', '.join(f'{key}={_source(value)}' for key, value in nested.items())})"


def _source_lines(nested: Source, depth: int = 1) -> str:
    """As ``_source``, on several lines where it is long."""
    short = _source(nested)
    if isinstance(nested, str) or len(short) < _LONG:
        return short
    indent = "    " * depth
    entries = (f"{key}={_source_lines(value, depth + 1)}" for key, value in nested.items())
    return f"dict(\n{indent}" + f",\n{indent}".join(entries) + ")"


def _end_of(config: Config) -> Place:
    """The place of the file's last statement."""
    last = config.source.tree.body[-1]
    return Place(config.path, last.lineno, config.source.column(last.lineno, last.col_offset))


def append_hook(config: Config, module: str, arguments: str) -> Iterator[ConfigEdit]:
    """Register the freezing hook of ``module`` with these arguments; raises ``Unfixable``."""
    if config.is_pure_python:
        hook = f"dict(type={freeze_hook.CLASS}, {arguments})"
        yield ConfigEdit(
            _last_import(config), "statement", f"from {module} import {freeze_hook.CLASS}"
        )
    else:
        hook = f"dict(type={freeze_hook.CLASS!r}, {arguments})"
        yield from _import_module(config, module)
    hooks = config.own.entry("custom_hooks")
    if hooks and _takes_more(hooks.value, config):
        yield ConfigEdit(hooks.value.place, "add", hook, import_from=module)
    elif hooks and not config.is_pure_python:
        raise Unfixable("custom_hooks is computed")
    else:
        inherited = "custom_hooks" if config.is_pure_python else "_base_.custom_hooks"
        has_some = config.resolved.get("custom_hooks") is not None
        before = f"*{inherited}, " if has_some else ""
        new = f"custom_hooks = [{before}{hook}]"
        yield ConfigEdit(_end_of(config), "statement", new, import_from=module)


def _takes_more(value: Value, config: Config) -> bool:
    """Whether a list is written in the config's own file, so that it can get an entry more."""
    return isinstance(value, Items) and value.place.path == config.path and not value.is_repeated


def _import_module(config: Config, module: str) -> Iterator[ConfigEdit]:
    imports = config.resolved.entry("custom_imports", "imports")
    value = imports.value if imports else None
    entries = value.entries if isinstance(value, Items) else [imports] if imports else []
    names = [entry.value.value for entry in entries if isinstance(entry.value, Scalar)]
    if len(names) != len(entries):
        raise Unfixable("custom_imports is computed")
    if module in names:
        return
    own = config.own.entry("custom_imports", "imports")
    if own and _takes_more(own.value, config):
        yield ConfigEdit(own.value.place, "add", repr(module))
        return
    yield from merge_into(config, "custom_imports", {"imports": repr([*names, module])})


def _last_import(config: Config) -> Place:
    body = config.source.tree.body
    imports = [s for s in body if type(s).__name__ in ("Import", "ImportFrom", "With")]
    last = (imports or body)[-1]
    return Place(config.path, last.lineno, config.source.column(last.lineno, last.col_offset))
