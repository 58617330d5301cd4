"""One training step: what moves, and what must not."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

import torch
from torch import nn

from .forward import describe_error, leaves, random_inputs, with_batch
from .freezing import Freezer, frozen_tensors

_LEARNING_RATE = 1e-3
_EPSILON = 1e-8


def take(model: nn.Module, shapes: list[list[int]], freezer: Freezer) -> dict[str, Any]:
    """Train ``model`` for one step at batch 1, in the mode that freeze and guard leave it in."""
    result: dict[str, Any] = {"error": ""}
    try:
        freezer.train(model)
        frozen = copies(frozen_tensors(model))
        trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
        before = copies(trainable)
        loss = _loss(model(*random_inputs(with_batch(shapes, 1), seed=1)))
        loss.backward()  # type: ignore[no-untyped-call]
        without_gradient = [name for name, p in trainable.items() if not has_gradient(p)]
        _step(trainable.values())
        changed = set(differing(before, trainable))
        result["frozen"] = len(frozen)
        result["frozen_changed"] = differing(frozen, frozen_tensors(model))
        result["changed"] = sorted(changed)
        result["without_gradient"] = without_gradient
        result["unchanged"] = sorted(set(trainable) - changed - set(without_gradient))
    except Exception as error:
        result["error"] = describe_error(error)
    return result


def _step(parameters: Iterable[nn.Parameter]) -> None:
    """What the first step of Adam does.

    The first optimizer that is made imports torch's compiler, which takes longer
    than to build and train a small model.
    """
    with torch.no_grad():
        for parameter in parameters:
            if parameter.grad is not None:
                gradient = parameter.grad.to_dense()
                parameter.sub_(_LEARNING_RATE * gradient / (gradient.abs() + _EPSILON))


def copies(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in tensors.items()}


def differing(before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor]) -> list[str]:
    """The names whose tensors are no longer bit-for-bit the same (NaN equals NaN)."""
    return [name for name, old in before.items() if not _same(old, after[name].detach())]


def has_gradient(parameter: torch.Tensor) -> bool:
    """Whether it got a gradient that is not all zero."""
    return parameter.grad is not None and bool((parameter.grad != 0).any())


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return bool(((a == b) | ((a != a) & (b != b))).all())


def _loss(output: Any) -> torch.Tensor:
    parts = []
    generator = torch.Generator().manual_seed(0)
    for _, leaf in leaves(output):
        if isinstance(leaf, torch.Tensor) and leaf.requires_grad and leaf.is_floating_point():
            # Random weights: a plain mean of normalised values has no gradient.
            noise = torch.randn(leaf.shape, generator=generator)
            parts.append((leaf.float() * noise).mean())
    if not parts:
        raise RuntimeError("no output of the model depends on a trainable parameter")
    return torch.stack(parts).sum()
