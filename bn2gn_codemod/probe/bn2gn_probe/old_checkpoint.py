"""Loads a checkpoint of before into the model, as a train script would."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .forward import describe_error

_KEYS = ("state_dict", "model", "model_state_dict")
_PREFIXES = ("module.", "_orig_mod.")


def load(model: nn.Module, path: str) -> dict[str, Any]:
    """``strict=False``, read with ``weights_only=True``; what was skipped on both sides."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = describe_error(error)
        return {"error": f"{path} cannot be read with weights_only=True: {reason}"}
    try:
        state = _state_dict(checkpoint)
        result = model.load_state_dict(state, strict=False)
    except Exception as error:
        return {"error": describe_error(error)}
    return {
        "error": "",
        "missing": list(result.missing_keys),
        "unexpected": list(result.unexpected_keys),
    }


def _state_dict(checkpoint: Any) -> dict[str, torch.Tensor]:
    for key in _KEYS:
        if isinstance(checkpoint, dict) and isinstance(checkpoint.get(key), dict):
            checkpoint = checkpoint[key]
            break
    tensors = checkpoint if isinstance(checkpoint, dict) else {}
    tensors = {k: v for k, v in tensors.items() if isinstance(v, torch.Tensor)}
    if not tensors:
        raise ValueError("holds no state dict")
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in tensors):
            tensors = {key[len(prefix) :]: value for key, value in tensors.items()}
    return tensors
