"""Deformable convolutions without their compiled kernels.

A plain convolution takes their place: the same signature, the same output
shape, and where the repository defines the class itself, the same parameters.
"""

from __future__ import annotations

import re
import sys
from typing import Any, Callable

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.utils import _pair

from .tree import Tree

_NAME = re.compile(
    r"(modulated)?(deform(able)?)conv(2d)?(v\d)?(pack)?(plus)?(module)?(function)?"
    r"|m?dcn(v\d)?(2d)?(sep|pack|layer|conv)*",
    re.IGNORECASE,
)
# Name (without underscores) -> place of weight and bias among the arguments.
_FUNCTIONS = {
    "dcnv2conv": (3, 4),
    "modulateddeformconv": (3, 4),
    "modulateddeformconv2d": (3, 4),
    "deformconv": (2, None),
}


def is_name(name: str) -> bool:
    """Whether ``name`` is one of those that deformable convolutions go by."""
    return _NAME.fullmatch(name.replace("_", "")) is not None


def make(name: str) -> Any:
    """A class or function for ``name``; ``None`` when it is not a deformable convolution."""
    if not is_name(name):
        return None
    if name[0].isupper():
        return type(name, (_Convolution,), {"_offsets": _offsets(name)})
    return _function(name)


class _Convolution(nn.Module):
    _offsets: str | None = None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        *others: Any,
        groups: int = 1,
        bias: bool = True,
        **more: Any,
    ) -> None:
        super().__init__()
        del others, more  # deformable groups and the like: no part of the output's shape
        size = _pair(kernel_size)
        self.stride, self.padding = _pair(stride), _pair(padding)
        self.dilation, self.groups = _pair(dilation), groups
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *size))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        self.register_parameter("bias", nn.Parameter(torch.zeros(out_channels)) if bias else None)
        if self._offsets:
            offsets = nn.Conv2d(in_channels, 3 * size[0] * size[1], size, stride, padding)
            nn.init.zeros_(offsets.weight)
            setattr(self, self._offsets, offsets)

    def forward(self, input: torch.Tensor, *others: Any, **more: Any) -> torch.Tensor:
        return _convolve(self, input)


def _offsets(name: str) -> str | None:
    if name.endswith("Pack"):
        return "conv_offset"
    return "conv_offset_mask" if name == "DCN" else None


def _convolve(module: Any, input: torch.Tensor) -> torch.Tensor:
    return functional.conv2d(
        input,
        module.weight,
        getattr(module, "bias", None),
        getattr(module, "stride", 1),
        getattr(module, "padding", 0),
        getattr(module, "dilation", 1),
        getattr(module, "groups", 1),
    )


def _function(name: str) -> Callable[..., torch.Tensor]:
    key = name.replace("_", "").lower()

    def convolve(input: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        given = (input, *args)
        weight_at, bias_at = _FUNCTIONS.get(key, (2, None))
        if key == "deformconv2d" and len(given) > 3 and not isinstance(given[3], (int, tuple)):
            bias_at = 3  # torchvision's order, where a bias follows the weight
        after = (bias_at or weight_at) + 1
        geometry = list(given[after : after + 3])
        for place, keyword in enumerate(("stride", "padding", "dilation")):
            if len(geometry) == place:
                geometry.append(kwargs.get(keyword, (1, 0, 1)[place]))
        weight = given[weight_at] if len(given) > weight_at else kwargs["weight"]
        bias = given[bias_at] if bias_at and len(given) > bias_at else kwargs.get("bias")
        stride, padding, dilation = geometry
        return functional.conv2d(input, weight, bias, stride, padding, dilation)

    convolve.__name__ = name
    return convolve


def repair(tree: Tree, without_kernels: set[str]) -> set[str]:
    """Let the repository's own deformable convolutions run without their kernels.

    ``without_kernels`` are folders (relative to the root) of files that import
    a missing compiled module. Classes defined there keep their parameters.
    Gives the folders in which there was something to repair.
    """
    repaired: set[str] = set()
    for module in list(sys.modules.values()):
        path = tree.relative(getattr(module, "__file__", None) or "<none>")
        folder = path.rpartition("/")[0] if path is not None else None
        if folder is None or folder not in without_kernels:
            continue
        for name, value in list(vars(module).items()):
            if not is_name(name):
                continue
            if isinstance(value, type) and issubclass(value, nn.Module):
                if value.__module__ == module.__name__:
                    _replace_forward(value)
                    repaired.add(folder)
            elif not isinstance(value, type) and callable(value):
                setattr(module, name, _function(name))
                repaired.add(folder)
    return repaired


def _replace_forward(cls: Any) -> None:
    original = cls.forward
    if getattr(original, "without_kernels", False):
        return

    def forward(self: nn.Module, input: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        weight = getattr(self, "weight", None)
        if isinstance(weight, torch.Tensor) and weight.dim() == 4:
            return _convolve(self, input)
        return original(self, input, *args, **kwargs)

    forward.without_kernels = True  # type: ignore[attr-defined]
    cls.forward = forward
