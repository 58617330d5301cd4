"""``bn2gn verify``: imports the migrated code, counts norms, proves the freeze."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bn2gn_codemod import options

_EXAMPLE = (
    "Example: bn2gn verify --before HEAD --model lib.models.stNet:get_det_net "
    """--args '[{"hm": 1, "wh": 2}, "DLADCN"]' --input 1,2,3,64,64"""
)


@click.command(
    cls=options.TrainingCommand,
    epilog=_EXAMPLE,
    folded={options.SETTINGS: "bn2gn check"},
)
@click.argument("root", metavar="[ROOT]", default=".", type=click.Path(path_type=Path))
@click.option("--before", metavar="REF|DIR", help="The state to compare with.  [default: HEAD]")
@options.of_model
@click.option(
    "--checkpoint",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="An old checkpoint that the model has to load with strict=False.",
)
@options.of_interpreter
@options.of_report(".html")
@options.of_format("text", "json")
@options.of_settings
def command(
    root: Path,
    before: str | None,
    model: Mapping[str, Any],
    checkpoint: Path | None,
    interpreter: Mapping[str, Any],
    report_file: Path | None,
    output_format: str,
    settings_file: Path | None,
    flags: Mapping[str, Any],
    training: Mapping[str, Any],
) -> int:
    """Build the models of the repository at ROOT before and after, and compare them.

    Runs the repository's code, in temporary copies and under limits. Without
    --model, and without [[tool.bn2gn.verify]] in the settings, it builds what it
    can fill in the arguments of. With --run it watches the first optimizer steps
    of the training command after --, and ends it there. Exits 1 when a check fails.
    """
    from bn2gn_codemod import api
    from bn2gn_codemod.probing import Interpreter
    from bn2gn_codemod.problem import Problem
    from bn2gn_codemod.progress import shown_when_slow
    from bn2gn_codemod.reports import verification as report
    from bn2gn_codemod.verify import verify_run
    from bn2gn_codemod.verify.models import named

    if not root.is_dir():
        raise Problem(f"{root}: no such directory")
    survey = api.survey(root, settings_file=settings_file, settings=flags)
    if training["command"]:
        live = verify_run(survey.root, survey.settings, **training, timeout=interpreter["timeout"])
        getattr(report, f"run_{output_format}")(live)
        if report_file is not None:
            from bn2gn_codemod.reports import review

            review.write(review.of_run(live), report_file)
        return 0 if live.passed else 1
    with shown_when_slow("verifying"):
        found = api.verify(
            survey,
            before=before,
            models=named(model, checkpoint),
            interpreter=Interpreter(**interpreter),
        )
    getattr(report, output_format)(found)
    if report_file is not None:
        from bn2gn_codemod.reports import review

        review.write(review.of_verification(found, "verify"), report_file)
    return 0 if found.passed else 1
