"""A config's own training loop, hooks and optimizer, on made-up images."""

from __future__ import annotations

from typing import Any

from torch.utils.data import Dataset

from . import made_up_batch
from .forward import describe_error
from .mmengine_config import LoadedConfig, Unusable

_BATCHES = 3
_LARGEST_BATCH = 2


def runner(config: LoadedConfig, metadata: dict[str, Any], scratch: str) -> Any:
    """A Runner that writes into ``scratch`` only; raises ``Unusable``.

    It trains on made-up samples with these ``metadata`` (a value of ``None`` is
    made up), validates nothing and keeps no checkpoint.
    """
    from mmengine.registry import RUNNERS
    from mmengine.runner import Runner

    cfg = config.cfg.copy()
    cfg.work_dir = scratch
    cfg.log_level = "ERROR"
    cfg.launcher = "none"
    cfg.visualizer = {"type": "Visualizer", "_scope_": "mmengine"}
    for name in ("val", "test"):
        for part in ("dataloader", "cfg", "evaluator"):
            cfg[f"{name}_{part}"] = None
    hooks = (cfg.get("default_hooks") or {}).items()
    kept = {name: hook for name, hook in hooks if name != "visualization"}
    cfg.default_hooks = {**kept, "checkpoint": None, "logger": None}
    if cfg.get("train_cfg"):
        cfg.train_cfg = _without_validation(cfg.train_cfg)
    if cfg.get("optim_wrapper"):
        cfg.optim_wrapper = _on_cpu(cfg.optim_wrapper)
    cfg.train_dataloader = _made_up(config)
    try:
        cls = RUNNERS.get(cfg.runner_type) if cfg.get("runner_type") else Runner
        made = cls.from_cfg(cfg)
    except Exception as error:  # the config's own hooks and loops are built here
        raise Unusable(f"its Runner cannot be built: {describe_error(error)}") from error
    _MadeUp.model, _MadeUp.metadata = made.model, metadata
    return made


class _MadeUp(Dataset):  # type: ignore[type-arg]
    # Known once the Runner is built; no part of its config, which it writes out.
    model: Any
    metadata: dict[str, Any]

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> dict[str, Any]:
        values = {key: value for key, value in self.metadata.items() if value is not None}
        batch = made_up_batch.Samples(self.model, self.metadata, values).batch(1)
        return {name: values[0] for name, values in batch.items()}


def _made_up(config: LoadedConfig) -> dict[str, Any]:
    # By name: a Runner writes its config out, and could not write an object.
    from mmengine.registry import DATASETS

    DATASETS.register_module("bn2gn_made_up", force=True, module=_MadeUp)
    loader = config.cfg.get("train_dataloader")
    size = loader.get("batch_size") if isinstance(loader, dict) else None
    size = min(size or _LARGEST_BATCH, _LARGEST_BATCH)
    made_up = {"type": "bn2gn_made_up", "length": size * _BATCHES}
    return {
        "batch_size": size,
        "num_workers": 0,
        "dataset": {**made_up, "_scope_": "mmengine"},
        "sampler": {"type": "DefaultSampler", "shuffle": False, "_scope_": "mmengine"},
        "collate_fn": {"type": "pseudo_collate"},
    }


def _without_validation(train_cfg: Any) -> Any:
    return {key: value for key, value in train_cfg.items() if key != "dynamic_intervals"}


def _on_cpu(wrapper: Any) -> Any:
    """Mixed precision needs a GPU; which parameters train is the same without it."""
    if isinstance(wrapper, dict) and wrapper.get("type") == "AmpOptimWrapper":
        kept = {key: value for key, value in wrapper.items() if key not in ("dtype", "loss_scale")}
        return {**kept, "type": "OptimWrapper"}
    return wrapper
