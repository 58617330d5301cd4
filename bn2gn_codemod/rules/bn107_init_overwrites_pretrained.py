"""BN107: an init loop overwrites pretrained BatchNorm."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan
from bn2gn_codemod.rules import Example, Rule


def _findings(plan: Plan) -> Iterator[Finding]:
    for test in plan.norm_tests:
        if test.resets:
            message = f"runs over pretrained BatchNorm after it was loaded: {test.resets}"
            yield Finding(RULE.code, test.place, message)


_MODEL = """
import torchvision
from torch import nn


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = torchvision.models.resnet18(weights="DEFAULT")
        self.neck = nn.Sequential(nn.Conv2d(512, 64, 1), nn.GroupNorm(32, 64))
        for m in {modules}.modules():
            if isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)
"""

RULE = Rule(
    code="BN107",
    summary="An init loop overwrites pretrained BatchNorm",
    what="""
A loop over `self.modules()` that sets the weights of norm layers, in a class
that holds the pretrained backbone, after the pretrained weights were loaded; or
a function that does the same to a model in a train script (`model.apply(init)`).
A loop that runs only where they are not (`if not pretrained: ...`) is none, nor is one that
leaves the backbone out by its name (`if "backbone" not in name: ...`).
""",
    why="""
It resets the backbone's BatchNorm weights to 1 and 0 while its running
statistics stay: the two no longer fit, and a frozen layer never mends. The
model starts from worse than its pretrained weights, and nothing says so.
""",
    instead="""
Loop over the new modules only, or load the pretrained weights after the loop.
""",
    examples=(
        Example(
            before=_MODEL.format(modules="self"),
            after=_MODEL.format(modules="self.neck"),
        ),
    ),
    findings=_findings,
)
