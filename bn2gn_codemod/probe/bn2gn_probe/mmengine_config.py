"""An MMEngine config as MMEngine itself reads it, and the model that it builds."""

from __future__ import annotations

import os
import re
from typing import Any

from torch import nn

from . import forward


class Unusable(Exception):
    """The config cannot be read or builds nothing; the message is one line."""


class LoadedConfig:
    """A config file with its bases.

    ``skipped`` are the weights that are not loaded, by the part of the model
    that they are for.
    """

    def __init__(self, path: str) -> None:
        try:
            from mmengine.config import Config
        except ImportError as error:
            raise Unusable(f"mmengine cannot be imported: {error}") from error
        try:
            self.cfg = Config.fromfile(path)
        except Exception as error:  # a config is code and may raise anything
            raise Unusable(_first_line(error)) from error
        self.skipped: dict[str, str] = {}

    def values(self) -> Any:
        """The whole config as JSON; classes by name."""
        return plain(self.cfg.to_dict())

    def without_weights(self) -> None:
        """Take out what would be downloaded or is not there: the rest can be built."""
        if isinstance(self.cfg.get("model"), dict):
            self.skipped.update(_without_weights(self.cfg.model, ""))
        start = self.cfg.get("load_from")
        if start and not os.path.isfile(start):
            self.skipped[""] = start
            self.cfg.load_from = None
        self.cfg.resume = False

    def build_model(self) -> nn.Module:
        """The model; raises ``Unusable``."""
        from mmengine.registry import MODELS, init_default_scope

        if not isinstance(self.cfg.get("model"), dict):
            raise Unusable("the config has no model")
        try:
            init_default_scope(self.cfg.get("default_scope") or "mmengine")
            model = MODELS.build(self.cfg.model)
        except Exception as error:
            raise Unusable(f"its model cannot be built: {_reason(error)}") from error
        if not isinstance(model, nn.Module):
            raise Unusable("its model is no torch module")
        return model


def plain(value: Any) -> Any:
    """``value`` as JSON: classes and functions by name, anything else strange as text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return getattr(value, "__name__", None) or str(value)


def _without_weights(part: Any, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if isinstance(part, dict):
        init = part.get("init_cfg")
        weights = init.get("checkpoint") if isinstance(init, dict) else None
        if isinstance(weights, str) and not os.path.isfile(weights):
            found[name] = weights
            part["init_cfg"] = None
        for key, value in part.items():
            found.update(_without_weights(value, f"{name}.{key}" if name else str(key)))
    elif isinstance(part, (list, tuple)):
        for index, value in enumerate(part):
            found.update(_without_weights(value, f"{name}.{index}"))
    return found


def _reason(error: BaseException) -> str:
    """An error as one line; what MMEngine says of a type that it does not know, in short."""
    text = forward.describe_error(error)
    unknown = re.search(r"([\w.]+) is not in the (\S+) registry", text)
    return f"{unknown[1]} is not registered in {unknown[2]}" if unknown else text


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else ""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ImportError) and str(cause) not in text:
        text = f"{text.split('{')[0].strip()}: {cause}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
