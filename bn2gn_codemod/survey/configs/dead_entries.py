"""Taking out an entry that sets a learning rate to 0, once it does nothing any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bn2gn_codemod.plan import ConfigEdit
from bn2gn_codemod.survey.configs.entry_edits import Unfixable
from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.values import Entry, Table
from bn2gn_codemod.survey.configs.zero_rates import ZeroRate


def dropped(rate: ZeroRate, configs: Sequence[Config], first: Iterable[str]) -> ConfigEdit:
    """The edit that takes out the entry, and the dicts that are empty without it.

    ``first`` are the files that freeze its parameters: they are written before
    it goes. Raises ``Unfixable``.
    """
    path = rate.entry.at.path
    owner = next(c for use in rate.uses for c in _with_bases(use) if c.path == path)
    heirs = [config for config in configs if config is not owner and path in config.family()]
    keys = rate.keys[:-1]
    entry = owner.own.entry(*keys)
    if entry is None or entry.at.path != path:
        raise Unfixable("its entry is not written out")
    after = tuple(sorted({*first} - {path}))
    if any(_depends(heir, rate, entry) for heir in heirs):
        if entry.at != entry.value.place:
            raise Unfixable("its entry has a name, by which others may use it")
        return ConfigEdit(rate.entry.at, "drop", after=after)
    while len(keys) > 2:  # never a whole top-level setting
        above = owner.own.entry(*keys[:-1])
        if above is None or not isinstance(above.value, Table) or above.at != above.value.place:
            break
        if len(above.value.entries) > 1 or above.value.is_open or above.value.replaces:
            break
        if any(str(keys[-2]) in heir.source.text for heir in heirs):
            break  # it may change or replace what is in that dict
        keys, entry = keys[:-1], above
    return ConfigEdit(entry.at, "drop", after=after)


def _depends(heir: Config, rate: ZeroRate, group: Entry) -> bool:
    """Whether a config takes more from the ``group`` of multipliers than the rate of 0."""
    taken = heir.resolved.get(*rate.keys[:-1])
    if not isinstance(taken, Table) or not isinstance(group.value, Table):
        return False
    written = {entry.at for entry in group.value.entries.values()}
    own = {entry.at for entry in taken.entries.values()} - written
    if any(heir is use for use in rate.uses):
        return bool(own)
    if {entry.at for entry in taken.entries.values()} & (written - {rate.entry.at}):
        return True
    over = heir.own.entry(*rate.keys[:-1])
    # Its own dict can do without one to merge into; `_delete_` and changes in place cannot.
    is_own = over is not None and over.at.path == heir.path
    return not (is_own and over and isinstance(over.value, Table) and not over.value.replaces)


def _with_bases(config: Config) -> Iterator[Config]:
    yield config
    for base in config.bases:
        yield from _with_bases(base)
