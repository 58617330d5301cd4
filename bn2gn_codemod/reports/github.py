"""Annotations of GitHub Actions: one workflow command for each finding, and a summary line.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import click

from bn2gn_codemod import rules
from bn2gn_codemod.reports.checkout import Checkout
from bn2gn_codemod.reports.text import summary
from bn2gn_codemod.wording import counted

if TYPE_CHECKING:
    from bn2gn_codemod.api import Survey
    from bn2gn_codemod.audit.evidence import Diagnosis, Severity
    from bn2gn_codemod.audit.examination import Examination
    from bn2gn_codemod.plan import Plan

_COMMANDS: dict[Severity, str] = {"serious": "error", "warning": "warning", "advice": "notice"}


def check(survey: Survey, plan: Plan) -> None:
    """An annotation for each finding and skipped file of a plan."""
    checkout = Checkout.around(survey.root)
    for found in plan.findings:
        path, line, column = found.place
        place = {"file": _path(checkout, path), "line": str(line), "col": str(column)}
        fixable = " [fixable with bn2gn migrate]" if found.fixable else ""
        severity = rules.rule(found.code).severity
        _annotate(_COMMANDS[severity], found.code, found.message + fixable, place)
    for entry in plan.skipped:
        file = {"file": _path(checkout, entry.path)}
        _annotate("warning", "bn2gn", f"skipped: {entry.message}", file)
    click.echo(summary(plan))


def audit(examination: Examination) -> None:
    """An annotation for each diagnosis of an audit, and for what it could not look at."""
    evidence = examination.evidence
    checkout = Checkout.around(evidence.root)
    target = {}
    if (evidence.root / evidence.target).is_file():
        target = {"file": _path(checkout, evidence.target)}
    if evidence.failure:
        _annotate("error", "bn2gn audit", f"cannot look at everything: {evidence.failure}", target)
    for found in examination.diagnoses:
        place = target
        if found.place is not None:
            path, line, column = found.place
            place = {"file": _path(checkout, path), "line": str(line), "col": str(column)}
        _annotate(_COMMANDS[found.severity], found.code, _in_full(found), place)
    severities = collections.Counter(found.severity for found in examination.diagnoses)
    counts = ", ".join(f"{severities[severity]} {severity}" for severity in _COMMANDS)
    click.echo(f"audit: {counted(len(examination.diagnoses), 'finding')} ({counts})")


def _in_full(found: Diagnosis) -> str:
    lines = (
        found.what,
        f"cause: {found.cause}",
        f"effect: {found.effect}",
        f"fix: {found.remedy}",
        found.lines.rstrip(),
    )
    return "\n".join(filter(None, lines))


def _path(checkout: Checkout, path: str) -> str:
    return checkout.relative(path) or checkout.absolute(path)


def _annotate(command: str, title: str, message: str, place: dict[str, str]) -> None:
    properties = ",".join(f"{k}={_property(v)}" for k, v in {**place, "title": title}.items())
    click.echo(f"::{command} {properties}::{_data(message)}")


def _data(text: str) -> str:
    """A message in which nothing ends the line, so that no name can give a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
