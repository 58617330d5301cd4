"""Copies of the sample, as it is and migrated."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import warm
from tests.audit.configs import FIXTURE, migrated


@pytest.fixture(scope="session")
def python() -> Iterator[warm.Python]:
    """One that has imported MMEngine, which takes four seconds."""
    with warm.Python("torch._dynamo", "mmengine.runner") as python:
        yield python


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The sample as it is."""
    return copied(tmp_path / "stage2")


@pytest.fixture
def migrated_sample(tmp_path: Path) -> Path:
    """The sample after ``bn2gn migrate``."""
    return migrate(copied(tmp_path / "migrated"))


def migrate(root: Path) -> Path:
    """Write what ``bn2gn migrate`` would write."""
    for path, text in migrated(root).items():
        (root / path).write_text(text)
    return root


def copied(target: Path) -> Path:
    """A copy of the sample at ``target``."""
    return Path(shutil.copytree(FIXTURE, target, ignore=shutil.ignore_patterns("__pycache__")))
