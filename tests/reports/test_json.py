"""JSON reports hold what is documented, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from bn2gn_codemod.migration import Change, Migration
from bn2gn_codemod.plan import Skipped
from bn2gn_codemod.reports import json as json_report
from tests.reports.plans import EMPTY, NECK, PLAN, SITES, surveyed

PLACE = {"path": {"type": "string"}, "line": {"type": "integer"}, "column": {"type": "integer"}}
TEXTS = {"type": "array", "items": {"type": "string"}}


def exactly(properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object with these properties, each required, and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def array_of(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": exactly(properties)}


SITE = {
    **PLACE,
    "norm": {"type": "string"},
    "class": {"type": "string"},
    "attribute": {"type": "string"},
    "verdict": {"enum": ["convert", "keep", "conflict", "unknown"]},
    "reasons": TEXTS,
}
FINDING = {
    "code": {"type": "string", "pattern": r"^BN\d{3}$"},
    **PLACE,
    "message": {"type": "string"},
    "fixable": {"type": "boolean"},
    "fingerprint": {"type": "string", "pattern": "^([0-9a-f]{32})?$"},
}
SKIPPED = array_of({"path": {"type": "string"}, "message": {"type": "string"}})
SUMMARY = {
    key: {"type": "integer"} for key in ("convert", "keep", "conflict", "unknown", "findings")
}
CHECK = exactly(
    {
        "version": {"const": 1},
        "root": {"type": "string"},
        "sites": array_of(SITE),
        "findings": array_of(FINDING),
        "skipped": SKIPPED,
        "summary": exactly(SUMMARY),
    }
)


MIGRATION = exactly(
    {
        "version": {"const": 1},
        "root": {"type": "string"},
        "written": {"type": "boolean"},
        "changed": TEXTS,
        "refused": SKIPPED,
        "left": array_of(FINDING),
        "skipped": SKIPPED,
    }
)


def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_check_has_the_documented_keys(capsys: pytest.CaptureFixture[str]) -> None:
    for plan in (PLAN, EMPTY):
        json_report.check(surveyed(plan), plan)
        jsonschema.validate(shown(capsys), CHECK)


def test_check_holds_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    json_report.check(surveyed(PLAN), PLAN)
    document = shown(capsys)
    assert document["root"] == "/home/someone/net"
    assert document["sites"][0] == {
        "path": "lib/models/blocks.py",
        "line": 7,
        "column": 20,
        "norm": "BatchNorm2d",
        "class": "ConvBN",
        "attribute": "bn",
        "verdict": "conflict",
        "reasons": ["built by DLA", "built by Neck"],
    }
    assert document["findings"][-1] == {
        "code": "BN201",
        "path": "train.py",
        "line": 22,
        "column": 5,
        "message": "the optimizer is built first",
        "fixable": True,
        "fingerprint": "",
    }
    assert document["skipped"] == [{"path": "lib/old.py", "message": "line 3: invalid syntax"}]
    assert document["summary"] == {
        "convert": 2,
        "keep": 2,
        "conflict": 1,
        "unknown": 1,
        "findings": 6,
    }


def test_explanation_adds_evidence_and_remedies(capsys: pytest.CaptureFixture[str]) -> None:
    json_report.explanation(SITES[:1])
    (explained,) = shown(capsys)["sites"]
    assert explained["evidence"] == list(SITES[0].evidence)
    assert explained["settles"] == list(SITES[0].settles)


def test_migration_has_the_documented_keys(capsys: pytest.CaptureFixture[str]) -> None:
    refused = (Skipped("a.py", "is read-only"),)
    json_report.migration(Migration(PLAN, (Change(NECK, b"", b"x"),), refused, written=True))
    document = shown(capsys)
    jsonschema.validate(document, MIGRATION)
    assert document["written"] is True
    assert document["changed"] == [NECK]
    assert document["refused"] == [{"path": "a.py", "message": "is read-only"}]
    assert [left["code"] for left in document["left"]] == ["BN102", "BN103", "BN106", "BN101"]
