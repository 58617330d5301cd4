"""Settings: ``[tool.bn2gn]`` of ``pyproject.toml``, each also a command-line flag."""

from __future__ import annotations

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Settings:
    """What steers survey, plan and rewrite.

    ``backbone`` and ``convert`` name classes (``ResNet``), attributes
    (``PoseResNet.base_layer``), dotted paths (``lib.models.dla.DLA``) or globs
    of them. ``exclude`` are gitignore-style patterns of files.
    """

    backbone: tuple[str, ...] = ()
    convert: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    norms: tuple[str, ...] = ("BatchNorm2d",)
    groups: int = 32
    min_channels_per_group: int = 1
    shared_module: str | None = None
    init_loop: Literal["extend", "inject"] = "extend"
    freeze: Literal["bn", "backbone", "none"] = "bn"
    guard: Literal["auto", "loop", "model"] = "auto"
