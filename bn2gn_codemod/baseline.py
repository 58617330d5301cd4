"""Findings that are known: written once, and left out of later checks.

A baseline is JSON with the keys of ``check --output-format json`` that it needs,
so that such a report is a baseline as well. It names no lines: it changes only
when findings come or go.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bn2gn_codemod.api import Survey
from bn2gn_codemod.plan import Plan
from bn2gn_codemod.problem import Problem
from bn2gn_codemod.selection import Selection
from bn2gn_codemod.sources import new_version
from bn2gn_codemod.wording import counted

VERSION = 1


@dataclasses.dataclass(frozen=True)
class Baseline:
    """The paths of known findings by their fingerprints, and of files known as unreadable."""

    file: Path
    findings: Mapping[str, str]
    skipped: frozenset[str]

    def left_out_of(self, plan: Plan) -> Plan:
        """The plan with only those findings and skipped files that are new."""
        findings = tuple(new for new in plan.findings if new.fingerprint not in self.findings)
        return dataclasses.replace(
            plan,
            findings=findings,
            skipped=tuple(new for new in plan.skipped if new.path not in self.skipped),
            known=len(plan.findings) - len(findings),
        )

    def gone(self, plan: Plan, selection: Selection) -> int:
        """How many entries the plan has nothing for, among those of the selected files."""
        present = {found.fingerprint for found in plan.findings}
        unread = {entry.path for entry in plan.skipped}
        mended = [path for path in self.skipped - unread if path in selection]
        return len(mended) + sum(
            fingerprint not in present and path in selection and path not in unread
            for fingerprint, path in self.findings.items()
        )


def without_known(survey: Survey, plan: Plan, baseline: Baseline) -> Plan:
    """The plan with only the new findings; entries that are gone are counted on stderr."""
    gone = baseline.gone(plan, survey.selection)
    if gone:
        entries = counted(gone, "entry", "entries")
        click.echo(
            f"bn2gn: {baseline.file}: {entries} gone; --write-baseline {baseline.file} drops them",
            err=True,
        )
    return baseline.left_out_of(plan)


def read(file: Path) -> Baseline:
    """The baseline in ``file``; raises ``Problem`` for one that is not there or is none."""
    try:
        return _parsed(file, json.loads(file.read_bytes()))
    except FileNotFoundError:
        reason = f"no such file; write it with bn2gn check --write-baseline {file}"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except json.JSONDecodeError as error:
        reason = f"line {error.lineno}: not JSON: {error.msg}; {_anew(file)}"
    except (UnicodeDecodeError, RecursionError):
        reason = f"not JSON; {_anew(file)}"
    except _NotABaseline as error:
        reason = f"not a baseline: {error}; {_anew(file)}"
    raise Problem(f"--baseline {file}: {reason}")


def write(plan: Plan, file: Path) -> None:
    """Write every finding and skipped file of the plan; raises ``Problem`` when that fails."""
    document = {
        "version": VERSION,
        "findings": [
            {"code": found.code, "path": found.place.path, "fingerprint": found.fingerprint}
            for found in sorted(
                plan.findings,
                key=lambda found: (found.place.path, found.code, found.fingerprint),
            )
        ],
        "skipped": [{"path": entry.path} for entry in plan.skipped],
    }
    target = file.resolve()
    try:
        with new_version(target, target.stat() if target.exists() else None) as temporary:
            temporary.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise Problem(f"--write-baseline {file}: cannot be written: {error.strerror}") from None


class _NotABaseline(Exception):
    """The message says what is wrong with it."""


def _parsed(file: Path, document: Any) -> Baseline:
    if not isinstance(document, dict) or "findings" not in document:
        raise _NotABaseline('it has no "findings"')
    if document.get("version") != VERSION:
        raise _NotABaseline(f'its "version" is {document.get("version")!r}, not {VERSION}')
    findings = _entries(document, "findings", ("fingerprint", "path"))
    skipped = _entries(document, "skipped", ("path",))
    return Baseline(
        file,
        {entry["fingerprint"]: entry["path"] for entry in findings},
        frozenset(entry["path"] for entry in skipped),
    )


def _entries(document: dict[str, Any], name: str, keys: tuple[str, ...]) -> list[dict[str, str]]:
    entries = document.get(name, [])
    if not isinstance(entries, list):
        raise _NotABaseline(f'its "{name}" are no list')
    for number, entry in enumerate(entries):
        for key in keys:
            if not isinstance(entry, dict) or not isinstance(entry.get(key), str):
                raise _NotABaseline(f'entry {number} of its "{name}" has no "{key}"')
    return entries


def _anew(file: Path) -> str:
    return f"write it anew with bn2gn check --write-baseline {file}"
