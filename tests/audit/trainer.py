"""``python trainer.py CONFIG``: train for two epochs and print what changed, as JSON.

Runs in an interpreter of its own: MMEngine's registries are global. Under
torchrun every process trains, and the first one prints.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import MODEL_WRAPPERS
from mmengine.runner import Runner


@MODEL_WRAPPERS.register_module()
class DataParallelOnCPU(MMDistributedDataParallel):  # type: ignore[misc]
    """MMEngine itself wants a GPU for each process."""

    def __init__(self, module: Any, device_ids: Any = None) -> None:
        super().__init__(module, broadcast_buffers=False)


def main() -> None:
    sys.path.insert(0, os.getcwd())
    cfg = Config.fromfile(sys.argv[1])
    cfg.work_dir = tempfile.mkdtemp()
    cfg.log_level = "ERROR"
    cfg.default_hooks = {"checkpoint": None, "logger": None}
    if "RANK" in os.environ:
        torch.distributed.init_process_group("gloo")
        cfg.launcher = "pytorch"
        cfg.model_wrapper_cfg = {"type": "DataParallelOnCPU"}
    torch.manual_seed(0)
    runner = Runner.from_cfg(cfg)
    before = {key: value.clone() for key, value in _model(runner).state_dict().items()}
    runner.train()
    if runner.rank == 0:
        after = _model(runner).state_dict()
        same = {key: torch.equal(before[key], after[key]) for key in after}
        trainable = [name for name, p in _model(runner).named_parameters() if p.requires_grad]
        held = _held(runner)
        print(json.dumps({"same": same, "trainable": trainable, "held": held, "iter": runner.iter}))


def _model(runner: Any) -> Any:
    return getattr(runner.model, "module", runner.model)


def _held(runner: Any) -> list[str]:
    """The names of the parameters that are in the optimizer."""
    names = {id(parameter): name for name, parameter in _model(runner).named_parameters()}
    groups = runner.optim_wrapper.optimizer.param_groups
    return [names[id(parameter)] for group in groups for parameter in group["params"]]


if __name__ == "__main__":
    main()
