"""BN106: one channel per group."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan
from bn2gn_codemod.rules import Example, Rule


def _findings(plan: Plan) -> Iterator[Finding]:
    for size in plan.group_sizes:
        if size.groups == size.channels > 1:
            message = (
                f"{size.channels} channels get {size.groups} groups of one channel each; "
                "min-channels-per-group makes fewer"
            )
            yield Finding(RULE.code, size.place, message)


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
    severity="warning",
    what="""
A converted layer whose channel count is written in the source and at most the
number of groups to start from (32): the helper gives each channel a group of
its own. It is said while the layer is still BatchNorm, when the choice is to be
made. A layer that calls `get_group_norm` already was chosen so, and is no
finding.
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
    findings=_findings,
)
