"""BN202: .train() puts frozen BatchNorm back into train mode."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.rules.example_detector import DETECTOR
from bn2gn_codemod.rules.wording import fix_or_reason


def _findings(plan: Plan) -> Iterator[Finding]:
    for call in plan.train_calls:
        if not call.guarded:
            remedy = fix_or_reason(call.fix, call.reason)
            message = f"train() on {call.model} puts its backbone's BatchNorm into train mode"
            yield Finding(RULE.code, call.place, f"{message}; {remedy}", fixable=bool(call.fix))


_TRAINER = """

def train(loader, epochs):
    model = Detector()
    for module in model.backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
            module.weight.requires_grad = False
            module.bias.requires_grad = False
    optimizer = torch.optim.Adam(p for p in model.parameters() if p.requires_grad)
    for _ in range(epochs):
        model.train()
{guard}        for images, targets in loader:
            loss = nn.functional.mse_loss(model(images), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
"""

RULE = Rule(
    code="BN202",
    summary=".train() puts frozen BatchNorm back into train mode",
    what="""
A call of `.train()` on a model with a frozen backbone, in a train loop, after
which nothing puts the backbone's BatchNorm back into eval mode. Also, `.train()`
on layers of the frozen backbone themselves: it passes by any guard of the model.
Not where a function makes a model for itself and is seen to train nothing with
it, as where it measures the statistics of BatchNorm anew.
Where no optimizer of such a model was followed, nothing is frozen: the call is
reported in a function that trains, without a fix.
""",
    why="""
`.train()` is recursive. From the first epoch on the frozen layers normalise
with batch statistics again and their running statistics move; the script that
froze them, and printed how many, is none the wiser. Frameworks (Lightning, HF
Trainer, mmengine) call it on their own.
""",
    fix="a guard after the call, or `train()` of the model overridden (`guard`)",
    instead="""
Put the frozen layers back into eval mode right after `.train()`, through the
wrappers that the model is in at that point (DataParallel, a module that holds
the loss); or override `train(self, mode=True)` on the class that owns the
backbone, which holds under any driver.
""",
    examples=(
        Example(
            path="train.py",
            before=DETECTOR + _TRAINER.format(guard=""),
            after=DETECTOR
            + _TRAINER.format(
                guard="""        for module in model.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
"""
            ),
        ),
    ),
    findings=_findings,
)
