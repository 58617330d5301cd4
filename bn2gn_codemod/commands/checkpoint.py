"""``bn2gn checkpoint``: carries an old checkpoint over to the migrated model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bn2gn_codemod import options
from bn2gn_codemod.command_help import SectionedCommand

_EXAMPLE = (
    "Example: bn2gn checkpoint exp/model_last.pth exp/model_last_gn.pth "
    """--model lib.models.stNet:get_det_net --args '[{"hm": 1, "wh": 2}, "DLADCN"]'"""
)


@click.command(
    cls=SectionedCommand,
    epilog=_EXAMPLE,
    folded={
        options.MODEL: "bn2gn verify",
        options.RUNNING: "bn2gn verify",
        options.SETTINGS: "bn2gn check",
    },
)
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option(
    "--repository",
    metavar="DIR",
    default=".",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The repository of the model.",
)
@click.option(
    "--before", metavar="REF|DIR", help="Its state before the migration.  [default: HEAD]"
)
@options.of_model
@click.option(
    "--reset-converted",
    is_flag=True,
    help="Start converted layers at weight 1, bias 0.",
)
@click.option(
    "--optimizer",
    type=click.Choice(["keep", "drop"]),
    default="keep",
    show_default=True,
    help="Optimizer states, of what still trains.",
)
@click.option(
    "--ema",
    type=click.Choice(["keep", "drop"]),
    default="keep",
    show_default=True,
    help="Moving averages of the model.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change and write nothing.")
@click.option("--force", is_flag=True, help="Replace NEW if it exists.")
@click.option("--trust", is_flag=True, help="Run the code that OLD names.")
@options.of_interpreter
@options.of_format("text", "json")
@options.of_settings
def command(
    old: Path,
    new: Path,
    repository: Path,
    before: str | None,
    model: Mapping[str, Any],
    reset_converted: bool,
    optimizer: Any,
    ema: Any,
    dry_run: bool,
    force: bool,
    trust: bool,
    interpreter: Mapping[str, Any],
    output_format: str,
    settings_file: Path | None,
    flags: Mapping[str, Any],
) -> int:
    """Write the checkpoint OLD to NEW as the migrated model loads it with strict=True.

    Running statistics of converted layers go, everything else stays as it is.
    The model is built before and after the migration, in temporary copies, to
    see which layers those are: by --model, or by what can be built without help.
    Exits 1 when differences remain that strict=True refuses.
    """
    from bn2gn_codemod import checkpoint, settings, verify
    from bn2gn_codemod.checkpoint.decision import Wishes
    from bn2gn_codemod.probing import Interpreter
    from bn2gn_codemod.problem import Problem
    from bn2gn_codemod.reports import conversion as report
    from bn2gn_codemod.verify.models import from_settings, named

    if not repository.is_dir():
        raise Problem(f"--repository {repository}: no such directory")
    found = checkpoint.convert(
        old,
        new,
        checkpoint.Source(
            repository.resolve(),
            settings.merge(settings.load(repository, settings_file), flags),
            named(model) or from_settings(repository, settings_file),
            verify.before_of(repository.resolve(), before),
            Interpreter(**interpreter),
        ),
        Wishes(reset_converted, optimizer, ema),
        trust=trust,
        force=force,
        dry_run=dry_run,
    )
    getattr(report, output_format)(found)
    return 0 if found.decision.model.is_exact else 1
