"""Forward passes on random input, in eval mode."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from . import describe

# Tried in turn when nobody said what the model takes: images, larger ones, clips.
_GUESSES = (
    [[1, 3, 64, 64]],
    [[1, 3, 128, 128]],
    [[1, 3, 256, 256]],
    [[1, 2, 3, 64, 64]],
    [[1, 3, 8, 64, 64]],
    [[1, 3, 64]],
    [[1, 3]],
)


def guess_inputs(model: nn.Module) -> list[list[int]] | None:
    """Input shapes that the model takes at batch 1, or ``None``."""
    for shapes in _GUESSES:
        if not passed(model, shapes, 1)["error"]:
            return shapes
    return None


def passed(model: nn.Module, shapes: list[list[int]], batch: int) -> dict[str, Any]:
    """One forward pass with the first dimension of each input set to ``batch``."""
    shapes = with_batch(shapes, batch)
    watch = _NormWatch(model)
    result: dict[str, Any] = {"batch": batch, "inputs": shapes, "error": ""}
    model.eval()
    try:
        with torch.no_grad():
            output = model(*random_inputs(shapes, seed=batch))
        result["outputs"] = [_leaf(path, leaf) for path, leaf in leaves(output)]
    except Exception as error:  # whatever the model raises is the result
        result["error"] = describe_error(error)
    finally:
        watch.stop()
    result["ran"], result["dead"] = sorted(watch.ran), sorted(watch.dead)
    return result


def with_batch(shapes: list[list[int]], batch: int) -> list[list[int]]:
    return [[batch, *shape[1:]] for shape in shapes]


def random_inputs(shapes: list[list[int]], seed: int) -> list[torch.Tensor]:
    """Standard normal tensors of these shapes, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """The leaves of nested dicts, sequences and objects, each with the path to it."""
    if isinstance(value, dict):
        pairs = [(f"[{key!r}]", value[key]) for key in value]
    elif isinstance(value, (list, tuple)):
        pairs = [(f"[{index}]", item) for index, item in enumerate(value)]
    elif isinstance(value, torch.Tensor) or not _holds_tensors(value):
        return [(path, value)]
    else:
        pairs = [(f".{name}", item) for name, item in vars(value).items()]
    return [leaf for step, item in pairs for leaf in leaves(item, path + step)]


def describe_error(error: BaseException) -> str:
    """An exception as one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _holds_tensors(value: Any) -> bool:
    # Result objects of the kind that libraries return; not modules and the like.
    attributes = getattr(value, "__dict__", None) or {}
    return not isinstance(value, (nn.Module, type)) and any(
        isinstance(item, torch.Tensor) for item in attributes.values()
    )


def _leaf(path: str, leaf: Any) -> dict[str, Any]:
    if not isinstance(leaf, torch.Tensor):
        return {"path": path, "type": type(leaf).__name__, "shape": None}
    finite = bool(torch.isfinite(leaf).all()) if leaf.numel() else True
    kind = str(leaf.dtype).replace("torch.", "")
    return {"path": path, "type": kind, "shape": list(leaf.shape), "finite": finite}


class _NormWatch:
    """Which norm layers ran, and which group norms can only give a constant."""

    def __init__(self, model: nn.Module) -> None:
        self.ran: set[str] = set()
        self.dead: set[str] = set()
        self._handles = [
            # Before, not after: on a 1x1 map at batch 1 the layer raises.
            module.register_forward_pre_hook(self._hook(name))
            for name, module in model.named_modules()
            if describe.is_norm(module)
        ]

    def stop(self) -> None:
        for handle in self._handles:
            handle.remove()

    def _hook(self, name: str) -> Any:
        def before(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            self.ran.add(name)
            if isinstance(module, nn.GroupNorm) and inputs and _is_dead(module, inputs[0]):
                self.dead.add(name)

        return before


def _is_dead(module: nn.GroupNorm, input: torch.Tensor) -> bool:
    if input.dim() < 2 or not input.numel():
        return False
    values = input[0].numel() // module.num_groups
    if values == 1:
        return True
    groups = input.reshape(input.shape[0], module.num_groups, values)
    # Constant groups give a constant, whatever the input as a whole does.
    constant = bool((groups == groups[:, :, :1]).all())
    return constant and bool((input != input.reshape(-1)[0]).any())
