"""Keeps code that asks for a GPU on the CPU when there is none."""

from __future__ import annotations

from typing import Any, Callable

import torch

try:
    from torch.overrides import TorchFunctionMode
except ImportError:  # torch < 1.13
    TorchFunctionMode = None  # type: ignore[assignment, misc]

_NOTHING_TO_DO = (
    "synchronize",
    "set_device",
    "init",
    "reset_max_memory_allocated",
    "reset_peak_memory_stats",
)


def install() -> None:
    """Make ``.cuda()``, ``.to("cuda")`` and ``device="cuda"`` mean the CPU."""
    if torch.cuda.is_available():
        return
    for name in _NOTHING_TO_DO:
        if hasattr(torch.cuda, name):
            setattr(torch.cuda, name, _doing_nothing())
    torch.cuda.current_device = lambda: 0
    if TorchFunctionMode is not None:
        _OnCpu().__enter__()  # type: ignore[no-untyped-call]  # for good
    else:
        _patch_methods()


def _doing_nothing() -> Callable[..., None]:
    # A new function each time: torch.compile keeps tables of functions by identity.
    return lambda *args, **kwargs: None


def _is_cuda(device: Any) -> bool:
    if isinstance(device, str):
        return device.partition(":")[0] == "cuda"
    return isinstance(device, torch.device) and device.type == "cuda"


def _is_ordinal(device: Any) -> bool:
    return isinstance(device, int) and not isinstance(device, bool)


def _on_cpu(device: Any) -> Any:
    return "cpu" if _is_cuda(device) or _is_ordinal(device) else device


if TorchFunctionMode is not None:

    class _OnCpu(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = dict(kwargs or {})
            if func is torch.Tensor.cuda or func is torch.Tensor.pin_memory:
                return args[0]
            if func is torch.Tensor.to:
                args = args[:1] + tuple(_on_cpu(argument) for argument in args[1:])
            if kwargs.get("device") is not None:
                kwargs["device"] = _on_cpu(kwargs["device"])
            return func(*args, **kwargs)


def _patch_methods() -> None:
    to = torch.Tensor.to

    def tensor_to(self: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        if kwargs.get("device") is not None:
            kwargs["device"] = _on_cpu(kwargs["device"])
        return to(self, *(_on_cpu(argument) for argument in args), **kwargs)

    torch.Tensor.to = tensor_to  # type: ignore[assignment, method-assign]
    torch.Tensor.cuda = _itself  # type: ignore[method-assign]
    torch.nn.Module.cuda = _itself  # type: ignore[method-assign]


def _itself(self: Any, *args: Any, **kwargs: Any) -> Any:
    return self
