"""The command line: finds the commands, and turns every ending into an exit code.

0 nothing to report, 1 findings or a failed check, 2 wrong usage or bn2gn could
not do its work. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from bn2gn_codemod import __version__, commands
from bn2gn_codemod.problem import Problem


class _Commands(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say what is missing when a path stands where the command should."""
        if args[0] not in self.commands and os.path.exists(args[0]):
            raise click.UsageError(
                f"No such command {args[0]!r}. Did you mean 'check {args[0]}'?", ctx
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: bn2gn migrate --diff   shows what would change in the current directory.",
)
@click.version_option(__version__, prog_name="bn2gn")
def bn2gn() -> None:
    """GroupNorm for new layers, a frozen BatchNorm backbone, as one reviewed source change."""


for _found in pkgutil.iter_modules(commands.__path__):
    bn2gn.add_command(
        importlib.import_module(f"{commands.__name__}.{_found.name}").command, _found.name
    )


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; ``arguments`` default to those of the process."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A file name that the terminal cannot show must not end the run.
            stream.reconfigure(errors="backslashreplace")
    # A run is short and makes many objects, few of them in cycles: collecting
    # those would take a quarter of its time.
    gc.disable()
    code = _exit_code(arguments)
    gc.freeze()  # nor is it worth a last search at the exit
    sys.exit(code)


def _exit_code(arguments: Sequence[str] | None) -> int:
    try:
        return bn2gn.main(arguments, prog_name="bn2gn", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        help_wanted.show()
        return help_wanted.exit_code
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "bn2gn"
        return _failed(f"{error.format_message()} (see {where} --help)")
    except click.ClickException as error:
        return _failed(error.format_message())
    except Problem as error:
        return _failed(str(error))
    except (click.Abort, KeyboardInterrupt):
        return _failed("interrupted")
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter's last flush
        # of stdout would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except Exception as error:
        if os.environ.get("BN2GN_TRACEBACK") == "1":
            traceback.print_exc()
        message = f"{type(error).__name__}: {error}".splitlines()[0]
        return _failed(
            f"this is a bug in bn2gn: {message} (BN2GN_TRACEBACK=1 shows where; please report it)"
        )


def _failed(line: str) -> int:
    one_line = " ".join(line.split("\n"))
    click.echo(f"bn2gn: {one_line}", err=True)
    return 2
