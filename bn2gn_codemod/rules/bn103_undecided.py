"""BN103: cannot tell backbone from new layer."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan, Verdict
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.rules.wording import undecided


def _findings(plan: Plan) -> Iterator[Finding]:
    for site in plan.sites:
        if site.verdict is Verdict.UNKNOWN:
            message = undecided(site, f"cannot tell whether {site.name} is backbone")
            yield Finding(RULE.code, site.place, message)


RULE = Rule(
    code="BN103",
    summary="Cannot tell backbone from new layer",
    severity="warning",
    what="""
A norm layer for which the repository gives no evidence either way: nothing
builds its class, or what builds it could be a backbone or not.
""",
    why="""
A backbone layer that is converted by mistake loses its pretrained statistics,
and nothing fails: the model only trains worse. So nothing is guessed.
""",
    instead="""
Look at the evidence with `bn2gn check --explain FILE:LINE` and settle it with
the line that the report offers: the setting `backbone` or `convert`, or a
comment `# bn2gn: keep` or `# bn2gn: convert` on the line.
""",
    examples=(
        Example(
            path="blocks.py",
            before="""
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
""",
            after="""
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)  # bn2gn: keep
""",
        ),
    ),
    findings=_findings,
)
