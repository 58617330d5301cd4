"""Finds what builds models, fills in its arguments, and calls it."""

from __future__ import annotations

import difflib
import importlib
import inspect
import random
from types import ModuleType
from typing import Any, Iterator

import torch
from torch import nn

_HEADS = {"hm": 1, "wh": 2, "reg": 2}
# What to pass for a parameter of this name: in turn, until one of them works.
_VALUES: dict[str, list[Any]] = {
    "heads": [_HEADS],
    "head_conv": [64],
    "num_classes": [3],
    "n_classes": [3],
    "nclass": [3],
    "classes": [3],
    "nc": [3],
    "num_layers": [34, 18, 50],
    "depth": [50, 18],
    "in_channels": [3],
    "in_chans": [3],
    "n_channels": [3],
    "num_input_channels": [3],
    "output_stride": [16],
    "down_ratio": [4],
}
_WITHOUT_WEIGHTS = {"weights": None}  # every other switch for weights is a boolean
_ATTEMPTS = 6


class Unusable(Exception):
    """A factory that cannot be found or gives no model; the message is one line."""


def resolve(factory: str) -> Any:
    """The callable that ``module:name`` names. Raises ``Unusable``."""
    module, _, name = factory.partition(":")
    if not name:
        raise Unusable(f"{factory!r} is not of the form module:factory")
    value: Any = importlib.import_module(module)
    for part in name.split("."):
        if not hasattr(value, part):
            near = difflib.get_close_matches(part, dir(value), 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise Unusable(f"{module} has no {name}{hint}")
        value = getattr(value, part)
    if not callable(value):
        raise Unusable(f"{factory} is not callable")
    return value


def build(factory: str, args: list[Any], kwargs: dict[str, Any], seed: int = 0) -> nn.Module:
    """The model that a factory gives; the same random weights for the same seed."""
    made = resolve(factory)
    seed_everything(seed)
    model = made(*args, **kwargs)
    if not isinstance(model, nn.Module):
        kind = type(model).__name__
        raise Unusable(f"{factory} gives a {kind}, not a torch.nn.Module")
    return model


def seed_everything(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    try:
        import numpy
    except ImportError:
        return
    numpy.random.seed(seed)


def call_text(args: list[Any], kwargs: dict[str, Any]) -> str:
    """The arguments as they would be written in a call."""
    texts = [repr(value) for value in args]
    return ", ".join(texts + [f"{key}={kwargs[key]!r}" for key in kwargs])


def candidates(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Model classes and functions that ``module`` itself defines, in source order."""
    found = []
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__ or name.startswith("_"):
            continue
        if inspect.isfunction(value) or (isinstance(value, type) and issubclass(value, nn.Module)):
            found.append((_line(value), name, value))
    for _, name, value in sorted(found, key=lambda entry: entry[0]):
        yield name, value


def fillings(candidate: Any) -> Iterator[dict[str, Any]]:
    """Keyword arguments to try; nothing when a parameter cannot be filled in."""
    try:
        parameters = list(inspect.signature(candidate).parameters.values())
    except (TypeError, ValueError):
        return
    fixed: dict[str, Any] = {}
    choices: dict[str, list[Any]] = {}
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
            return
        if _chooses_weights(parameter):
            fixed[parameter.name] = _WITHOUT_WEIGHTS.get(parameter.name, False)
        elif parameter.default is parameter.empty:
            if parameter.name not in _VALUES:
                return
            choices[parameter.name] = _VALUES[parameter.name]
    for attempt in range(min(_ATTEMPTS, max([len(v) for v in choices.values()], default=1))):
        chosen = {name: values[min(attempt, len(values) - 1)] for name, values in choices.items()}
        yield dict(fixed, **chosen)


def _chooses_weights(parameter: inspect.Parameter) -> bool:
    name = parameter.name
    if name in _WITHOUT_WEIGHTS:
        return True
    is_switch = isinstance(parameter.default, bool) or parameter.default is parameter.empty
    return is_switch and (name.startswith("pretrain") or name.endswith("pretrained"))


def _line(value: Any) -> int:
    try:
        return inspect.getsourcelines(value)[1]
    except (OSError, TypeError):
        return 0
