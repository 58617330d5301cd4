"""BN401: strict load of a checkpoint that still holds replaced BatchNorm buffers."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.rules.wording import fix_or_reason


def _findings(plan: Plan) -> Iterator[Finding]:
    for load in plan.strict_loads:
        message = (
            f"strict load of a checkpoint into {load.model}: one from before the migration "
            "holds statistics of layers that are GroupNorm then, and fails"
        )
        remedy = fix_or_reason(load.fix, load.reason)
        yield Finding(RULE.code, load.place, f"{message}; {remedy}", fixable=bool(load.fix))


_SCRIPT = """
import torch
import torchvision
from torch import nn


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = nn.Sequential(nn.Conv2d(512, 64, 1), nn.BatchNorm2d(64))


def resume(path):
    model = Detector()
    state = torch.load(path, map_location="cpu")
    {load}
    return model
"""

RULE = Rule(
    code="BN401",
    summary="Strict load of a checkpoint that still holds replaced BatchNorm buffers",
    severity="warning",
    what="""
A call of `load_state_dict` without `strict=False` that loads a file into a model
with converted layers. Pretrained weights of the backbone alone, models without
converted layers, and state dicts that were filtered or come from the model
itself are none. Where code goes on after the error of a strict load
(`except RuntimeError:` strips `module.` from the keys and loads again), or asks
for the keys that it returns, no fix is written: a lenient load raises nothing,
and the fallback would never run. Nor is one where the model has a
`load_state_dict` of its own that takes no `strict`; one that fills the model by
hand is not strict at all.
""",
    why="""
Checkpoints from before the migration hold `running_mean`, `running_var` and
`num_batches_tracked` of layers that are GroupNorm now. A strict load refuses
them: resuming and evaluation of old runs stop working.
""",
    fix="`strict=False`, with the keys that were skipped printed",
    instead="""
Convert the checkpoint once with `bn2gn checkpoint OLD NEW`, which loads
strictly; or load with `strict=False` and print what was skipped: without that
line a misspelt key would be skipped silently as well.
""",
    examples=(
        Example(
            path="train.py",
            before=_SCRIPT.format(load="model.load_state_dict(state)"),
            after=_SCRIPT.format(
                load='print("Checkpoint loaded:", model.load_state_dict(state, strict=False))'
            ),
        ),
    ),
    findings=_findings,
)
