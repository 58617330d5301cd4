"""The options that commands share: which files, and a flag for each setting."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from bn2gn_codemod.command_help import SectionedCommand, SectionOption
from bn2gn_codemod.settings import Setting, known

# Headings in the help.
MODEL = "The model to build"
RUNNING = "How its code is run"
SETTINGS = "Settings, which win over [tool.bn2gn] in pyproject.toml"
_REPORTS = {
    ".html": "Write a page for the browser, too: models, layers, findings, diff.",
    ".md": "Write the report as Markdown, too.",
}


def of_paths(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command PATH..., passed on as ``paths`` (a tuple; empty if none was named)."""
    return click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))(
        function
    )


def of_settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--settings FILE`` and one flag for each setting.

    The command gets ``settings_file`` (a path or ``None``) and ``flags``, the
    flags by field name as ``settings.merge`` takes them.
    """

    @functools.wraps(function)
    def gathered(**arguments: Any) -> Any:
        flags = {setting.field: arguments.pop(setting.field) for setting in known()}
        return function(flags=flags, **arguments)

    decorated: Callable[..., Any] = gathered
    for setting in reversed(known()):
        decorated = _flag(setting)(decorated)
    return click.option(
        "--settings",
        "settings_file",
        cls=SectionOption,
        section=SETTINGS,
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Read them from this file instead.",
    )(decorated)


def _flag(setting: Setting) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    kind: Any = click.Choice(setting.choices) if setting.choices else str
    if setting.type is int:
        kind = click.INT
    return click.option(
        f"--{setting.key}",
        setting.field,
        cls=SectionOption,
        section=SETTINGS,
        type=kind,
        multiple=setting.type is tuple,
        metavar=setting.metavar,
        help=setting.help,
    )


def of_format(*formats: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command ``--output-format``; the first of ``formats`` is the default."""
    return click.option(
        "--output-format",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="JSON goes to stdout alone.",
    )


def of_report(suffix: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command ``--report FILE``, for a file of this suffix.

    The command gets ``report_file``, which can be written as far as can be told
    before the work is done, or ``None``.
    """

    def usable(_context: click.Context, _option: click.Parameter, file: Path | None) -> Path | None:
        if file is not None:
            from bn2gn_codemod.reports import report_file

            report_file.require_usable(file, (suffix,))
        return file

    return click.option(
        "--report",
        "report_file",
        metavar=f"FILE{suffix}",
        type=click.Path(path_type=Path),
        callback=usable,
        help=_REPORTS[suffix],
    )


def of_strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--strict``."""
    return click.option("--strict", is_flag=True, help="Exit 1 while a layer is undecided.")(
        function
    )


def of_model(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that name a model to build.

    The command gets ``model``: ``factory`` (``None`` if none was named),
    ``args``, ``kwargs`` (JSON texts or ``None``) and ``inputs`` (shapes as text).
    """
    option = functools.partial(click.option, cls=SectionOption, section=MODEL)
    given = (
        option("--model", "factory", metavar="MODULE:FACTORY", help="What builds it."),
        option("--args", metavar="JSON", help="A list: its positional arguments."),
        option("--kwargs", metavar="JSON", help="An object: its keyword arguments."),
        option(
            "--input",
            "inputs",
            metavar="SHAPE",
            multiple=True,
            help="Of an input of forward, as in 1,3,64,64; once for each input.",
        ),
    )
    return _gathered("model", given, ("factory", "args", "kwargs", "inputs"), function)


def of_interpreter(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say where and how the repository's code runs.

    The command gets ``interpreter``: ``python``, ``timeout`` (seconds),
    ``memory`` (bytes or ``None``) and ``stubs``.
    """
    option = functools.partial(click.option, cls=SectionOption, section=RUNNING)
    given = (
        option(
            "--python",
            default=sys.executable,
            metavar="PYTHON",
            help="Its interpreter.  [default: the one running bn2gn]",
        ),
        option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS",
            default=300.0,
            help="It is stopped after that.  [default: 300]",
        ),
        option(
            "--memory",
            type=click.FloatRange(min=0, min_open=True),
            metavar="GIB",
            callback=lambda _context, _option, value: value and int(value * 2**30),
            help="Memory it may use.  [default: three quarters of the machine's]",
        ),
        option(
            "--stubs/--no-stubs",
            default=True,
            show_default=True,
            help="Stand in for modules that cannot be found.",
        ),
    )
    return _gathered("interpreter", given, ("python", "timeout", "memory", "stubs"), function)


class TrainingCommand(SectionedCommand):
    """A command that may be given the user's own command line after ``--``.

    It has ``--run`` and ``--steps``, and gets ``training``: the words after
    ``--`` (empty without ``--run``) and the number of ``steps``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += [
            click.Option(
                ["--run"],
                is_flag=True,
                help="Watch the training command that follows after --.",
            ),
            click.Option(
                ["--steps"],
                type=click.IntRange(min=1),
                metavar="N",
                default=1,
                help="With --run: end it after so many optimizer steps.  [default: 1]",
            ),
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take everything after ``--`` for the user's."""
        at = args.index("--") if "--" in args else len(args)
        words = tuple(args[at + 1 :])
        if "--run" in args[:at] and not words:  # what it wants may stand there without the --
            raise click.UsageError("--run wants a command after --: --run -- python train.py", ctx)
        rest = super().parse_args(ctx, args[:at])
        run, steps = ctx.params.pop("run"), ctx.params.pop("steps")
        if words and not run:
            raise click.UsageError("a command after -- wants --run before it", ctx)
        if not run and ctx.get_parameter_source("steps") is ParameterSource.COMMANDLINE:
            raise click.UsageError("--steps goes with --run", ctx)
        ctx.params["training"] = {"command": words, "steps": steps}
        return rest


def _gathered(
    name: str,
    decorators: Sequence[Callable[[Callable[..., Any]], Callable[..., Any]]],
    fields: Sequence[str],
    function: Callable[..., Any],
) -> Callable[..., Any]:
    """Pass the options of ``decorators`` on as one mapping called ``name``."""

    @functools.wraps(function)
    def gathered(**arguments: Any) -> Any:
        values = {field: arguments.pop(field) for field in fields}
        return function(**{name: values}, **arguments)

    decorated: Callable[..., Any] = gathered
    for decorator in reversed(decorators):
        decorated = decorator(decorated)
    return decorated
