"""Copies of the sample, as it is and migrated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.audit.configs import FIXTURE, migrated


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The sample as it is."""
    return _copied(tmp_path / "stage2")


@pytest.fixture
def migrated_sample(tmp_path: Path) -> Path:
    """The sample after ``bn2gn migrate``."""
    return migrate(_copied(tmp_path / "migrated"))


def migrate(root: Path) -> Path:
    """Write what ``bn2gn migrate`` would write."""
    for path, text in migrated(root).items():
        (root / path).write_text(text)
    return root


def _copied(target: Path) -> Path:
    return Path(shutil.copytree(FIXTURE, target, ignore=shutil.ignore_patterns("__pycache__")))
