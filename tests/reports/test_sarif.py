"""SARIF: the published schema, hostile names, and fixes that are exactly what migrate writes."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import io
import json
import os
import re
import shutil
import subprocess
import urllib.parse
from collections.abc import Mapping
from email.message import Message
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bn2gn_codemod import __version__, api
from bn2gn_codemod.reports import sarif
from bn2gn_codemod.rules import all_rules
from tests.conftest import MakeRepository, Run
from tests.reports.plans import EMPTY, PLAN, surveyed
from tests.reports.test_github import MODEL

FIXTURES = Path(__file__).parents[2] / "fixtures"
SCHEMA = Path(__file__).parent / "schemas" / "sarif-schema-2.1.0.json"
NEWLINE = re.compile("\r\n|\n|\r")


@functools.cache
def validator() -> Any:
    return jsonschema.Draft4Validator(json.loads(SCHEMA.read_bytes()))


def log(text: str) -> dict[str, Any]:
    """The one run of a log that the schema accepts."""
    document = json.loads(text)
    validator().validate(document)
    (run,) = document["runs"]
    assert all(region_is_forward(region) for region in regions(run))
    found: dict[str, Any] = run
    return found


def regions(value: Any) -> list[dict[str, int]]:
    if isinstance(value, list):
        return [region for item in value for region in regions(item)]
    if not isinstance(value, dict):
        return []
    inner = [region for item in value.values() for region in regions(item)]
    return [*inner, value] if "startLine" in value else inner


def region_is_forward(region: Mapping[str, int]) -> bool:
    if "endLine" not in region:
        return True
    start = (region["startLine"], region["startColumn"])
    return (1, 1) <= start <= (region["endLine"], region["endColumn"])


def checked(root: Path, **settings: Any) -> dict[str, Any]:
    survey = api.survey(root, settings=settings)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        sarif.check(survey, api.plan(survey))
    return log(out.getvalue())


# ------------------------------------------------------------ the log itself


def shown(capsys: pytest.CaptureFixture[str], plan: Any) -> dict[str, Any]:
    sarif.check(surveyed(plan), plan)
    return log(capsys.readouterr().out)


def test_rules_carry_their_help(capsys: pytest.CaptureFixture[str]) -> None:
    driver = shown(capsys, EMPTY)["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("bn2gn", __version__)
    described = {rule["id"]: rule for rule in driver["rules"]}
    assert list(described) == [rule.code for rule in all_rules()]
    for rule in all_rules():
        descriptor = described[rule.code]
        assert descriptor["shortDescription"]["text"] == rule.summary
        for part in (rule.what, rule.why, rule.instead, *(e.before for e in rule.examples)):
            assert part.strip() in descriptor["help"]["markdown"]
        assert descriptor["defaultConfiguration"]["level"] in ("error", "warning", "note")


def test_rules_link_to_the_page_that_the_package_names(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = Message()
    addresses["Project-URL"] = "Homepage, https://example.org/bn2gn"
    addresses["Project-URL"] = "Rules, https://example.org/bn2gn/docs/rules.md"
    monkeypatch.setattr(importlib.metadata, "metadata", lambda _name: addresses)
    driver = shown(capsys, EMPTY)["tool"]["driver"]
    assert driver["informationUri"] == "https://example.org/bn2gn"
    assert driver["rules"][0]["helpUri"] == "https://example.org/bn2gn/docs/rules.md#bn101"


def test_results_and_notifications_of_a_plan(capsys: pytest.CaptureFixture[str]) -> None:
    run = shown(capsys, PLAN)
    rules = run["tool"]["driver"]["rules"]
    assert [result["ruleId"] for result in run["results"]] == [f.code for f in PLAN.findings]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == rules[result["ruleIndex"]]["defaultConfiguration"]["level"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is True
    skipped = invocation["toolExecutionNotifications"][0]
    assert skipped["level"] == "warning"
    assert skipped["message"]["text"] == "line 3: invalid syntax"
    assert skipped["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "lib/old.py"
    assert run["automationDetails"]["id"] == "bn2gn/check/"


# -------------------------------------------------------------------- places


def test_columns_count_utf_16_code_units(repository: MakeRepository) -> None:
    text = MODEL.replace("self.neck =", "self.name, self.neck = '𝒳模é',")
    run = checked(repository({"net.py": text}))
    (result,) = run["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert run["columnKind"] == "utf16CodeUnits"
    line = text.splitlines()[region["startLine"] - 1].encode("utf-16-le")
    shown = line[2 * region["startColumn"] - 2 : 2 * region["endColumn"] - 2].decode("utf-16-le")
    assert shown == "nn.BatchNorm2d(c)"


def test_paths_are_relative_to_the_top_of_the_checkout(repository: MakeRepository) -> None:
    root = repository({"sub/lib/net.py": MODEL})
    subprocess.run(["git", "init", "-q", root], check=True)
    run = checked(root / "sub")
    artifact = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": "sub/lib/net.py", "uriBaseId": "%SRCROOT%"}
    assert run["originalUriBaseIds"] == {"%SRCROOT%": {"uri": f"{root.as_uri()}/"}}


NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20
).filter(lambda name: not name.startswith(".") and len(name.encode()) < 200)
CLASSES = st.sampled_from(["Net", "Ünïcode", "模型", "_x", "__", "℘"])
WORDS = st.text(st.sampled_from("{}[]()0:%<>&\"'\\\n\r\u2028𝒳a "))


@settings(max_examples=30, deadline=None)
@given(name=NAMES, class_name=CLASSES)
def test_hostile_names(
    tmp_path_factory: pytest.TempPathFactory, name: str, class_name: str
) -> None:
    root = tmp_path_factory.mktemp("r")
    file = root / f"{name}.py"
    file.write_text(MODEL.replace("class Net", f"class {class_name}"), "utf-8")
    run = checked(root)
    (result,) = run["results"]
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+", location["uri"])
    assert urllib.parse.unquote(location["uri"]) == file.name
    assert class_name in result["message"]["text"]
    assert list(fixed(root, run)) == [file.name]


@given(word=WORDS)
def test_messages_are_shown_as_they_are(word: str) -> None:
    text = sarif._message(word)["text"]
    assert not re.search(r"(?<!\\)\[[^\[\]]*\]\(", text)  # no link
    assert not re.search(r"\{\d+\}", text.replace("{{", "").replace("}}", ""))  # no placeholder
    assert re.sub(r"\\\[", "[", text.replace("{{", "{").replace("}}", "}")) == word.replace(
        "\\[", "["
    )


def test_a_name_that_is_no_utf_8(repository: MakeRepository) -> None:
    root = repository({"net.py": MODEL})
    os.rename(root / "net.py", os.path.join(os.fsencode(root), b"n\xffet.py"))
    (entry,) = checked(root)["invocations"][0]["toolExecutionNotifications"]
    assert entry["message"]["text"] == "its name is not valid UTF-8; rename it"


# --------------------------------------------------------------------- fixes


def fixed(root: Path, run: dict[str, Any]) -> dict[str, bytes]:
    """Each file that fixes change, by path, as they leave it; they have to agree."""
    encodings = {artifact["location"]["uri"]: artifact["encoding"] for artifact in run["artifacts"]}
    found: dict[str, bytes] = {}
    for result in run["results"]:
        for fix in result.get("fixes", []):
            for change in fix["artifactChanges"]:
                uri = change["artifactLocation"]["uri"]
                path = urllib.parse.unquote(uri)
                encoding = encodings.get(uri, run["defaultEncoding"])
                after = applied(root / path, encoding, change["replacements"])
                assert found.setdefault(path, after) == after
    return found


def applied(file: Path, encoding: str, replacements: list[dict[str, Any]]) -> bytes:
    data = file.read_bytes() if file.exists() else b""
    bom = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    text = data[len(bom) :].decode(encoding)
    starts = [0, *(match.end() for match in NEWLINE.finditer(text))]

    def index(line: int, column: int) -> int:
        rest = text[starts[line - 1] :].encode("utf-16-le")
        return starts[line - 1] + len(rest[: 2 * column - 2].decode("utf-16-le"))

    pieces, last = [], 0
    for replacement in replacements:
        region = replacement["deletedRegion"]
        start = index(region["startLine"], region["startColumn"])
        pieces += [text[last:start], replacement["insertedContent"]["text"]]
        last = index(region["endLine"], region["endColumn"])
    return bom + ("".join(pieces) + text[last:]).encode(encoding)


def migrated(root: Path, target: Path, **settings: Any) -> dict[str, bytes]:
    """What ``migrate`` changes in a copy of ``root``."""
    copy = Path(shutil.copytree(root, target, ignore=shutil.ignore_patterns("__pycache__")))
    survey = api.survey(copy, settings=settings)
    changed = api.apply(survey, api.plan(survey)).changed
    return {path: (copy / path).read_bytes() for path in changed}


@pytest.mark.parametrize("settings", [{}, {"shared_module": "lib/norms.py"}])
@pytest.mark.parametrize("name", ["satmot", "stage2"])
def test_fixes_of_the_samples_are_what_migrate_writes(
    tmp_path: Path, name: str, settings: dict[str, str]
) -> None:
    root = Path(shutil.copytree(FIXTURES / name, tmp_path / "before"))
    run = checked(root, **settings)
    expected = migrated(root, tmp_path / "after", **settings)
    assert expected
    assert fixed(root, run) == expected


def test_every_fixable_finding_of_the_sample_has_a_fix() -> None:
    plan = api.plan(api.survey(FIXTURES / "satmot"))
    results = checked(FIXTURES / "satmot")["results"]
    assert ["fixes" in result for result in results] == [found.fixable for found in plan.findings]
    names = [found.place.path for found in plan.findings if found.code == "BN101"]
    own = [
        result["fixes"][0]["artifactChanges"] for result in results if result["ruleId"] == "BN101"
    ]
    assert [[change["artifactLocation"]["uri"] for change in changes] for changes in own] == [
        [f"fixtures/satmot/{name}"] for name in names
    ]


TEXTS = {
    "crlf": MODEL.replace("\n", "\r\n").encode(),
    "byte order mark": b"\xef\xbb\xbf" + MODEL.encode(),
    "latin-1": b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + MODEL.encode(),
    "no newline at the end": MODEL.rstrip("\n").encode(),
    "outside the basic plane": MODEL.replace(
        "self.neck =", "self.name, self.neck = '𝒳𝒳',"
    ).encode(),
    "form feed": MODEL.replace("\n\n\n", "\n\f\n\n").encode(),
}


@pytest.mark.parametrize("data", TEXTS.values(), ids=TEXTS)
def test_fixes_of_any_text_are_what_migrate_writes(tmp_path: Path, data: bytes) -> None:
    root = tmp_path / "before"
    root.mkdir()
    (root / "net.py").write_bytes(data)
    expected = migrated(root, tmp_path / "after")
    assert list(expected) == ["net.py"]
    assert fixed(root, checked(root)) == expected


HANDED_ON = """\
import torchvision
from torch import nn

from blocks import Block

NORM = nn.BatchNorm2d


class Net(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = Block(c, NORM)
"""
BLOCK = """\
from torch import nn


class Block(nn.Module):
    def __init__(self, c, norm):
        super().__init__()
        self.norm = norm(c)
        self.other = nn.BatchNorm2d(c)
"""


def test_a_fix_reaches_the_file_that_mends_the_finding(
    repository: MakeRepository, tmp_path: Path
) -> None:
    """A norm class that is handed on is changed where it comes from."""
    root = repository({"net.py": HANDED_ON, "blocks.py": BLOCK})
    run = checked(root)
    assert fixed(root, run) == migrated(root, tmp_path / "after")
    for result in run["results"]:
        (location,) = result["locations"]
        place = location["physicalLocation"]
        (fix,) = result["fixes"]
        changed = [change["artifactLocation"]["uri"] for change in fix["artifactChanges"]]
        if (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("blocks.py", 7):
            assert set(changed) == {"net.py", "blocks.py"}
        else:
            assert changed == [place["artifactLocation"]["uri"]]


def test_a_file_that_migrate_refuses_has_no_fix(repository: MakeRepository) -> None:
    root = repository({"net.py": MODEL.replace("\n", "\r") + "\r\n# of two editors\n"})
    survey = api.survey(root)
    (refused,) = api.apply(survey, api.plan(survey), dry_run=True).refused
    run = checked(root)
    (entry,) = run["invocations"][0]["toolExecutionNotifications"]
    assert entry["descriptor"]["id"] == "refused"
    assert entry["message"]["text"] == refused.message
    assert ["fixes" in result for result in run["results"]] == [False]


# --------------------------------------------------------------------- audit

CONFIG = "configs/llvip/stage2_kaist_domain_ft.py"


def audited(run: Run, *arguments: object) -> dict[str, Any]:
    code, out, err = run("audit", *arguments, "--python", "/bin/false", "--output-format", "sarif")
    assert code == 1, err
    return log(out)


def test_audit_of_a_config(run: Run) -> None:
    found = audited(run, FIXTURES / "stage2" / CONFIG)
    places = {
        result["ruleId"]: result["locations"][0]["physicalLocation"] for result in found["results"]
    }
    frozen = places["BN301"]
    assert frozen["artifactLocation"]["uri"] == f"fixtures/stage2/{CONFIG}"
    assert (frozen["region"]["startLine"], frozen["region"]["startColumn"]) == (18, 38)
    assert "frozen_stages=4" in found["results"][0]["message"]["text"]
    (invocation,) = found["invocations"]
    assert invocation["executionSuccessful"] is False  # there was no torch to build the model
    assert found["automationDetails"]["id"] == f"bn2gn/audit/{CONFIG}/"
    fingerprints = [result["partialFingerprints"]["bn2gn/v1"] for result in found["results"]]
    assert len(set(fingerprints)) == len(fingerprints)


def test_audit_of_a_config_that_cannot_be_read(repository: MakeRepository, run: Run) -> None:
    root = repository({"configs/c.py": "model = dict(\n"})
    found = audited(run, root / "configs/c.py")
    (entry,) = found["invocations"][0]["toolExecutionNotifications"]
    assert entry["level"] == "error"
    location = entry["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == "configs/c.py"
