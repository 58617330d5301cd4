"""What ``bn2gn verify`` found, as text for people or as JSON."""

from __future__ import annotations

import collections
import json as encoding
from collections.abc import Iterable, Iterator
from typing import Any

import click

from bn2gn_codemod.snapshot import ModelSnapshot
from bn2gn_codemod.verify import Verification, Verified, VerifiedRun
from bn2gn_codemod.verify.comparison import Check
from bn2gn_codemod.wording import counted, listed

VERSION = 1
_LINES = 15  # of what a probe printed that failed
_ITSELF = "(the model)"  # layers directly in the model, with no module around them


def text(verification: Verification) -> None:
    """For each model its norm layers before and after, and every check."""
    from bn2gn_codemod.reports import console

    out = console.stdout()
    for model in verification.models:
        after = model.comparison.after
        out.print(f"{after.factory}({after.passed})", style="bold")
        for line in _norm_table(model):
            out.print(f"  {line}")
        _print_checks(out, model.checks)
        if untrained := _untrained(after):
            number = counted(len(untrained), "layer")
            names = listed(untrained)
            out.print(f"  note BN305: {number} frozen with untrained statistics: {names}")
        out.print()
    _print_checks(out, verification.checks, indent="")
    for line in verification.output.splitlines()[-_LINES:]:
        out.print(f"  | {line}", style="dim")
    for stub in verification.stubs:
        out.print(f"stood in for: {stub}")
    for url in verification.skipped_weights:
        out.print(f"weights not downloaded: {url}")
    out.print(summary(verification), style="green" if verification.passed else "red")


def json(verification: Verification) -> None:
    """The report for other programs. The keys are stable."""
    document = {
        "version": VERSION,
        "root": str(verification.root),
        "before": verification.compared or None,
        "models": [_model(model, verification) for model in verification.models],
        "checks": [_check(check) for check in verification.checks],
        "output": verification.output or None,
        "passed": verification.passed,
    }
    click.echo(encoding.dumps(document, indent=2))


def run_text(run: VerifiedRun) -> None:
    """Of a watched training command, every check for each process that trained."""
    from bn2gn_codemod.reports import console

    out = console.stdout()
    for process in run.processes:
        out.print(f"{' '.join(process.run.command)} (process {process.run.pid})", style="bold")
        for top, kinds in norm_counts(process.run.model).items():
            out.print(f"  {top or _ITSELF}: {_kinds(kinds)}")
        _print_checks(out, process.checks)
    if run.failure:
        out.print(f"FAIL {run.failure}", style="bold red")


def run_json(run: VerifiedRun) -> None:
    """The same for other programs."""
    document = {
        "version": VERSION,
        "root": str(run.root),
        "before": None,
        "models": [
            {
                "factory": " ".join(process.run.command),
                "before": None,
                "after": _state(process.run.model),
                "stubbed": [],
                "checks": [_check(check) for check in process.checks],
            }
            for process in run.processes
        ],
        "checks": [{"name": "run", "passed": not run.failure, "detail": run.failure}],
        "passed": run.passed,
    }
    click.echo(encoding.dumps(document, indent=2))


def summary(verification: Verification) -> str:
    """One line: how many checks passed, against what."""
    every = [*verification.checks, *(c for model in verification.models for c in model.checks)]
    failed = sum(not check.passed for check in every)
    models = len(verification.models)
    against = f" against {verification.compared}" if verification.compared else ""
    counts = f"{models} model{'' if models == 1 else 's'}{against}: {len(every)} checks"
    return f"{counts}, {f'{failed} failed' if failed else 'all passed'}"


def _print_checks(out: Any, checks: Iterable[Check], indent: str = "  ") -> None:
    from rich.text import Text

    for check in checks:
        mark = Text("ok  ", style="green") if check.passed else Text("FAIL", style="bold red")
        out.print(indent, mark, f" {check.name}: {check.detail}", sep="")


def _norm_table(model: Verified) -> Iterator[str]:
    """One line for each top-level module that holds norm layers."""
    after = norm_counts(model.comparison.after)
    earlier = model.comparison.before
    before = norm_counts(earlier) if earlier is not None and not earlier.error else None
    for top in dict.fromkeys((*(before or {}), *after)):
        now = _kinds(after.get(top, {}))
        was = f"{_kinds(before.get(top, {}))} -> " if before is not None else ""
        yield f"{top or _ITSELF}: {was}{now}"


def norm_counts(model: ModelSnapshot) -> dict[str, dict[str, int]]:
    """How many norm layers of each kind lie in each top-level module."""
    found: dict[str, collections.Counter[str]] = {}
    for layer in model.norms:
        if layer.norm is not None:
            found.setdefault(layer.top, collections.Counter())[layer.norm.kind] += 1
    return {top: dict(kinds) for top, kinds in found.items()}


def _kinds(kinds: dict[str, int]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())) or "none"


def _untrained(model: ModelSnapshot) -> list[str]:
    """Frozen layers that no weights filled, and that none would have filled."""
    frozen = {s.name for freeze in model.freezes for s in freeze.states if s.is_frozen}
    layers = (layer for layer in model.batch_norms if layer.name in frozen)
    return [layer.name for layer in layers if layer.norm and layer.norm.statistics == "untrained"]


def _model(model: Verified, verification: Verification) -> dict[str, Any]:
    after, before = model.comparison.after, model.comparison.before
    return {
        "factory": after.factory,
        "arguments": after.passed,
        "before": None if before is None else _state(before),
        "after": _state(after),
        "stubbed": list(verification.stubs),
        "skipped_weights": list(after.skipped_weights),
        "checks": [_check(check) for check in model.checks],
        "findings": [{"code": "BN305", "module": name} for name in _untrained(after)],
    }


def _state(model: ModelSnapshot) -> dict[str, Any]:
    return {
        "class": model.class_,
        "error": model.error or None,
        "norms": norm_counts(model),
        "parameters": sum(parameter.numel for parameter in model.parameters),
    }


def _check(check: Check) -> dict[str, Any]:
    return {"name": check.name, "passed": check.passed, "detail": check.detail}
