"""What a real training run does to its norm layers, gradients and frozen tensors."""

from __future__ import annotations

import collections
import functools
import gc
import os
import sys
from typing import Any, Callable

import torch
from torch import nn
from torch.nn.modules import module as torch_module
from torch.optim import Optimizer

from . import describe, origins
from .channel import Channel
from .training_step import copies, differing, has_gradient
from .tree import Tree


def install(request: dict[str, Any], channel: Channel) -> None:
    """From now on, count optimizer steps and norm layers' forward passes."""
    tree = Tree(request["root"])
    origins.record(tree)
    run = _Run(tree, channel, request["steps"])
    torch_module.register_module_forward_pre_hook(run.on_forward)
    Optimizer.__init__ = _counting(Optimizer.__init__, run)  # type: ignore[method-assign]


class _Run:
    def __init__(self, tree: Tree, channel: Channel, steps: int) -> None:
        self._tree, self._channel, self._steps = tree, channel, steps
        self._pid = os.getpid()
        self._taken = 0
        self._stepping = False
        self._forwards: dict[int, list[int]] = collections.defaultdict(lambda: [0, 0])
        self._before: dict[int, dict[str, torch.Tensor]] = {}  # module -> its own tensors
        self._scalars: dict[int, float] = {}  # parameter of one element -> its first value
        self._optimizers: dict[int, Optimizer] = {}

    def on_forward(self, module: nn.Module, inputs: Any) -> None:
        if not torch.is_grad_enabled():
            return  # validation, as some frameworks do before the first step
        if not self._before:
            self._remember()
        if describe.is_norm(module):
            self._forwards[id(module)][0 if module.training else 1] += 1

    def step(self, optimizer: Optimizer, original: Callable[[], Any]) -> Any:
        if self._stepping or os.getpid() != self._pid:  # a step that calls its base class's
            return original()
        self._stepping = True
        try:
            result = original()
        finally:
            self._stepping = False
        self._optimizers[id(optimizer)] = optimizer
        self._taken += 1
        if self._taken >= self._steps:
            self._report_and_end()
        return result

    def _remember(self) -> None:
        """Keep norm layers' statistics, parameters that are not trained, and learned scalars."""
        for module in _live_modules():
            own = _held_still(module)
            if own:
                self._before[id(module)] = copies(own)
            for parameter in module.parameters(recurse=False):
                value = describe.scalar(parameter)
                if value is not None:
                    self._scalars[id(parameter)] = value
        self._before[0] = {}  # remembered, even when there was nothing

    def _report_and_end(self) -> None:
        try:
            self._channel.send("run", run=self._seen())
        except Exception as error:
            self._channel.send("error", message=repr(error))
        sys.stdout.flush()
        sys.stderr.flush()
        # At once: no checkpoint of an unfinished run is written, no handler can refuse.
        os._exit(0)

    def _seen(self) -> dict[str, Any]:
        model = self._model()
        moved, changed = [], []
        for name, module in model.named_modules():
            before = self._before.get(id(module), {})
            for own in differing(before, _tensors(module)):
                full = f"{name}.{own}" if name else own
                if own in dict(module.named_parameters(recurse=False)):
                    changed.append(full)
                elif name not in moved:
                    moved.append(name)
        snapshot = dict(describe.model(model, self._tree), factory="")
        for found, parameter in zip(snapshot["parameters"], model.parameters()):
            found["value"] = self._scalars.get(id(parameter), found["value"])
        return {
            "pid": self._pid,
            "command": list(sys.argv),
            "steps": self._taken,
            "model": snapshot,
            "optimizers": [_groups(o, model) for o in self._optimizers.values()],
            "norms": [
                {"name": name, "train": self._forwards[id(m)][0], "eval": self._forwards[id(m)][1]}
                for name, m in model.named_modules()
                if describe.is_norm(m)
            ],
            "with_gradient": [n for n, p in model.named_parameters() if has_gradient(p)],
            "frozen_changed": changed,
            "statistics_moved": moved,
        }

    def _model(self) -> nn.Module:
        """The outermost module that holds most of what the optimizers train."""
        trained = {
            id(parameter)
            for optimizer in self._optimizers.values()
            for group in optimizer.param_groups
            for parameter in group["params"]
        }
        modules = _live_modules()
        inner = {id(child) for module in modules for child in module.children()}
        outermost = [module for module in modules if id(module) not in inner] or modules

        def holds(module: nn.Module) -> tuple[int, int]:
            # Of equals, the one that wraps the most: a loss wrapper around the model.
            ids = {id(parameter) for parameter in module.parameters()}
            return len(ids & trained), sum(1 for _ in module.modules())

        return max(outermost, key=holds)


def before_training(model: nn.Module, optimizers: list[Optimizer], tree: Tree) -> dict[str, Any]:
    """As what a run sends, of a model that could not make a step."""
    return {
        "pid": os.getpid(),
        "command": list(sys.argv),
        "steps": 0,
        "model": dict(describe.model(model, tree), factory=""),
        "optimizers": [_groups(optimizer, model) for optimizer in optimizers],
    }


def _groups(optimizer: Optimizer, model: nn.Module) -> dict[str, Any]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = []
    for group in optimizer.param_groups:
        known = [names[id(p)] for p in group["params"] if id(p) in names]
        groups.append(
            {
                "lr": float(group.get("lr") or 0.0),
                "weight_decay": float(group.get("weight_decay") or 0.0),
                "parameters": known,
                "unnamed": len(group["params"]) - len(known),
            }
        )
    return {"class_": describe.class_name(optimizer), "groups": groups}


def _counting(original: Callable[..., None], run: _Run) -> Callable[..., None]:
    @functools.wraps(original)
    def __init__(self: Optimizer, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        cls: Any = type(self)
        if not getattr(cls.step, "is_watched", False):
            cls.step = _watched(cls.step, run)

    return __init__


def _watched(original: Callable[..., Any], run: _Run) -> Callable[..., Any]:
    @functools.wraps(original)
    def step(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        return run.step(self, functools.partial(original, self, *args, **kwargs))

    step.is_watched = True  # type: ignore[attr-defined]
    return step


def _live_modules() -> list[nn.Module]:
    # type(), not isinstance(): lazy proxies must not be woken up.
    return [value for value in gc.get_objects() if issubclass(type(value), nn.Module)]


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = dict(module.named_buffers(recurse=False))
    found.update(module.named_parameters(recurse=False))
    return found


def _held_still(module: nn.Module) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {
        name: value
        for name, value in module.named_parameters(recurse=False)
        if not value.requires_grad
    }
    if describe.is_batch_norm(module):
        found.update(module.named_buffers(recurse=False))
    return found
