"""SARIF 2.1.0, for code scanning: results with the rules' help, fingerprints and fixes.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html
"""

from __future__ import annotations

import json
import os
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bn2gn_codemod import __version__, fingerprints, rules
from bn2gn_codemod.plan import Place, Plan
from bn2gn_codemod.reports.checkout import Checkout
from bn2gn_codemod.rules import Rule, all_rules
from bn2gn_codemod.rules.page import explained
from bn2gn_codemod.sources import SourceFile
from bn2gn_codemod.surroundings import surroundings

if TYPE_CHECKING:
    from bn2gn_codemod.api import Survey
    from bn2gn_codemod.audit.evidence import Diagnosis
    from bn2gn_codemod.audit.examination import Examination
    from bn2gn_codemod.reports.fixes import FileChange

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
# Its number goes up when fingerprints are made in another way.
FINGERPRINT = "bn2gn/v1"
_BASE = "%SRCROOT%"
_LEVELS = {"serious": "error", "warning": "warning", "advice": "note"}
_NOTIFICATIONS = {
    "skipped": "A file that could not be read",
    "refused": "A file that could not be rewritten",
    "failed": "Something that could not be looked at",
}
# What SARIF would take for a link, as in [0](x).
_LINK = re.compile(r"\[(?=[^\[\]]*\]\()")

Object = dict[str, Any]


def check(survey: Survey, plan: Plan) -> None:
    """The findings of a plan; the fixable ones with what ``migrate`` would write."""
    from bn2gn_codemod.reports.fixes import Fixes

    files = {source.path: source for source in survey.repository.files}
    paths = _Paths(survey.root, files)
    fixes = Fixes(survey, plan)
    results = []
    for found in plan.findings:
        result = _result(
            found.code, rules.rule(found.code).severity, found.message, found.fingerprint
        )
        result["locations"] = [paths.location(found.place)]
        if changes := fixes.of(found):
            result["fixes"] = [_fix(changes, paths)]
        results.append(result)
    notifications = [
        _notification(kind, "warning", entry.message, [paths.of_file(entry.path)])
        for kind, entries in (("skipped", plan.skipped), ("refused", fixes.refused))
        for entry in entries
    ]
    _write(results, notifications, paths, "check")


def audit(examination: Examination) -> None:
    """The diagnoses of an audit, and what it could not look at."""
    evidence = examination.evidence
    sources = evidence.config.sources() if evidence.config else {}
    paths = _Paths(evidence.root, sources)
    target = []
    if (evidence.root / evidence.target).is_file():
        target = [paths.of_file(evidence.target)]
    results = []
    for found, fingerprint in zip(
        examination.diagnoses,
        fingerprints.numbered(_identity(each, sources) for each in examination.diagnoses),
        strict=True,
    ):
        text = f"{found.what}\ncause: {found.cause}\neffect: {found.effect}\nfix: {found.remedy}"
        if found.lines:
            text += f"\n\n{found.lines.rstrip()}"
        result = _result(found.code, found.severity, text, fingerprint)
        result["locations"] = [paths.location(found.place)] if found.place else target
        results.append(result)
    failed = evidence.failure
    notifications = [_notification("failed", "error", failed, target)] if failed else []
    _write(results, notifications, paths, f"audit/{evidence.target}", not failed)


# ------------------------------------------------------------------ the log


def _write(
    results: list[Object],
    notifications: list[Object],
    paths: _Paths,
    what: str,
    successful: bool = True,
) -> None:
    run = {
        "tool": {"driver": _driver()},
        "automationDetails": {"id": _text(f"bn2gn/{what}/")},
        "invocations": [
            {"executionSuccessful": successful, "toolExecutionNotifications": notifications}
        ],
        "originalUriBaseIds": {_BASE: {"uri": paths.base}},
        "columnKind": "utf16CodeUnits",
        "newlineSequences": ["\r\n", "\n", "\r"],
        "defaultEncoding": "utf-8",
        "artifacts": list(paths.in_other_encodings()),
        "results": results,
    }
    click.echo(json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2))


def _driver() -> Object:
    return {
        "name": "bn2gn",
        "version": __version__,
        "semanticVersion": __version__,
        **({"informationUri": home} if (home := _address("Homepage")) else {}),
        "rules": [_descriptor(rule) for rule in all_rules()],
        "notifications": [
            {"id": kind, "shortDescription": {"text": text}}
            for kind, text in _NOTIFICATIONS.items()
        ],
    }


def _descriptor(rule: Rule) -> Object:
    page = _address("Rules")
    return {
        "id": rule.code,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": " ".join(rule.what.split()), "markdown": rule.what.strip()},
        "help": {"text": explained(rule), "markdown": explained(rule)},
        **({"helpUri": f"{page}#{rule.code.lower()}"} if page else {}),
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _address(label: str) -> str:
    """What the package says under ``label`` in its list of addresses, ``""`` if nothing."""
    import importlib.metadata

    try:
        addresses = importlib.metadata.metadata("bn2gn-codemod").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:  # run from its sources
        return ""
    named = dict(str(address).split(", ", 1) for address in addresses)
    return named.get(label, "")


# ------------------------------------------------------------------ results


def _result(code: str, severity: str, message: str, fingerprint: str) -> Object:
    return {
        "ruleId": code,
        "ruleIndex": [rule.code for rule in all_rules()].index(code),
        "level": _LEVELS[severity],
        "message": _message(message),
        "partialFingerprints": {FINGERPRINT: fingerprint},
    }


def _identity(found: Diagnosis, sources: Mapping[str, SourceFile]) -> tuple[str, ...]:
    """What an audit's finding is known by: its place without line numbers, or its words."""
    if found.place is None:
        return found.code, found.what
    path = found.place.path
    return found.code, path, *fingerprints.scope_and_code(sources.get(path), found.place)


def _fix(changes: Iterable[FileChange], paths: _Paths) -> Object:
    changes = list(changes)
    names = ", ".join(change.path for change in changes)
    return {
        "description": _message(f"All that bn2gn migrate changes in {names}"),
        "artifactChanges": [
            {
                "artifactLocation": paths.artifact(change.path),
                "replacements": [
                    {
                        "deletedRegion": _region(change.before, start, end),
                        "insertedContent": {"text": text},
                    }
                    for start, end, text in change.replacements
                ],
            }
            for change in changes
        ],
    }


def _notification(kind: str, level: str, message: str, locations: list[Object]) -> Object:
    return {
        "descriptor": {"id": kind},
        "level": level,
        "message": _message(message),
        "locations": locations,
    }


def _message(text: str) -> Object:
    """A message that is shown as it is: no placeholders and no links."""
    return {"text": _LINK.sub(r"\\[", _text(text).replace("{", "{{").replace("}", "}}"))}


def _text(text: str) -> str:
    """Text that can be encoded: a file name may hold bytes that are no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


# ------------------------------------------------------------------ places


class _Paths:
    """Places as SARIF writes them: relative to the top of the checkout, percent-encoded."""

    def __init__(self, root: Path, sources: Mapping[str, SourceFile]) -> None:
        self._checkout = Checkout.around(root)
        self._sources = sources
        self._used: dict[str, None] = {}

    @property
    def base(self) -> str:
        """The top of the checkout as an URI."""
        return self._checkout.top.as_uri().rstrip("/") + "/"

    def location(self, place: Place) -> Object:
        """A place with the code that begins there."""
        location = self.of_file(place.path)
        source = self._sources.get(place.path)
        found = surroundings(source, place) if source else None
        region = {"startLine": place.line}
        if found is not None:
            region = _region(source, found.start, found.end)
        location["physicalLocation"]["region"] = region
        return location

    def of_file(self, path: str) -> Object:
        """A file as a location."""
        return {"physicalLocation": {"artifactLocation": self.artifact(path)}}

    def artifact(self, path: str) -> Object:
        """A file."""
        self._used[path] = None
        inside = self._checkout.relative(path)
        if inside is None:
            return {"uri": Path(self._checkout.absolute(path)).as_uri()}
        return {"uri": urllib.parse.quote(os.fsencode(inside)), "uriBaseId": _BASE}

    def in_other_encodings(self) -> Iterator[Object]:
        """The files named so far that are not in UTF-8: fixes have to be written in theirs."""
        for path in list(self._used):
            source = self._sources.get(path)
            if source is not None and source.encoding != "utf-8":
                yield {"location": self.artifact(path), "encoding": source.encoding}


def _region(source: SourceFile | None, start: int, end: int) -> Object:
    """The text between two indices (half open); of a new file its beginning."""
    first, last = _position(source, start), _position(source, end)
    return {
        "startLine": first[0],
        "startColumn": first[1],
        "endLine": last[0],
        "endColumn": last[1],
    }


def _position(source: SourceFile | None, offset: int) -> tuple[int, int]:
    """Line and column, from 1, the column in UTF-16 code units."""
    if source is None or not source.lines:
        return 1, 1
    line, column = source.position(offset)
    return line, len(source.lines[line - 1][: column - 1].encode("utf-16-le")) // 2 + 1
