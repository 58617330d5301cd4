"""BN203: train scripts of one repository freeze differently."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.rules.bn201_optimizer_before_freeze import RULE as _BN201


def _findings(plan: Plan) -> Iterator[Finding]:
    for script in plan.train_scripts:
        if script.sibling and script.state != "frozen":
            message = f"{script.sibling} freezes the backbone of the same model, this does not"
            yield Finding(RULE.code, script.optimizer, message, fixable=bool(script.fix))
        elif script.difference:
            message = f"{script.sibling} freezes {script.difference}: let both freeze the same"
            yield Finding(RULE.code, script.optimizer, message)


_ONE = _BN201.examples[0]

RULE = Rule(
    code="BN203",
    summary="Train scripts of one repository freeze differently",
    severity="warning",
    what="""
Two train scripts that build the same model, of which one freezes the backbone
and the other does not, or each freezes something else: all parameters of the
backbone, or a head too. How the code is written does not matter. What freezes
more than the setting `freeze` asks for is reported and left alone.
""",
    why="""
Their results cannot be compared, and nobody sees why: scripts of this kind are
copies of each other that differ in a data set. A checkpoint of one that is
resumed by the other loses its statistics.
""",
    fix="the freeze call, in the script that lacks it",
    instead="""
Freeze the same layers in every train script, best by a function in a module
that all of them import (`shared-module`).
""",
    examples=(
        Example(
            path="train.py",
            beside={**_ONE.beside, "train_other.py": _ONE.after},
            before=_ONE.before,
            after=_ONE.after,
        ),
    ),
    findings=_findings,
)
