"""BN304: parameters frozen, running statistics still moving."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.audit.evidence import Diagnosis, Evidence
from bn2gn_codemod.audit.parameters import inner_name, modes
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.wording import counted, listed


def _diagnoses(evidence: Evidence) -> Iterator[Diagnosis]:
    run = evidence.run
    if run is None:
        return
    in_train = modes(evidence)
    parameters: dict[str, list[bool]] = {}
    for parameter in run.model.parameters:
        owner = parameter.name.rpartition(".")[0]
        parameters.setdefault(owner, []).append(parameter.requires_grad)
    moving = [
        inner_name(run.model, layer.name)
        for layer in run.model.batch_norms
        if layer.norm
        and layer.norm.track_running_stats
        and in_train[layer.name]
        and parameters.get(layer.name)
        and not any(parameters[layer.name])
    ]
    if not moving:
        return
    when = f"during {counted(run.steps, 'training step')}" if run.steps else "after .train()"
    yield Diagnosis(
        code=RULE.code,
        severity="serious",
        what=f"{counted(len(moving), 'BatchNorm layer')} with frozen parameters are in train mode",
        cause=f"{listed(moving)}: without gradient, and in train mode {when}; what sets "
        "eval (a hook in before_train_epoch, a call before the loop) is undone by .train()",
        effect="their running statistics move with every batch, and the frozen part of the "
        "model computes something else after each of them",
        remedy="set eval after every .train(): norm_eval=True where the type has it, a hook in "
        "before_train_iter, or an override of train() in the model",
        lines=_LINES,
    )


_LINES = """\
def train(self, mode=True):
    super().train(mode)
    for module in self.backbone.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()
    return self
"""

RULE = Rule(
    code="BN304",
    summary="Parameters frozen, running statistics still moving",
    what="""
A BatchNorm layer whose weight and bias have no gradient runs forward in train
mode during training. Seen by `bn2gn audit` of a config or of a live training
command.
""",
    why="""
`requires_grad=False` does not stop running statistics; only eval mode does, and
every `.train()` ends it. MMEngine's loop calls `before_train_epoch` hooks and
*then* `model.train()`: a hook that sets eval there is undone at once.
""",
    instead="""
Put the layers into eval mode after every `.train()`: `norm_eval=True`, a hook in
`before_train_iter`, or an override of `train()` on the model that owns the
backbone.
""",
    examples=(
        Example(
            path="hooks.py",
            before="""
from mmengine.hooks import Hook
from torch.nn.modules.batchnorm import _BatchNorm


class FrozenBackbone(Hook):
    def before_train_epoch(self, runner):  # model.train() comes after it
        for module in runner.model.backbone.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
""",
            after="""
from mmengine.hooks import Hook
from torch.nn.modules.batchnorm import _BatchNorm


class FrozenBackbone(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        for module in runner.model.backbone.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
""",
        ),
    ),
    diagnoses=_diagnoses,
)
