"""BN104: an attribute that GroupNorm does not have."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.rules.example_detector import WITH_NECK


def _findings(plan: Plan) -> Iterator[Finding]:
    for use in plan.norm_attribute_uses:
        message = f"{use.layer} may be GroupNorm after the migration, which has no {use.name}"
        if "fuse" in use.name:
            message = f"{use.name} on {use.layer}, which cannot be folded once it is GroupNorm"
        elif use.name == "__class__":
            message = f"{use.layer} may be GroupNorm after the migration, which is made otherwise"
        yield Finding(RULE.code, use.place, message)


_NECK = """
import torchvision
from torch import nn


class Neck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.out = nn.Conv2d({width}, 64, 1)
"""

RULE = Rule(
    code="BN104",
    summary="BatchNorm-only attribute of a layer that becomes GroupNorm",
    what="""
A use of `running_mean`, `running_var`, `num_batches_tracked`, `momentum`,
`track_running_stats`, `reset_running_stats()` or `num_features` of a layer that is
converted, of what a norm class of the repository defines beside that, or of
`fuse_conv_bn_eval` and its like on one. So is `type(layer)(channels)`: GroupNorm
takes the number of groups first. A use behind `hasattr`, or behind a test
for BatchNorm, is none: it does not reach the layer any more. The test may also stand
around every call that hands the layer to the function with the use.
""",
    why="""
GroupNorm has none of these. `num_features` is called `num_channels` there; the
others have no counterpart. The first use raises `AttributeError`, which may be
hours into a run, in an export script or in a callback. Folding a norm layer
into the convolution before it is not possible with GroupNorm at all.
""",
    instead="""
Use `num_channels`, or leave out what needs running statistics. `weight`, `bias`
and `eps` exist in both.
""",
    examples=(
        Example(
            before=(_NECK + WITH_NECK).format(width="self.bn.num_features"),
            after=(_NECK + WITH_NECK).format(width="channels"),
        ),
    ),
    findings=_findings,
)
