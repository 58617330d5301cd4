"""What the user wants to see beside what an audit finds by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bn2gn_codemod import settings
from bn2gn_codemod.problem import Problem

_KEYS = ("modules", "key-parameters")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Names of modules, and globs of parameter names.

    ``required`` are those of the command line: they have to be there. The
    settings serve every target of a repository.
    """

    modules: tuple[str, ...] = ()
    key_parameters: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()


def with_settings(
    root: Path, modules: Sequence[str] = (), key_parameters: Sequence[str] = ()
) -> Wanted:
    """What was named on the command line after what ``[tool.bn2gn.audit]`` lists.

    Raises ``Problem`` for a table that cannot be understood.
    """
    listed = settings.load_subtable(root, "audit")
    table = listed.value or {}
    if not isinstance(table, dict):
        raise Problem(f"{listed.place()}has to be a table")
    for key in table:
        if key not in _KEYS:
            raise Problem(f"{listed.place(key)}: unknown; {settings.nearest(key, _KEYS)}")
    texts = [_texts(table.get(key, []), listed.place(key)) for key in _KEYS]
    required = frozenset((*modules, *key_parameters))
    return Wanted((*texts[0], *modules), (*texts[1], *key_parameters), required)


def _texts(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Problem(f"{where} has to be a list of texts, not {value!r}")
    return value
