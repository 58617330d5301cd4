"""How the help of a command is laid out: options in sections, and some only named."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import click

_UNNAMED = "Options"


class SectionOption(click.Option):
    """An option whose help stands under a heading that it shares with its like."""

    def __init__(self, *arguments: Any, section: str, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.section = section


class SectionedCommand(click.Command):
    """A command with sections in its help.

    ``folded`` maps headings to the command whose help explains the options
    under them: here they are only named, so that the help fits a screen.
    """

    def __init__(
        self, *arguments: Any, folded: Mapping[str, str] | None = None, **attributes: Any
    ) -> None:
        super().__init__(*arguments, **attributes)
        self.folded = folded or {}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each heading, the options without one first."""
        sections: dict[str, list[click.Parameter]] = {_UNNAMED: []}
        for option in self.get_params(ctx):
            if not isinstance(option, click.Argument):
                sections.setdefault(getattr(option, "section", _UNNAMED), []).append(option)
        for heading, options in sections.items():
            if heading in self.folded:
                with formatter.section(f"{heading} (see {self.folded[heading]} --help)"):
                    _write_names(formatter, [option.opts[0] for option in options])
                continue
            records = (option.get_help_record(ctx) for option in options)
            with formatter.section(heading):
                formatter.write_dl([record for record in records if record is not None])


def _write_names(formatter: click.HelpFormatter, names: Sequence[str]) -> None:
    indent = " " * formatter.current_indent
    # Not click's own wrapping, which would break an option at a hyphen.
    lines = textwrap.wrap(
        ", ".join(names),
        formatter.width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )
    formatter.write("".join(f"{line}\n" for line in lines))
