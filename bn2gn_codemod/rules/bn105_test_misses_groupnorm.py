"""BN105: a test for BatchNorm that must also see GroupNorm."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.rules.example_detector import WITH_NECK


def _findings(plan: Plan) -> Iterator[Finding]:
    for test in plan.norm_tests:
        if test.fix:
            message = f"layers that become GroupNorm are not seen ({test.purpose}): {test.fix}"
            yield Finding(RULE.code, test.place, message, fixable=True)
        elif test.reason:
            message = f"layers that become GroupNorm are not seen ({test.purpose}): {test.reason}"
            yield Finding(RULE.code, test.place, message)


_NECK = """
import torchvision
from torch import nn


class Neck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        for m in self.modules():
            {test}
"""

RULE = Rule(
    code="BN105",
    summary="A test for BatchNorm must also see GroupNorm",
    severity="warning",
    what="""
`isinstance(m, nn.BatchNorm2d)`, or a test of the class's name, that decides
what happens to norm layers, where some of them become GroupNorm: loops that
initialise weights, and parameter groups of an optimizer. A table that is asked for
`type(m)`, and `case nn.BatchNorm2d():`, are such tests, too. Code that freezes
BatchNorm is left alone: it means BatchNorm.
""",
    why="""
After the migration the test is false for the converted layers. Their weights
are not initialised as meant, or they land in the group with weight decay, or in
no group at all and never train. Nothing fails.
""",
    fix="the test is widened, an init loop gets its None guards",
    instead="""
Test for `(nn.BatchNorm2d, nn.GroupNorm)`. Where the test is not understood,
`bn2gn` reports it and leaves it to you.
""",
    examples=(
        Example(
            before=(_NECK + WITH_NECK).format(
                test="""if isinstance(m, nn.BatchNorm2d):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)"""
            ),
            after=(_NECK + WITH_NECK).format(
                test="""if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                if hasattr(m, 'weight') and m.weight is not None:
                    nn.init.constant_(m.weight, 1)
                if hasattr(m, 'bias') and m.bias is not None:
                    nn.init.constant_(m.bias, 0)"""
            ),
        ),
    ),
    findings=_findings,
)
