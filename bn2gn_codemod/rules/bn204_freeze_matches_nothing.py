"""BN204: a freeze that matches no module."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.rules.example_detector import DETECTOR


def _findings(plan: Plan) -> Iterator[Finding]:
    for script in plan.train_scripts:
        if script.state == "nothing":
            parts = ", ".join(script.backbone)
            message = (
                f"what freezes {script.model} matches no module of it: its backbone is {parts}"
            )
            yield Finding(RULE.code, script.optimizer, message)


_SCRIPT = """

def main():
    model = Detector()
    for name, module in model.named_modules():
        if name.startswith("{name}") and isinstance(module, nn.BatchNorm2d):
            module.eval()
            module.weight.requires_grad = False
            module.bias.requires_grad = False
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    return model, optimizer
"""

RULE = Rule(
    code="BN204",
    summary="A freeze that matches no module",
    what="""
Code that freezes layers by a name that no module of the model has: `backbone`
where the model calls it `base`, or a name without the `module.` that
DataParallel puts in front.
""",
    why="""
It freezes nothing, and says so at most by printing 0. Training runs as if the
code were not there.
""",
    instead="""
Use the name that the model has. Count what was frozen and fail when it is 0.
""",
    examples=(
        Example(
            path="train.py",
            before=DETECTOR + _SCRIPT.format(name="base"),
            after=DETECTOR + _SCRIPT.format(name="backbone"),
        ),
    ),
    findings=_findings,
)
