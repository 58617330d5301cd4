"""``bn2gn audit``: the deep check of a config, a model or a training command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bn2gn_codemod import options


@click.command(
    cls=options.TrainingCommand,
    epilog="Example: bn2gn audit configs/stage2.py --module neck.msp_module --report audit.md",
)
@click.argument("target", metavar="[CONFIG]", required=False, type=click.Path(path_type=Path))
@options.of_model
@click.option(
    "--module",
    "modules",
    metavar="NAME",
    multiple=True,
    help="A submodule that gets a row of its own in the table.",
)
@click.option(
    "--key-parameter",
    "key_parameters",
    metavar="GLOB",
    multiple=True,
    help="A parameter to report on. Learned scalars are found anyway.",
)
@click.option(
    "--workdir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where training runs.  [default: the folder around configs]",
)
@options.of_report(".md")
@options.of_interpreter
@options.of_format("text", "json", "github", "sarif")
def command(
    target: Path | None,
    model: Mapping[str, Any],
    modules: tuple[str, ...],
    key_parameters: tuple[str, ...],
    workdir: Path | None,
    report_file: Path | None,
    interpreter: Mapping[str, Any],
    output_format: str,
    training: Mapping[str, Any],
) -> int:
    """Say before training what is wrong, how bad, and how to mend it.

    CONFIG is an MMEngine config; or name a model with --model, or a training
    command after --run. A config's model is built and trained for two steps on
    made-up images. Exits 1 when there is more to say than advice.
    """
    from bn2gn_codemod import reports
    from bn2gn_codemod.audit import examination, wanted
    from bn2gn_codemod.audit.targets import gather
    from bn2gn_codemod.probing import Interpreter
    from bn2gn_codemod.progress import shown_when_slow
    from bn2gn_codemod.reports import examination as report

    with shown_when_slow("auditing"):
        evidence = gather(target, model, training, workdir, Interpreter(**interpreter))
        found = examination.examine(
            evidence, wanted.with_settings(evidence.root, modules, key_parameters)
        )
    if report_file is not None:
        report.write(found, report_file)
    if output_format in ("github", "sarif"):
        reports.of_format(output_format).audit(found)
    else:
        getattr(report, output_format)(found)
    return 0 if found.is_clean else 1
