"""Settings: ``[tool.bn2gn]`` of ``pyproject.toml``, each also a command-line flag."""

from __future__ import annotations

import dataclasses
import functools
import keyword
import re
import sys
import typing
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

import click

from bn2gn_codemod.problem import Problem


class Origin(NamedTuple):
    """Where the value of a setting was written: in a file, or (``None``) in a flag."""

    file: Path | None
    text: str = ""


def _described(help: str, *, default: Any = (), metavar: str | None = None) -> Any:
    return dataclasses.field(default=default, metadata={"help": help, "metavar": metavar})


@dataclasses.dataclass(frozen=True)
class Settings:
    """What steers survey, plan and rewrite.

    ``backbone`` and ``convert`` name classes (``ResNet``), attributes
    (``PoseResNet.base_layer``), dotted paths (``lib.models.dla.DLA``) or globs
    of them. ``exclude`` are gitignore-style patterns of files. ``origins`` are for
    messages: where each that is no default was written, by field name.
    """

    backbone: tuple[str, ...] = _described(
        "Pretrained: a class, attribute, path or glob.", metavar="NAME"
    )
    convert: tuple[str, ...] = _described(
        "New layers: a class, attribute, path or glob.", metavar="NAME"
    )
    exclude: tuple[str, ...] = _described(
        "Files to leave out, as in a .gitignore.", metavar="PATTERN"
    )
    norms: tuple[str, ...] = _described(
        "Norm classes to convert.", default=("BatchNorm2d",), metavar="CLASS"
    )
    groups: int = _described("Groups to start from.", default=32, metavar="N")
    min_channels_per_group: int = _described("Fewest channels in a group.", default=1, metavar="N")
    shared_module: str | None = _described(
        "Write the helpers once, in this module.", default=None, metavar="FILE"
    )
    init_loop: Literal["extend", "inject"] = _described(
        "Extend init loops, or add missing ones too.", default="extend"
    )
    freeze: Literal["bn", "backbone", "none"] = _described(
        "What of the backbone is frozen.", default="bn"
    )
    guard: Literal["auto", "loop", "model"] = _described(
        "What keeps it frozen after .train().", default="auto"
    )
    origins: Mapping[str, Origin] = dataclasses.field(
        default_factory=dict, repr=False, compare=False
    )

    def named(self, field: str, value: object) -> str:
        """How to speak of a wrong value: with its file and line, or with its flag."""
        key, origin = _key(field), self.origins.get(field)
        if origin is None:
            return f"{key} = {value!r}"
        if origin.file is None:
            return f"--{key} {value!r}"
        return f"{origin.file}:{_line_of(key, origin.text, value)}: {key} = {value!r}"


@dataclasses.dataclass(frozen=True)
class Setting:
    """One setting: how it is spelled, and which values it takes."""

    key: str  # as in pyproject.toml, and after -- on the command line
    field: str  # of Settings
    default: Any
    help: str
    metavar: str | None
    type: type  # tuple, int or str
    choices: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        """The values that are accepted, in words."""
        if self.choices:
            return "one of " + ", ".join(f'"{choice}"' for choice in self.choices)
        if self.type is tuple:
            return f"a list of {'one or more ' if self.default else ''}strings"
        if self.type is int:
            return "a whole number of 1 or more"
        return "the path of a Python file below the repository, as in lib/norm.py"

    def accepted(self, value: object) -> Any:
        """The value as ``Settings`` holds it; ``ValueError`` when it is not acceptable."""
        if self.choices:
            good = value in self.choices
        elif self.type is tuple:
            good = isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value)
            good = good and bool(value or not self.default)
        elif self.type is int:
            good = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        else:
            good = isinstance(value, str) and _is_module_path(value)
        if not good:
            raise ValueError(f"{self.key} must be {self.wanted}")
        if self.type is tuple:
            return tuple(value)  # type: ignore[arg-type]
        is_path = isinstance(value, str) and not self.choices
        return PurePosixPath(value).as_posix() if is_path else value  # type: ignore[arg-type]


def _key(field: str) -> str:
    return field.replace("_", "-")


def _is_module_path(value: str) -> bool:
    """Whether something in the repository can import the file of this path."""
    path = PurePosixPath(value)
    is_below = not path.is_absolute() and ".." not in path.parts and "\\" not in value
    is_name = path.stem.isidentifier() and not keyword.iskeyword(path.stem)
    return is_below and is_name and path.suffix == ".py"


def _setting(field: dataclasses.Field[Any], hint: Any) -> Setting:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    return Setting(
        key=_key(field.name),
        field=field.name,
        default=field.default,
        help=field.metadata["help"],
        metavar=field.metadata["metavar"],
        type=tuple if origin is tuple else hint if hint is int else str,
        choices=arguments if origin is Literal else (),
    )


@functools.cache
def known() -> tuple[Setting, ...]:
    """Every setting there is, in the order of ``Settings``."""
    hints = typing.get_type_hints(Settings)
    fields = (field for field in dataclasses.fields(Settings) if field.metadata)
    return tuple(_setting(field, hints[field.name]) for field in fields)


# Tables below [tool.bn2gn] that other commands read.
SUBTABLES = ("audit", "verify")


def load(root: Path, file: Path | None = None) -> Settings:
    """The settings of the repository at ``root``.

    ``file`` is another settings file, named by the user: a ``pyproject.toml``,
    or a TOML file with the settings at its top level. Raises ``Problem`` for a
    file that cannot be read, an unknown setting or a wrong value.
    """
    source, text, table = _source(root, file)
    values: dict[str, Any] = {}
    settings = {setting.key: setting for setting in known()}
    for key, value in table.items():
        if key in SUBTABLES:
            continue
        line = f"{source}:{_line_of(key, text)}"
        if key not in settings:
            raise Problem(
                f"{line}: {_unknown(key, key.replace('_', '-'), (*settings, *SUBTABLES))}"
            )
        try:
            values[settings[key].field] = settings[key].accepted(value)
        except ValueError as error:
            raise Problem(f"{line}: {error}, not {value!r}") from None
    return Settings(**values, origins=dict.fromkeys(values, Origin(source, text)))


class Subtable(NamedTuple):
    """What ``[tool.bn2gn.<name>]`` or ``[[tool.bn2gn.<name>]]`` holds, ``[]`` if there is none."""

    value: Any
    name: str
    origin: Origin

    def place(self, key: str = "", number: int = 0) -> str:
        """What a message on a key begins with, of the table of this number: file, line, table."""
        lines = self.origin.text.splitlines()
        header = re.compile(rf"\s*\[+\s*tool\s*\.\s*bn2gn\s*\.\s*{self.name}\s*\]")
        starts = [n for n, line in enumerate(lines) if header.match(line)]
        if number < len(starts):
            start = starts[number]
            sets = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=""")
            line = 1 + next((n for n in range(start, len(lines)) if sets.match(lines[n])), start)
        else:
            line = _line_of(self.name, self.origin.text)
        return f"{self.origin.file}:{line}: tool.bn2gn.{self.name}: {key}"


def load_subtable(root: Path, name: str, file: Path | None = None) -> Subtable:
    """The table of this name below the settings.

    ``root`` and ``file`` as for ``load``; raises ``Problem`` for a file that
    cannot be read.
    """
    source, text, table = _source(root, file)
    return Subtable(table.get(name, []), name, Origin(source, text))


def merge(settings: Settings, flags: Mapping[str, Any]) -> Settings:
    """``settings`` with the flags that were given; a flag replaces the file's value.

    ``flags`` maps field names to values; ``None`` and ``()`` stand for a flag
    that was not given. Raises ``Problem`` for an unknown setting or a wrong value.
    """
    fields = [setting.field for setting in known()]
    for name in flags:
        if name not in fields:
            raise Problem(_unknown(name, name.replace("-", "_"), fields))
    given: dict[str, Any] = {}
    for setting in known():
        value = flags.get(setting.field)
        if value is None or value == ():
            continue
        try:
            given[setting.field] = setting.accepted(value)
        except ValueError as error:
            raise Problem(f"--{error}, not {value!r}") from None
    origins = {**settings.origins, **dict.fromkeys(given, Origin(None))}
    return dataclasses.replace(settings, **given, origins=origins)


def _source(root: Path, file: Path | None) -> tuple[Path, str, dict[str, Any]]:
    """The settings file, its text and its table; empty where there is no file."""
    source = file if file is not None else root / "pyproject.toml"
    if file is None and not source.is_file():
        return source, "", {}
    text = _read(source)
    if file is None and "bn2gn" not in text:
        return source, text, _without_table(source, text)
    return source, text, _table(source, text, required=file is not None)


def _without_table(source: Path, text: str) -> dict[str, Any]:
    """Nothing, said of a broken file that nobody named: what is broken is of another tool."""
    try:
        _parsed(source, text)
    except Problem as problem:
        _warn(f"{problem}; it does not name bn2gn: the default settings hold")
    return {}


@functools.cache  # the file is read once for the settings, and once for each table below them
def _warn(line: str) -> None:
    click.echo(f"bn2gn: {line}", err=True)


def _read(source: Path) -> str:
    try:
        return source.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Problem(f"{source}: no such settings file") from None
    except UnicodeDecodeError:
        raise Problem(f"{source}: TOML has to be UTF-8") from None
    except OSError as error:
        raise Problem(f"{source}: cannot be read: {error.strerror}") from None


def _table(source: Path, text: str, *, required: bool) -> dict[str, Any]:
    document = _parsed(source, text)
    table = document
    for name in ("tool", "bn2gn"):
        inner = table.get(name, {}) if isinstance(table, dict) else {}
        if not isinstance(inner, dict):
            raise Problem(f"{source}:{_line_of(name, text)}: [tool.bn2gn] has to be a table")
        table = inner
    if table or "bn2gn" in document.get("tool", {}) or not required:
        return table
    if source.name == "pyproject.toml":
        raise Problem(f"{source}: has no [tool.bn2gn] table")
    return document


def _parsed(source: Path, text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # The parsers put the place last: "... (at line 3, column 9)".
        found = re.search(r"^(.*) \(at line (\d+), column \d+\)$", str(error))
        # ... or "(at end of document)".
        line, message = (found[2], found[1]) if found else (len(text.splitlines()), str(error))
        raise Problem(f"{source}:{line}: not valid TOML: {message}") from None


def _line_of(key: str, text: str, value: object = None) -> int:
    """The line that sets ``key``, or names ``value`` in its list.

    The TOML parsers do not say, so this looks for it.
    """
    lines = text.splitlines()
    header = re.compile(r"\s*\[+\s*tool\s*\.\s*bn2gn\b")
    start = next((n for n, line in enumerate(lines) if header.match(line)), 0)
    sets = re.compile(rf"""\s*\[*(tool\.)?(bn2gn\.)?["']?{re.escape(key)}["']?\s*(=|\])""")
    found = next((n for n, line in enumerate(lines) if n >= start and sets.match(line)), start)
    quoted = (f'"{value}"', f"'{value}'") if isinstance(value, str) else ()
    for number, line in enumerate(lines[found:], found):
        if any(one in line for one in quoted):
            return number + 1
    return found + 1


def _unknown(written: str, meant: str, settings: Collection[str]) -> str:
    return f"unknown setting {written!r}; {nearest(meant, settings)}"


def nearest(unknown: str, known: Collection[str]) -> str:
    """What to say of a word that is not ``known``: the one that was meant, else all there are."""
    import difflib  # only for a message

    close = difflib.get_close_matches(unknown, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "known are " + ", ".join(known)
