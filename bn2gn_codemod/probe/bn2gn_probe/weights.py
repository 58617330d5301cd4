"""Pretrained weights: from the local cache, or skipped and said so.

A skipped download gives a state dict with one marked entry. Loading it, or
anything that was filtered out of it, leaves the module as it is.
"""

from __future__ import annotations

import collections
import functools
import os
import urllib.error
import urllib.request
import weakref
from typing import Any, Callable
from urllib.parse import urlparse

import torch
import torch.hub
import torch.utils.model_zoo

from . import after_import

_MARK = "bn2gn_skipped_weights"
_CLASSES = 1000  # of ImageNet: code asks the last entry how many there are

skipped: list[str] = []
_unfilled: weakref.WeakSet[torch.nn.Module] = weakref.WeakSet()


def install() -> None:
    """From now on, download nothing."""
    load = _cached_or_skipped(torch.hub.load_state_dict_from_url)
    torch.hub.load_state_dict_from_url = load
    torch.utils.model_zoo.load_url = load  # type: ignore[attr-defined]
    torch.hub.download_url_to_file = _refuse
    urllib.request.urlopen = _refuse
    os.environ["HF_HUB_OFFLINE"] = "1"
    torch.nn.Module.load_state_dict = _loading(  # type: ignore[method-assign]
        torch.nn.Module.load_state_dict
    )
    after_import.call("timm", _wrap_timm)  # whose downloads take another way


def were_skipped_for(module: torch.nn.Module) -> bool:
    """Whether skipped weights would have filled ``module`` or one around it."""
    return module in _unfilled


def _cached_or_skipped(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def load_state_dict_from_url(url: str, *args: Any, **kwargs: Any) -> Any:
        folder = kwargs.get("model_dir") or (args[0] if args else None)
        folder = folder or os.path.join(torch.hub.get_dir(), "checkpoints")
        name = kwargs.get("file_name") or os.path.basename(urlparse(url).path)
        if os.path.exists(os.path.join(folder, name)):
            return original(url, *args, **kwargs)
        skipped.append(url)
        return collections.OrderedDict({_MARK: torch.zeros(_CLASSES)})

    return load_state_dict_from_url


def _refuse(url: Any, *args: Any, **kwargs: Any) -> Any:
    address = getattr(url, "full_url", url)
    skipped.append(str(address))
    raise urllib.error.URLError(f"bn2gn downloads nothing: {address}")


def _loading(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def load_state_dict(self: torch.nn.Module, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        if any(isinstance(key, str) and _MARK in key for key in state_dict):
            _unfilled.update(self.modules())
            return torch.nn.modules.module._IncompatibleKeys([], [])
        return original(self, state_dict, *args, **kwargs)

    return load_state_dict


def _wrap_timm(timm: Any) -> None:
    timm.create_model = _without_download(timm.create_model)


def _without_download(create_model: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(create_model)
    def create(name: str, pretrained: bool = False, **kwargs: Any) -> Any:
        if not pretrained:
            return create_model(name, pretrained=False, **kwargs)
        try:
            return create_model(name, pretrained=True, **kwargs)
        except Exception:  # timm and huggingface_hub raise many kinds when offline
            skipped.append(f"timm:{name}")
            model = create_model(name, pretrained=False, **kwargs)
            _unfilled.update(model.modules())
            return model

    return create
