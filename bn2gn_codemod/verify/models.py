"""Which models to build: from the command line or from the settings."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bn2gn_codemod import settings
from bn2gn_codemod.problem import Problem

_FACTORY = re.compile(r"[\w.]+:[\w.]+")
_KEYS = ("model", "args", "kwargs", "input", "checkpoint")

Where = Callable[[str], str]  # what a message on a key begins with


@dataclasses.dataclass(frozen=True)
class ModelRequest:
    """One model to build: ``module:factory`` and what to call it with.

    ``inputs`` are shapes of random tensors that forward takes, in elements,
    batch first; empty: guessed. ``checkpoint`` is an absolute path.
    """

    factory: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    inputs: tuple[tuple[int, ...], ...] = ()
    checkpoint: str | None = None

    @property
    def module(self) -> str:
        return self.factory.partition(":")[0]


def named(model: Mapping[str, Any], checkpoint: Path | None = None) -> tuple[ModelRequest, ...]:
    """The model that the command line names (``options.of_model``), none if it names none."""
    if model["factory"]:
        return (from_options(**model, checkpoint=checkpoint),)
    if checkpoint is not None:
        raise Problem("--checkpoint: name the model that it belongs to with --model")
    for field, option in (("args", "--args"), ("kwargs", "--kwargs"), ("inputs", "--input")):
        if model[field]:
            raise Problem(f"{option}: name the model that it is for with --model")
    return ()


def from_options(
    factory: str,
    args: str | None,
    kwargs: str | None,
    inputs: Sequence[str],
    checkpoint: Path | None,
) -> ModelRequest:
    """The model of ``--model``, ``--args``, ``--kwargs``, ``--input``, ``--checkpoint``."""
    table = {
        "model": factory,
        "args": _json("--args", args, []),
        "kwargs": _json("--kwargs", kwargs, {}),
        "input": list(inputs),
        "checkpoint": None if checkpoint is None else str(checkpoint),
    }
    return _request(table, "--{}".format, Path())


def from_settings(root: Path, file: Path | None = None) -> tuple[ModelRequest, ...]:
    """The models listed under ``[[tool.bn2gn.verify]]``."""
    listed = settings.load_subtable(root, "verify", file)
    tables = listed.value
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise Problem(f"{listed.place()}has to be a list of tables, [[tool.bn2gn.verify]]")
    return tuple(
        _request(table, functools.partial(listed.place, number=number), root)
        for number, table in enumerate(tables)
    )


def _request(table: Mapping[str, Any], where: Where, root: Path) -> ModelRequest:
    for key in table:
        if key not in _KEYS:
            raise Problem(f"{where(key)}: unknown; {settings.nearest(key, _KEYS)}")
    factory = table.get("model")
    if not isinstance(factory, str) or not _FACTORY.fullmatch(factory):
        raise Problem(
            f"{where('model')} has to be of the form package.module:factory, not {factory!r}"
        )
    args, kwargs = table.get("args", []), table.get("kwargs", {})
    if not isinstance(args, list):
        names = "; names and values are kwargs" if isinstance(args, dict) else ""
        raise Problem(f"{where('args')} has to be a list, not {args!r}{names}")
    if not isinstance(kwargs, dict):
        raise Problem(f"{where('kwargs')} has to be a table of names and values, not {kwargs!r}")
    return ModelRequest(
        factory,
        tuple(args),
        kwargs,
        _shapes(table.get("input", []), where),
        _checkpoint(table.get("checkpoint"), where, root),
    )


def _checkpoint(value: Any, where: Where, root: Path) -> str | None:
    if value is None:
        return None
    path = (root / str(value)).absolute()
    if not path.is_file():
        raise Problem(f"{where('checkpoint')} {value}: no such file")
    return str(path)


def _shapes(value: Any, where: Where) -> tuple[tuple[int, ...], ...]:
    """``"1,3,64,64"``, ``[1, 3, 64, 64]``, or a list of such for several inputs."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list) and value and all(isinstance(item, int) for item in value):
        value = [value]
    if not isinstance(value, list):
        raise Problem(f"{where('input')} has to be a shape such as 1,3,64,64, not {value!r}")
    return tuple(_shape(item, where) for item in value)


def _shape(value: Any, where: Where) -> tuple[int, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    try:
        shape = tuple(int(part) for part in parts)
    except (TypeError, ValueError):
        shape = ()
    if not shape or min(shape) < 1:
        raise Problem(f"{where('input')} has to be a shape such as 1,3,64,64, not {value!r}")
    return shape


def _json(option: str, text: str | None, default: Any) -> Any:
    if text is None:
        return default
    try:
        return json.loads(text)
    except ValueError as error:
        like = """'["DLA", 34]'""" if isinstance(default, list) else """'{"depth": 34}'"""
        raise Problem(f"{option} {text}: not valid JSON, such as {like}: {error}") from None
