"""BN102: one class serves backbone and new layers."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan, Verdict
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.rules.wording import undecided


def _findings(plan: Plan) -> Iterator[Finding]:
    for site in plan.sites:
        if site.verdict is Verdict.CONFLICT:
            message = undecided(site, f"{site.name} serves backbone and new layers")
            yield Finding(RULE.code, site.place, message)


_USES = """

class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = ConvBN(3, 64)


def encoder():
    model = Encoder()
    model.load_state_dict(model_zoo.load_url("https://example.org/encoder.pth"))
    return model


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = encoder()
        self.neck = {neck}(64, 64)
"""

_CONV_BN = """
from torch import nn
from torch.utils import model_zoo


class ConvBN(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )
"""

RULE = Rule(
    code="BN102",
    summary="One class serves backbone and new layers",
    severity="warning",
    what="""
One line of source that creates a norm layer runs for the pretrained backbone
and for new layers as well, because both use the class that it stands in.
""",
    why="""
Whatever is done to that line is wrong for one of the two: GroupNorm throws away
the backbone's pretrained statistics, BatchNorm stays unstable in the new layer.
`bn2gn` leaves it alone and says so.
""",
    instead="""
Give the new layers a class of their own, or hand the norm in as an argument.
When one side is what you mean everywhere, settle it with the line that the
report offers: `backbone`, `convert`, or a comment `# bn2gn: keep` or
`# bn2gn: convert`.
""",
    examples=(
        Example(
            before=_CONV_BN + _USES.format(neck="ConvBN"),
            after=_CONV_BN
            + """

class ConvGN(nn.Sequential):
    def __init__(self, inputs, outputs):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.GroupNorm(32, outputs),
            nn.ReLU(inplace=True),
        )
"""
            + _USES.format(neck="ConvGN"),
        ),
    ),
    findings=_findings,
)
