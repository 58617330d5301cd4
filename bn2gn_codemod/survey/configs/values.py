"""What a config file says, as far as it can be told without running it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from bn2gn_codemod.plan import Place

Keys: TypeAlias = tuple["str | int", ...]


@dataclasses.dataclass
class Scalar:
    """A constant, or the name of a class given as ``type`` (then a ``str``)."""

    place: Place
    value: str | int | float | bool | None


@dataclasses.dataclass
class Opaque:
    """Something that only running the file would tell."""

    place: Place


@dataclasses.dataclass
class Items:
    """A list or tuple. A comprehension has no place for an entry more: ``is_repeated``."""

    place: Place
    entries: list[Entry]
    is_repeated: bool = False


@dataclasses.dataclass
class Table:
    """A dict. ``replaces`` is MMEngine's ``_delete_``: nothing of the base stays.

    ``is_open`` says that there are more entries than could be read. ``changed`` are the keys that
    statements after the dict itself set or took away. ``is_merged`` says that it inherits from
    another dict.
    """

    place: Place
    entries: dict[str, Entry] = dataclasses.field(default_factory=dict)
    replaces: bool = False
    is_open: bool = False
    changed: frozenset[str] = frozenset()
    is_merged: bool = False

    def get(self, *keys: str | int) -> Value | None:
        """The value under ``keys``, one level a key; ``None`` where there is none."""
        entry = self.entry(*keys)
        return entry.value if entry else None

    def entry(self, *keys: str | int) -> Entry | None:
        """As ``get``, with the place where it is written."""
        found: Entry | None = Entry(self.place, self)
        for key in keys:
            found = _child(found.value, key) if found else None
        return found

    def change(self, key: str, entry: Entry | None) -> Entry | None:
        """Set what is under ``key``, or take it away, as a later statement does."""
        before = self.entries.pop(key, None)
        self.changed |= {key}
        if entry is not None:
            self.entries[key] = entry
        return before

    def scalar(self, *keys: str | int) -> str | int | float | bool | None:
        """The constant under ``keys``; ``None`` for whatever is no constant."""
        value = self.get(*keys)
        return value.value if isinstance(value, Scalar) else None


@dataclasses.dataclass
class Entry:
    """A value, and the expression that stands for it in its dict or list.

    The two places differ where the expression is a name: ``norm_cfg=norm_cfg``.
    """

    at: Place
    value: Value


Value: TypeAlias = Scalar | Opaque | Items | Table


def _child(value: Value, key: str | int) -> Entry | None:
    if isinstance(value, Table) and isinstance(key, str):
        return value.entries.get(key)
    if isinstance(value, Items) and isinstance(key, int) and key < len(value.entries):
        return value.entries[key]
    return None


def walk(value: Value, keys: Keys = ()) -> Iterator[tuple[Keys, Entry]]:
    """Every entry below ``value`` with the keys that lead to it, outermost first."""
    children: Sequence[tuple[str | int, Entry]] = ()
    if isinstance(value, Table):
        children = list(value.entries.items())
    elif isinstance(value, Items):
        children = list(enumerate(value.entries))
    for key, entry in children:
        yield (*keys, key), entry
        yield from walk(entry.value, (*keys, key))


def model_keys(model: Table) -> Iterator[Keys]:
    """The keys of every part of the model that has a type."""
    for keys, entry in walk(model):
        if isinstance(entry.value, Table) and "type" in entry.value.entries:
            yield keys


def copied_table(table: Table) -> Table:
    """The table with containers of its own, at the same places."""
    own = {key: copied(child) for key, child in table.entries.items()}
    return dataclasses.replace(table, entries=own)


def copied(entry: Entry) -> Entry:
    """The entry with containers of its own, at the same places."""
    value = entry.value
    if isinstance(value, Table):
        value = copied_table(value)
    elif isinstance(value, Items):
        own = [copied(child) for child in value.entries]
        value = dataclasses.replace(value, entries=own)
    return Entry(entry.at, value)


def merged(base: Table, over: Table) -> Table:
    """``over`` inheriting from ``base`` by MMEngine's rules.

    Both stay as they are; the result shares with them what only one of them has.
    """
    result = Table(
        over.place,
        dict(base.entries),
        is_open=base.is_open or over.is_open,
        changed=base.changed | over.changed,
        is_merged=True,
    )
    for key, entry in over.entries.items():
        below = result.entries.get(key)
        value = entry.value
        inherits = isinstance(value, Table) and not value.replaces
        if inherits and below and isinstance(below.value, Table) and isinstance(value, Table):
            value = merged(below.value, value)
        result.entries[key] = Entry(entry.at, value)
    return result


def dotted(keys: Keys) -> str:
    """``("model", "neck", 0)`` -> ``model.neck.0``."""
    return ".".join(map(str, keys))
