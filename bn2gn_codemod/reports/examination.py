"""What ``bn2gn audit`` found: as text, JSON or Markdown, in the order of the specification."""

from __future__ import annotations

import dataclasses
import json as json_module
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from bn2gn_codemod import __version__
from bn2gn_codemod.audit.evidence import Diagnosis, Severity
from bn2gn_codemod.audit.examination import Examination
from bn2gn_codemod.audit.parameters import KeyParameter
from bn2gn_codemod.reports import report_file
from bn2gn_codemod.reports.blocks import (
    Block,
    Bullets,
    Code,
    Heading,
    Pairs,
    Paragraph,
    Table,
    markdown,
)
from bn2gn_codemod.reports.blocks import text as print_blocks
from bn2gn_codemod.wording import counted

VERSION = 1
_PRIORITIES: tuple[tuple[Severity, str], ...] = (
    ("serious", "Fix before training"),
    ("warning", "Recommended"),
    ("advice", "Good to know"),
)


def text(examination: Examination) -> None:
    """The report for people, on stdout."""
    from bn2gn_codemod.reports import console

    print_blocks(blocks(examination), console.stdout())


def write(examination: Examination, file: Path) -> None:
    """The report as a Markdown file; raises ``Problem`` when it cannot be written."""
    report_file.write(markdown(blocks(examination)), file)


def json(examination: Examination) -> None:
    """The report for other programs, on stdout. The keys are stable."""
    click.echo(json_module.dumps(document(examination), indent=2))


def document(examination: Examination) -> dict[str, Any]:
    """The report as one JSON object."""
    evidence = examination.evidence
    return {
        "version": VERSION,
        "target": evidence.target,
        "root": str(evidence.root),
        "totals": {
            "parameters": examination.parameters,
            "trainable": examination.trainable,
            "frozen": examination.frozen,
        },
        "modules": [
            {
                "name": row.name,
                "parameters": row.parameters,
                "trainable": row.trainable,
                "frozen": row.frozen,
                "status": row.status,
            }
            for row in examination.rows
        ],
        "norms": {
            norm.kind: {"train": norm.train, "eval": norm.eval, "frozen": norm.frozen}
            for norm in examination.norms
        },
        "key_parameters": [
            {
                "name": key.name,
                "parameters": key.parameters,
                "value": key.value,
                "trainable": key.trainable,
                "in_optimizer": key.in_optimizer,
            }
            for key in examination.key_parameters
        ],
        "configuration": [dataclasses.asdict(fact) for fact in examination.facts],
        "findings": [_finding(diagnosis) for diagnosis in examination.diagnoses],
        "passed": list(examination.passed),
        "failure": evidence.failure or None,
        "next_steps": list(examination.next_steps),
        "versions": dict(evidence.snapshot.versions),
        "tool": f"bn2gn {__version__}",
    }


def _finding(diagnosis: Diagnosis) -> dict[str, Any]:
    place = diagnosis.place
    return {
        "code": diagnosis.code,
        "severity": diagnosis.severity,
        "path": place.path if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "message": diagnosis.what,
        "cause": diagnosis.cause,
        "effect": diagnosis.effect,
        "fix": diagnosis.remedy,
        "lines": diagnosis.lines,
        "fixable": diagnosis.fixable,
    }


# ---------------------------------------------------------------- sections


def blocks(examination: Examination) -> Iterator[Block]:
    """The sections of the report, one after the other."""
    evidence = examination.evidence
    yield Heading(1, f"Audit of {evidence.target}")
    yield Paragraph(f"Seen from {evidence.root}")
    if evidence.failure:
        yield Heading(2, "Not everything could be looked at", "serious")
        yield Paragraph(evidence.failure)
    yield from _problems("Serious problems", "serious", examination)
    yield from _problems("Other problems", "warning", examination)
    yield from _parameters(examination)
    yield from _configuration(examination)
    yield from _problems("Good to know", "advice", examination)
    yield from _priorities(examination)
    if examination.passed:
        yield Heading(2, "Verified as right", "good")
        yield Bullets(examination.passed)
    if examination.next_steps:
        yield Heading(2, "Next steps")
        yield Bullets(examination.next_steps, numbered=True)
    yield Paragraph(_colophon(examination))


def _problems(title: str, severity: Severity, examination: Examination) -> Iterator[Block]:
    diagnoses = examination.of_severity(severity)
    if not diagnoses:
        if severity == "serious" and not examination.evidence.failure:
            yield Heading(2, "No serious problem", "good")
        return
    yield Heading(2, f"{title} ({len(diagnoses)})", severity)
    for number, diagnosis in enumerate(diagnoses, 1):
        yield Heading(3, f"{number}. {diagnosis.code} {diagnosis.what}", severity)
        where = (("where", str(diagnosis.place)),) if diagnosis.place else ()
        yield Pairs(
            (
                *where,
                ("cause", diagnosis.cause),
                ("effect", diagnosis.effect),
                ("fix", diagnosis.remedy),
            )
        )
        if diagnosis.lines:
            is_diff = diagnosis.lines.startswith("---")
            yield Code(diagnosis.lines, "diff" if is_diff else "python")


def _parameters(examination: Examination) -> Iterator[Block]:
    if not examination.rows:
        return
    yield Heading(2, "Parameters")
    total = ("all", examination.parameters, examination.trainable, examination.frozen, "")
    rows = [
        (row.name, row.parameters, row.trainable, row.frozen, row.status)
        for row in examination.rows
    ]
    yield Table(("module", "parameters", "trainable", "frozen", "status"), (*rows, total))
    if examination.norms:
        yield Heading(2, "Norm layers")
        yield Table(
            ("kind", "in train mode", "in eval mode", "of these frozen"),
            tuple((n.kind, n.train, n.eval, n.frozen) for n in examination.norms),
        )
    if examination.key_parameters:
        yield Heading(2, "Key parameters")
        yield Table(
            ("parameter", "count", "initial value", "trainable", "in the optimizer"),
            tuple(map(_key_parameter, examination.key_parameters)),
        )


def _key_parameter(key: KeyParameter) -> tuple[str | int, ...]:
    value = "" if key.value is None else f"{key.value:.4f}"
    held = "not seen" if key.in_optimizer is None else _yes(key.in_optimizer)
    return key.name, key.parameters, value, _yes(key.trainable), held


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _configuration(examination: Examination) -> Iterator[Block]:
    if examination.facts:
        yield Heading(2, "Configuration")
        marks = {True: "ok", False: "look", None: ""}
        yield Table(
            ("setting", "value", "", "found"),
            tuple((f.name, f.value, marks[f.is_good], f.found) for f in examination.facts),
        )


def _priorities(examination: Examination) -> Iterator[Block]:
    if not examination.diagnoses:
        return
    yield Heading(2, "Priorities")
    for severity, title in _PRIORITIES:
        each = examination.of_severity(severity)
        if each:
            yield Heading(3, f"{title} ({counted(len(each), 'finding')})", severity)
            yield Bullets(tuple(f"{one.code}: {one.what}" for one in each))


def _colophon(examination: Examination) -> str:
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    versions = ", ".join(f"{k} {v}" for k, v in examination.evidence.snapshot.versions.items())
    return f"{now}, bn2gn {__version__}" + (f" ({versions})" if versions else "")
