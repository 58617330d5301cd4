"""What ``bn2gn checkpoint`` did, or would do, as text for people or as JSON."""

from __future__ import annotations

import json as encoding
from collections.abc import Iterator
from typing import Any

import click

from bn2gn_codemod.checkpoint import Conversion
from bn2gn_codemod.checkpoint.decision import OptimizerOutcome, TableOutcome
from bn2gn_codemod.wording import counted, listed

VERSION = 1


def text(conversion: Conversion) -> None:
    """One line for each entry that changes or follows a rule, and whether it loads."""
    from bn2gn_codemod.reports import console

    out = console.stdout()
    decision = conversion.decision
    arrow = "->" if conversion.written else "would become"
    out.print(f"{conversion.old} {arrow} {conversion.new} ({conversion.format})", style="bold")
    converted = counted(len(decision.target.converted), "converted layer")
    out.print(f"  {decision.target.name}: {converted}, by {decision.target.basis}")
    for line in _lines(conversion):
        out.print(f"  {line}")
    model = decision.model
    if model.is_exact:
        out.print("  every name and shape is the migrated model's: loads with strict=True")
    else:
        out.print(f"  strict=True will refuse it: {model.differences}", style="bold red")
        if conversion.is_guessed:
            out.print("  the model's arguments were guessed: name it with --model and --args")


def json(conversion: Conversion) -> None:
    """The report for other programs. The keys are stable."""
    decision = conversion.decision
    document = {
        "version": VERSION,
        "old": str(conversion.old),
        "new": str(conversion.new),
        "format": conversion.format,
        "written": conversion.written,
        "model": decision.target.name,
        "basis": decision.target.basis,
        "prefix": decision.model.prefix,
        "converted": sorted(decision.target.converted),
        "tables": [_table(outcome) for outcome in decision.tables],
        "optimizers": [_optimizer(outcome) for outcome in decision.optimizers],
        "missing": list(decision.model.missing),
        "unexpected": list(decision.model.unexpected),
        "misshapen": sorted(decision.model.misshapen),
        "strict": decision.model.is_exact,
    }
    click.echo(encoding.dumps(document, indent=2))


def _lines(conversion: Conversion) -> Iterator[str]:
    for table in conversion.decision.tables:
        if table.removed:
            yield f"{table.table}: {table.rule}"
            continue
        dropped = counted(len(table.dropped), "running statistic")
        names = f" ({listed(table.dropped)})" if table.dropped else ""
        yield f"{table.table}: {dropped} dropped{names}; {table.rule}"
    for optimizer in conversion.decision.optimizers:
        line = f"{optimizer.optimizer}: {optimizer.rule}"
        if optimizer.forgotten:
            number = counted(len(optimizer.forgotten), "parameter")
            line += f", without the state of {number} that no longer train or start anew"
            line += f" ({listed(optimizer.forgotten)})"
        yield line


def _table(outcome: TableOutcome) -> dict[str, Any]:
    return {
        "path": list(outcome.table.path),
        "role": outcome.role,
        "rule": outcome.rule,
        "dropped": list(outcome.dropped),
        "reset": list(outcome.reset),
        "removed": outcome.removed,
    }


def _optimizer(outcome: OptimizerOutcome) -> dict[str, Any]:
    return {
        "path": list(outcome.optimizer.path),
        "rule": outcome.rule,
        "forgotten": list(outcome.forgotten),
        "removed": outcome.removed,
    }
