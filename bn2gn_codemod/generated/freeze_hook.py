"""The MMEngine hook that freezes parameters for real."""

from __future__ import annotations

import ast

CLASS = "FreezeHook"
MODULE = "freeze_hook"

DEFINITION = '''\
"""Freezing parts of a model by name."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import HOOKS
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel


@HOOKS.register_module()
class FreezeHook(Hook):
    """Freezes every parameter whose name contains one of `names`.

    As in `custom_keys`, the longest match decides: a name in `trained` that is
    longer keeps what it matches trainable. BatchNorm layers of the frozen part
    stay in eval mode, because without it their running statistics would move.
    """

    def __init__(self, names, trained=()):
        self.names = set(names)
        self.keys = sorted(sorted({*names, *trained}), key=len, reverse=True)
        self.norms = []

    def is_frozen(self, name):
        """Whether the parameter of this dotted name is frozen."""
        return next((key for key in self.keys if key in name), None) in self.names

    def before_run(self, runner):
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        frozen = [(name, p) for name, p in model.named_parameters() if self.is_frozen(name)]
        if not frozen:
            raise ValueError(f'FreezeHook: no parameter is named {sorted(self.names)}')
        for _, parameter in frozen:
            parameter.requires_grad_(False)
        self.norms = [
            module for name, module in model.named_modules()
            if isinstance(module, _BatchNorm) and self.is_frozen(f'{name}.weight')
        ]
        self.leave_optimizer(runner.optim_wrapper)
        if isinstance(runner.model, DistributedDataParallel):
            # It waits for all gradients that were due when it was made.
            runner.model = runner.wrap_model(runner.cfg.get('model_wrapper_cfg'), model)

    def leave_optimizer(self, wrapper):
        """Take frozen parameters out of the optimizer, which is built before any hook runs."""
        if isinstance(wrapper, OptimWrapperDict):
            for inner in wrapper.values():
                self.leave_optimizer(inner)
        elif isinstance(wrapper, OptimWrapper):
            for group in wrapper.optimizer.param_groups:
                group['params'] = [p for p in group['params'] if p.requires_grad]

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        # The loop calls model.train() after before_train_epoch.
        for norm in self.norms:
            norm.eval()
'''


def defines_it(tree: ast.Module) -> bool:
    """Whether the module holds this very hook."""
    wanted = ast.parse(DEFINITION).body[-1]
    return any(ast.dump(statement) == ast.dump(wanted) for statement in tree.body)
