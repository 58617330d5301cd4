"""Small MMEngine configs, and what the tool makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bn2gn_codemod.sources import discover
from bn2gn_codemod.survey.configs.inheritance import Config, Configs
from bn2gn_codemod.survey.configs.values import Items, Scalar, Table, Value
from tests.migrating import migrate

FIXTURE = Path(__file__).parent.parent.parent / "fixtures" / "stage2"
UNREAD = "<unread>"


def read(root: Path, path: str) -> Config:
    """The config in ``path``, read without running it."""
    config = Configs(discover(root).file).read(path)
    assert config is not None
    return config


def plain(value: Value) -> Any:
    """The value as Python objects; ``UNREAD`` for what only running would tell."""
    if isinstance(value, Table):
        return {key: plain(entry.value) for key, entry in value.entries.items()}
    if isinstance(value, Items):
        return [plain(entry.value) for entry in value.entries]
    return value.value if isinstance(value, Scalar) else UNREAD


def migrated(root: Path) -> dict[str, str]:
    """The texts of the files that ``migrate`` would change or create, by path."""
    migration = migrate(root, dry_run=True)
    assert not migration.refused
    return {change.path: change.after.decode() for change in migration.changes}
