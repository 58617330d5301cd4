"""Settings: ``[tool.bn2gn]`` of ``pyproject.toml``, each also a command-line flag."""

from __future__ import annotations

import dataclasses
import difflib
import re
import sys
import typing
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from bn2gn_codemod.problem import Problem


def _described(help: str, *, default: Any = (), metavar: str | None = None) -> Any:
    return dataclasses.field(default=default, metadata={"help": help, "metavar": metavar})


@dataclasses.dataclass(frozen=True)
class Settings:
    """What steers survey, plan and rewrite.

    ``backbone`` and ``convert`` name classes (``ResNet``), attributes
    (``PoseResNet.base_layer``), dotted paths (``lib.models.dla.DLA``) or globs
    of them. ``exclude`` are gitignore-style patterns of files.
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
            return "a list of strings"
        return "a whole number of 1 or more" if self.type is int else "a string"

    def accepted(self, value: object) -> Any:
        """The value as ``Settings`` holds it; ``ValueError`` when it is not acceptable."""
        if self.choices:
            good = value in self.choices
        elif self.type is tuple:
            good = isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value)
        elif self.type is int:
            good = isinstance(value, int) and not isinstance(value, bool) and value >= 1
        else:
            good = isinstance(value, str) and bool(value)
        if not good:
            raise ValueError(f"{self.key} must be {self.wanted}")
        return tuple(value) if self.type is tuple else value  # type: ignore[arg-type]


def _setting(field: dataclasses.Field[Any], hint: Any) -> Setting:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    return Setting(
        key=field.name.replace("_", "-"),
        field=field.name,
        default=field.default,
        help=field.metadata["help"],
        metavar=field.metadata["metavar"],
        type=tuple if origin is tuple else hint if hint is int else str,
        choices=arguments if origin is Literal else (),
    )


def known() -> tuple[Setting, ...]:
    """Every setting there is, in the order of ``Settings``."""
    hints = typing.get_type_hints(Settings)
    return tuple(_setting(field, hints[field.name]) for field in dataclasses.fields(Settings))


# Tables below [tool.bn2gn] that other commands read.
SUBTABLES = ("audit", "verify")


def load(root: Path, file: Path | None = None) -> Settings:
    """The settings of the repository at ``root``.

    ``file`` is another settings file, named by the user: a ``pyproject.toml``,
    or a TOML file with the settings at its top level. Raises ``Problem`` for a
    file that cannot be read, an unknown setting or a wrong value.
    """
    source, text, table = _source(root, file)
    values = {}
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
    return Settings(**values)


def load_subtable(root: Path, name: str, file: Path | None = None) -> Any:
    """What ``[tool.bn2gn.<name>]`` or ``[[tool.bn2gn.<name>]]`` holds, ``[]`` if there is none.

    ``root`` and ``file`` as for ``load``; raises ``Problem`` for a file that
    cannot be read.
    """
    return _source(root, file)[2].get(name, [])


def merge(settings: Settings, flags: Mapping[str, Any]) -> Settings:
    """``settings`` with the flags that were given; a flag replaces the file's value.

    ``flags`` maps field names to values; ``None`` and ``()`` stand for a flag
    that was not given. Raises ``Problem`` for an unknown setting or a wrong value.
    """
    fields = [setting.field for setting in known()]
    for name in flags:
        if name not in fields:
            raise Problem(_unknown(name, name.replace("-", "_"), fields))
    given = {}
    for setting in known():
        value = flags.get(setting.field)
        if value is None or value == ():
            continue
        try:
            given[setting.field] = setting.accepted(value)
        except ValueError as error:
            raise Problem(f"--{error}, not {value!r}") from None
    return dataclasses.replace(settings, **given)


def _source(root: Path, file: Path | None) -> tuple[Path, str, dict[str, Any]]:
    """The settings file, its text and its table; empty where there is no file."""
    source = file if file is not None else root / "pyproject.toml"
    if file is None and not source.is_file():
        return source, "", {}
    text = _read(source)
    return source, text, _table(source, text, required=file is not None)


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
        line, message = (f":{found[2]}", found[1]) if found else ("", str(error))
        raise Problem(f"{source}{line}: not valid TOML: {message}") from None


def _line_of(key: str, text: str) -> int:
    """The line that sets ``key``; the TOML parsers do not say, so this looks for it."""
    lines = text.splitlines()
    header = re.compile(r"\s*\[+\s*tool\s*\.\s*bn2gn\b")
    start = next((n for n, line in enumerate(lines) if header.match(line)), 0)
    sets = re.compile(rf"""\s*\[*(tool\.)?(bn2gn\.)?["']?{re.escape(key)}["']?\s*(=|\])""")
    found = (n for n, line in enumerate(lines[start:], start + 1) if sets.match(line))
    return next(found, start + 1)


def _unknown(written: str, meant: str, settings: Collection[str]) -> str:
    return f"unknown setting {written!r}; {nearest(meant, settings)}"


def nearest(unknown: str, known: Collection[str]) -> str:
    """What to say of a word that is not ``known``: the one that was meant, else all there are."""
    close = difflib.get_close_matches(unknown, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "known are " + ", ".join(known)
