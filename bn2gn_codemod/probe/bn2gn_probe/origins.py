"""Remembers which lines of the repository made each norm layer."""

from __future__ import annotations

import functools
import weakref
from typing import Any, Callable

import torch
from torch.nn.modules import batchnorm, normalization

from .tree import Tree, stack

_DEPTH = 16  # frames kept: helper, constructor, factory, ... as far as the model's own
_origins: weakref.WeakKeyDictionary[Any, list[dict[str, Any]]] = weakref.WeakKeyDictionary()


def record(tree: Tree) -> None:
    """From now on, remember where norm layers are constructed."""
    for base in (batchnorm._NormBase, normalization.GroupNorm, normalization.LayerNorm):
        base.__init__ = _recording(base.__init__, tree)  # type: ignore[method-assign]


def of(module: torch.nn.Module) -> list[dict[str, Any]]:
    """The frames of ``module``, innermost first; empty when it was not seen being made."""
    return _origins.get(module, [])


def _recording(original: Callable[..., None], tree: Tree) -> Callable[..., None]:
    @functools.wraps(original)
    def __init__(self: torch.nn.Module, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        _origins[self] = _frames(self, tree)

    return __init__


def _frames(module: torch.nn.Module, tree: Tree) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for frame in stack(2):
        path = tree.relative(frame.f_code.co_filename)
        # A subclass's own __init__ is how the layer is made, not where.
        if path is not None and frame.f_locals.get("self") is not module:
            line, function = frame.f_lineno, frame.f_code.co_name
            found.append({"path": path, "line": line, "function": function})
            if len(found) == _DEPTH:
                break
    return found
