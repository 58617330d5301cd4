"""Fingerprints: what may change around a finding, and what makes it another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bn2gn_codemod import api
from bn2gn_codemod.plan import Finding
from tests.conftest import MakeRepository

MODEL = """\
import torchvision
from torch import nn


class Neck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.twice = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.BatchNorm2d(channels),
        )


class Head(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = Neck(512)
        self.head = Head(512)
"""
NECK, HEAD = MODEL[MODEL.index("class Neck") :].split("\n\n\n")[:2]


def findings(path: Path) -> tuple[Finding, ...]:
    return api.plan(api.survey(path)).findings


def fingerprints(repository: MakeRepository, files: dict[str, str]) -> list[str]:
    """Those of a repository's findings, in the order of the findings."""
    root = repository(files)
    try:
        return [found.fingerprint for found in findings(root)]
    finally:
        for path in files:
            (root / path).unlink()


@pytest.fixture
def before(repository: MakeRepository) -> list[str]:
    return fingerprints(repository, {"net.py": MODEL, "other.py": "x = 1\n"})


def test_each_finding_has_its_own(before: list[str]) -> None:
    assert len(set(before)) == len(before) == 4


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("# a comment\n\nimport os\n\n\n" + MODEL, id="lines above"),
        pytest.param(MODEL.replace("\n", "\r\n"), id="line ends"),
        pytest.param(MODEL.replace("    ", "\t"), id="indentation"),
        pytest.param(MODEL.replace("d(channels)", "d(\n    channels\n)"), id="wrapped"),
        pytest.param(MODEL.replace("channels)\n", "channels)  # new\n"), id="comments behind"),
        pytest.param(MODEL.replace("weights=", "progress=False, weights="), id="other code"),
        pytest.param(
            MODEL.replace(
                "        self.twice", "        if channels:\n            pass\n        self.twice"
            ),
            id="statements between",
        ),
    ],
)
def test_it_stays_when_code_around_changes(
    repository: MakeRepository, before: list[str], text: str
) -> None:
    assert fingerprints(repository, {"net.py": text, "other.py": "x = 1\n"}) == before


def test_it_stays_when_another_file_is_renamed(
    repository: MakeRepository, before: list[str]
) -> None:
    assert fingerprints(repository, {"net.py": MODEL, "renamed.py": "x = 1\n"}) == before


def test_it_stays_when_classes_change_their_order(
    repository: MakeRepository, before: list[str]
) -> None:
    text = MODEL.replace(NECK, "PLACE").replace(HEAD, NECK).replace("PLACE", HEAD)
    assert text != MODEL
    after = fingerprints(repository, {"net.py": text})
    assert set(after) == set(before)
    assert after != before


def test_one_more_of_the_same_is_one_new_finding(
    repository: MakeRepository, before: list[str]
) -> None:
    line = "            nn.BatchNorm2d(channels),\n"
    after = fingerprints(repository, {"net.py": MODEL.replace(line, line * 2, 1)})
    assert len(after) == len(before) + 1
    assert set(before) < set(after)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("class Head", "class Tail", 1),  # and its use stays: the finding is about the class
        ("self.bn = nn.BatchNorm2d(channels)\n        self.twice", "self.twice", 1),
        ("self.bn = nn.BatchNorm2d(channels)", "self.norm = nn.BatchNorm2d(channels)", 2),
        ("nn.BatchNorm2d(channels),", "nn.BatchNorm2d(2 * channels),", 2),
    ],
)
def test_another_layer_is_another_finding(
    repository: MakeRepository, before: list[str], old: str, new: str, changed: int
) -> None:
    text = MODEL.replace(old, new).replace("= Head(", f"= {'Tail' if 'Tail' in new else 'Head'}(")
    after = fingerprints(repository, {"net.py": text})
    assert len(set(before) - set(after)) == changed


def test_the_same_code_in_another_file_is_another_finding(repository: MakeRepository) -> None:
    one, other = (fingerprints(repository, {path: MODEL}) for path in ("a.py", "b.py"))
    assert not set(one) & set(other)


def test_part_of_a_repository_has_the_same(repository: MakeRepository) -> None:
    root = repository({"pyproject.toml": "", "a.py": MODEL, "b.py": MODEL})
    whole = {found.fingerprint for found in findings(root)}
    part = {found.fingerprint for found in findings(root / "b.py")}
    assert len(part) == 4
    assert part < whole
