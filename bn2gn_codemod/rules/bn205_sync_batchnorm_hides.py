"""BN205: SyncBatchNorm hides layers from a test for BatchNorm2d."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.rules.example_detector import DETECTOR
from bn2gn_codemod.rules.wording import fix_or_reason


def _findings(plan: Plan) -> Iterator[Finding]:
    for hidden in plan.hidden_norms:
        message = f"SyncBatchNorm of {hidden.conversion} is no BatchNorm2d: this test misses it"
        remedy = fix_or_reason(hidden.fix, hidden.reason)
        yield Finding(RULE.code, hidden.place, f"{message}; {remedy}", fixable=bool(hidden.fix))


_SCRIPT = """

def main():
    model = nn.SyncBatchNorm.convert_sync_batchnorm(Detector())
    for module in model.backbone.modules():
        if isinstance(module, {test}):
            module.eval()
            module.weight.requires_grad = False
            module.bias.requires_grad = False
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    return model, optimizer
"""

RULE = Rule(
    code="BN205",
    summary="SyncBatchNorm hides layers from a freeze that tests for BatchNorm2d",
    what="""
A freeze or a guard that tests `isinstance(m, nn.BatchNorm2d)` and runs after
`convert_sync_batchnorm`.
""",
    why="""
`SyncBatchNorm` is not a subclass of `BatchNorm2d` (both are `_BatchNorm`). On
one GPU the freeze works; on several, after the conversion, it matches nothing.
""",
    fix="the test is widened to both classes",
    instead="""
Test for `(nn.BatchNorm2d, nn.SyncBatchNorm)`.
""",
    examples=(
        Example(
            path="train.py",
            before=DETECTOR + _SCRIPT.format(test="nn.BatchNorm2d"),
            after=DETECTOR + _SCRIPT.format(test="(nn.BatchNorm2d, nn.SyncBatchNorm)"),
        ),
    ),
    findings=_findings,
)
