"""BN106: one channel per group."""

from __future__ import annotations

from bn2gn_codemod.rules import Example, Rule

_MODEL = """
import torchvision
from torch import nn


class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(512, 16, 1)
        self.norm = {norm}


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = Neck()
"""

RULE = Rule(
    code="BN106",
    summary="One channel per group: InstanceNorm in disguise",
    what="""
A converted layer whose channel count is written in the source and at most the
number of groups to start from (32): the helper gives each channel a group of
its own.
""",
    why="""
With one channel per group GroupNorm is InstanceNorm: it wipes out what
distinguishes one channel's strength from another's. On a map of 1x1 (global
pooling, squeeze layers) it is worse: PyTorch raises "Expected more than 1 value
per channel when training" at batch size 1, and at larger ones the output is
zero, a dead branch.
""",
    fix="with `min-channels-per-group` above 1 the helper makes fewer groups",
    instead="""
Set `min-channels-per-group` (2 or 4 are usual) in `pyproject.toml`, or build
that layer with fewer groups by hand. A layer on a 1x1 map needs no norm at all.
""",
    examples=(
        Example(
            before=_MODEL.format(norm="nn.BatchNorm2d(16)"),
            after=_MODEL.format(norm="nn.GroupNorm(4, 16)"),
        ),
    ),
)
