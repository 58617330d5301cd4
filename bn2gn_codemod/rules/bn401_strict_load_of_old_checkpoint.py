"""BN401: strict load of a checkpoint that still holds replaced BatchNorm buffers."""

from __future__ import annotations

from bn2gn_codemod.rules import Example, Rule

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
    what="""
A call of `load_state_dict` without `strict=False` on a model with converted
layers.
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
            before=_SCRIPT.format(load="    model.load_state_dict(state)"),
            after=_SCRIPT.format(
                load="""    skipped = model.load_state_dict(state, strict=False)
    print("missing keys:", skipped.missing_keys)
    print("unexpected keys:", skipped.unexpected_keys)"""
            ),
        ),
    ),
)
