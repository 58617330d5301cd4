"""A report as blocks, shown as text for people or as Markdown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias


@dataclasses.dataclass(frozen=True)
class Heading:
    """``level`` 1 is the title."""

    level: int
    text: str
    style: str = ""


@dataclasses.dataclass(frozen=True)
class Paragraph:
    text: str


@dataclasses.dataclass(frozen=True)
class Bullets:
    """Items in no order, or counted when ``numbered``."""

    items: tuple[str, ...]
    numbered: bool = False


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Labels with one text each."""

    items: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """Numbers are aligned to the right, texts to the left, by the column's first row."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]


@dataclasses.dataclass(frozen=True)
class Code:
    text: str
    language: str = "python"


Block: TypeAlias = Heading | Paragraph | Bullets | Pairs | Table | Code

_STYLES = {"serious": "bold red", "warning": "yellow", "good": "green"}


def markdown(blocks: Iterable[Block]) -> str:
    """The whole report as Markdown that ends in a newline."""
    return "\n\n".join("\n".join(_markdown(block)) for block in blocks) + "\n"


def _markdown(block: Block) -> Iterator[str]:
    match block:
        case Heading(level, text):
            yield f"{'#' * level} {_escaped(text)}"
        case Paragraph(text):
            yield _escaped(text)
        case Bullets(items, numbered):
            for number, item in enumerate(items, 1):
                yield f"{f'{number}.' if numbered else '-'} {_escaped(item)}"
        case Pairs(items):
            for label, text in items:
                yield f"- **{label}:** {_escaped(text)}"
        case Table(headers, rows):
            yield _line(headers)
            yield _line(["---:" if right else "---" for right in _right(block)])
            for row in rows:
                yield _line(map(_cell, row))
        case Code(text, language):
            fence = "````" if "```" in text else "```"
            yield f"{fence}{language}\n{text.rstrip()}\n{fence}"


def text(blocks: Iterable[Block], out: Any) -> None:
    """Print the report on a rich console."""
    for block in blocks:
        _text(block, out)


def _text(block: Block, out: Any) -> None:
    match block:
        case Heading(level, text, style):
            out.print(text, style=_STYLES.get(style, "bold"))
            if level == 1:
                out.print()
        case Code(text):
            for line in text.rstrip().splitlines():
                out.print(f"    {line}", style=_code_style(line))
            out.print()
        case Table():
            out.print(_rich_table(block))
            out.print()
        case Paragraph(text):
            out.print(text)
            out.print()
        case Pairs(items):
            width = max((len(label) for label, _ in items), default=0)
            for label, value in items:
                out.print(f"  {label.ljust(width)}  {value}")
            out.print()
        case Bullets(items, numbered):
            for number, item in enumerate(items, 1):
                out.print(f"  {f'{number}.' if numbered else '-'} {item}")
            out.print()


def _rich_table(block: Table) -> Any:
    from rich.table import Table as RichTable

    table = RichTable(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    for header, right in zip(block.headers, _right(block), strict=True):
        table.add_column(header, justify="right" if right else "left", overflow="fold")
    for row in block.rows:
        table.add_row("", *map(_cell, row))
    return table


def _right(block: Table) -> list[bool]:
    first = block.rows[0] if block.rows else ("",) * len(block.headers)
    return [isinstance(cell, int) for cell in first]


def _cell(value: str | int) -> str:
    return f"{value:,}" if isinstance(value, int) else value


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_escaped(cell).replace("|", "\\|") for cell in cells) + " |"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is: names have underscores and stars."""
    for character in "\\`*_<>[]":
        text = text.replace(character, f"\\{character}")
    return text


def _code_style(line: str) -> str:
    if line.startswith("+"):
        return "green"
    return "red" if line.startswith("-") else ""
