"""A live model as plain data."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn
from torch.nn.modules import batchnorm, normalization

from . import origins, weights
from .tree import Tree

_NORMS = (
    batchnorm._NormBase,
    normalization.GroupNorm,
    normalization.LayerNorm,
    normalization.LocalResponseNorm,
) + ((nn.RMSNorm,) if hasattr(nn, "RMSNorm") else ())


def model(root: nn.Module, tree: Tree) -> dict[str, Any]:
    """Everything static about ``root``: modules, parameters, state dict."""
    return {
        "class_": class_name(root),
        "path": tree.relative(_file(type(root))) or "",
        "modules": [_module(name, module) for name, module in root.named_modules()],
        "parameters": [_parameter(name, value) for name, value in root.named_parameters()],
        "state": _state(root),
    }


def class_name(value: object) -> str:
    """The qualified name of an object's class."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def is_batch_norm(module: nn.Module) -> bool:
    """Whether it normalises over the batch: BatchNorm of any kind, SyncBatchNorm."""
    return is_norm(module) and "BatchNorm" in _kind(module)


def is_norm(module: nn.Module) -> bool:
    return isinstance(module, _NORMS)


def _file(cls: type) -> str:
    try:
        return inspect.getsourcefile(cls) or "<none>"
    except (TypeError, OSError):
        return "<none>"


def _module(name: str, module: nn.Module) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "class_": class_name(module),
        "training": module.training,
    }
    if is_norm(module):
        found["norm"] = _norm(module)
        found["origin"] = origins.of(module)
    return found


def _norm(module: Any) -> dict[str, Any]:
    channels = getattr(module, "num_features", getattr(module, "num_channels", None))
    return {
        "kind": _kind(module),
        "channels": channels if isinstance(channels, int) else 0,
        "groups": getattr(module, "num_groups", None),
        "eps": getattr(module, "eps", 0.0) or 0.0,
        "affine": getattr(module, "weight", None) is not None,
        "track_running_stats": bool(getattr(module, "track_running_stats", False)),
        "statistics": _statistics(module),
    }


def _kind(module: nn.Module) -> str:
    for cls in type(module).__mro__:
        if cls.__module__.startswith("torch."):
            return cls.__name__
    return type(module).__name__


def _statistics(module: Any) -> str:
    mean = getattr(module, "running_mean", None)
    var = getattr(module, "running_var", None)
    if mean is None or var is None or nn.parameter.is_lazy(mean):
        return ""
    seen = getattr(module, "num_batches_tracked", None)
    if (seen is None or int(seen) == 0) and not mean.any() and bool((var == 1).all()):
        return "skipped" if weights.were_skipped_for(module) else "untrained"
    return "trained"


def _shape(value: Any) -> list[int]:
    return [] if nn.parameter.is_lazy(value) else list(value.shape)


def scalar(value: nn.Parameter) -> float | None:
    """The value of a parameter of one element, ``None`` for any other."""
    if nn.parameter.is_lazy(value) or value.numel() != 1:
        return None
    return float(value.detach().reshape(()))


def _parameter(name: str, value: nn.Parameter) -> dict[str, Any]:
    return {
        "name": name,
        "shape": _shape(value),
        "dtype": str(value.dtype).replace("torch.", ""),
        "requires_grad": value.requires_grad,
        "value": scalar(value),
    }


def _state(root: nn.Module) -> list[dict[str, Any]]:
    parameters = {name for name, _ in root.named_parameters(**_all_names(root))}
    buffers = {name for name, _ in root.named_buffers(**_all_names(root))}
    found = []
    for key, value in root.state_dict().items():
        if isinstance(value, torch.Tensor):
            kind = "parameter" if key in parameters else "buffer" if key in buffers else "other"
            dtype = str(value.dtype).replace("torch.", "")
            found.append({"key": key, "shape": _shape(value), "dtype": dtype, "kind": kind})
    return found


def _all_names(root: nn.Module) -> dict[str, Any]:
    # Shared tensors have a key for each of their names; torch < 2 cannot list them.
    known = inspect.signature(root.named_parameters).parameters
    return {"remove_duplicate": False} if "remove_duplicate" in known else {}
