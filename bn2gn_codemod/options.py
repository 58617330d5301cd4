"""The options that commands share: which files, and a flag for each setting."""

from __future__ import annotations

import functools
from collections.abc import Callable
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
        help="Read the settings from here and not from pyproject.toml.",
    )(decorated)


def _flag(setting: Setting) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    kind: Any = click.Choice(setting.choices) if setting.choices else str
    if setting.type is int:
        kind = click.IntRange(min=1)
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
    return click.option(
        "--strict", is_flag=True, help="Exit 1 while a layer is undecided (check always does)."
    )(function)
