"""The options that commands share: which files, and a flag for each setting."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from bn2gn_codemod.settings import Setting, known


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
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Read the settings from this file.",
    )(decorated)


def _flag(setting: Setting) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    kind: Any = click.Choice(setting.choices) if setting.choices else str
    if setting.type is int:
        kind = click.INT
    return click.option(
        f"--{setting.key}",
        setting.field,
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
    given = (
        click.option("--model", "factory", metavar="MODULE:FACTORY", help="What builds the model."),
        click.option("--args", metavar="JSON", help="A list: its positional arguments."),
        click.option("--kwargs", metavar="JSON", help="An object: its keyword arguments."),
        click.option(
            "--input",
            "inputs",
            metavar="SHAPE",
            multiple=True,
            help="Shape of an input of forward, such as 1,3,64,64; once for each input.",
        ),
    )
    return _gathered("model", given, ("factory", "args", "kwargs", "inputs"), function)


def of_interpreter(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say where and how the repository's code runs.

    The command gets ``interpreter``: ``python``, ``timeout`` (seconds),
    ``memory`` (bytes or ``None``) and ``stubs``.
    """
    given = (
        click.option(
            "--python",
            default=sys.executable,
            metavar="PYTHON",
            help="The interpreter that trains the model.  [default: the one running bn2gn]",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            default=300.0,
            show_default=True,
            help="Seconds after which the code is stopped.",
        ),
        click.option(
            "--memory",
            type=click.FloatRange(min=0, min_open=True),
            metavar="GIB",
            callback=lambda _context, _option, value: value and int(value * 2**30),
            help="Memory that the code may use.  [default: three quarters of the machine's]",
        ),
        click.option(
            "--stubs/--no-stubs",
            default=True,
            show_default=True,
            help="Stand in for modules that cannot be found.",
        ),
    )
    return _gathered("interpreter", given, ("python", "timeout", "memory", "stubs"), function)


class TrainingCommand(click.Command):
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
                default=1,
                show_default=True,
                help="With --run: optimizer steps after which the training is stopped.",
            ),
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take everything after ``--`` for the user's."""
        at = args.index("--") if "--" in args else len(args)
        words = tuple(args[at + 1 :])
        rest = super().parse_args(ctx, args[:at])
        run, steps = ctx.params.pop("run"), ctx.params.pop("steps")
        if run and not words:
            raise click.UsageError("--run wants a command: --run -- python train.py ...", ctx)
        if words and not run:
            raise click.UsageError("a command after -- wants --run before it", ctx)
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
