"""JSON, for other programs. The keys are stable."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click

from bn2gn_codemod.api import Survey
from bn2gn_codemod.migration import Migration
from bn2gn_codemod.plan import Finding, Plan, Site, Skipped, Verdict

VERSION = 1


def check(survey: Survey, plan: Plan) -> None:
    """The sites, findings and skipped files of a plan."""
    _write(
        {
            "version": VERSION,
            "root": plan.root,
            "sites": [_site(site) for site in plan.sites],
            "findings": [_finding(finding) for finding in plan.findings],
            "skipped": _skipped(plan.skipped),
            "summary": {
                **{str(verdict): plan.count(verdict) for verdict in Verdict},
                "findings": len(plan.findings),
            },
        }
    )


def explanation(sites: Iterable[Site]) -> None:
    """The sites with their whole chain of evidence."""
    _write(
        {
            "version": VERSION,
            "sites": [
                {
                    **_site(site),
                    "evidence": list(site.evidence),
                    "settles": list(site.settles),
                }
                for site in sites
            ],
        }
    )


def migration(migration: Migration) -> None:
    """The files that are changed, those that were left, and the findings that stay."""
    plan = migration.plan
    _write(
        {
            "version": VERSION,
            "root": plan.root,
            "written": migration.written,
            "changed": list(migration.changed),
            "refused": _skipped(migration.refused),
            "left": [_finding(finding) for finding in plan.findings if not finding.fixable],
            "skipped": _skipped(plan.skipped),
        }
    )


def _site(site: Site) -> dict[str, Any]:
    return {
        **_place(site),
        "norm": site.norm,
        "class": site.class_,
        "attribute": site.attribute,
        "verdict": str(site.verdict),
        "reasons": list(site.reasons),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        **_place(finding),
        "message": finding.message,
        "fixable": finding.fixable,
        "fingerprint": finding.fingerprint,
    }


def _place(of: Site | Finding) -> dict[str, Any]:
    return {"path": of.place.path, "line": of.place.line, "column": of.place.column}


def _skipped(skipped: Iterable[Skipped]) -> list[dict[str, str]]:
    return [{"path": entry.path, "message": entry.message} for entry in skipped]


def _write(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, indent=2))
