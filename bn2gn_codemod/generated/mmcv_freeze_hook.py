"""What freezes parameters under mmcv 1.x: printed for its users to write, never written.

There is no such mmcv for the Python that runs this tool, so nothing here can say
whether a config really trains with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from bn2gn_codemod.generated.freeze_hook import CLASS, MODULE

DEFINITION = f"""\
# {MODULE}.py, on the path of the training
from mmcv.runner import HOOKS, Hook
from torch.nn.modules.batchnorm import _BatchNorm


@HOOKS.register_module()
class {CLASS}(Hook):
    def __init__(self, names, trained=()):
        self.names = set(names)
        self.keys = sorted({{*names, *trained}}, key=len, reverse=True)

    def is_frozen(self, name):
        return next((key for key in self.keys if key in name), None) in self.names

    def before_run(self, runner):
        model = getattr(runner.model, 'module', runner.model)
        for name, parameter in model.named_parameters():
            if self.is_frozen(name):
                parameter.requires_grad = False

    def before_train_iter(self, runner):
        model = getattr(runner.model, 'module', runner.model)
        for name, module in model.named_modules():
            if isinstance(module, _BatchNorm) and self.is_frozen(f'{{name}}.weight'):
                module.eval()
"""


def lines(names: str, trained: Sequence[str]) -> str:
    """The hook and the settings that register it for parameters of these ``names``."""
    arguments = f"names={[names]!r}" + (f", trained={[*trained]!r}" if trained else "")
    return f"""\
{DEFINITION}

# the config
custom_imports = dict(imports=[{MODULE!r}])
custom_hooks = [dict(type={CLASS!r}, {arguments})]
find_unused_parameters = True  # with several GPUs
"""
