"""BN101: BatchNorm in a new layer."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan, Verdict
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.rules.example_detector import WITH_NECK
from bn2gn_codemod.rules.wording import reasons


def _findings(plan: Plan) -> Iterator[Finding]:
    in_configs = {edit.place for edits in plan.files for edit in edits.configs}
    for site in plan.sites:
        if site.verdict is Verdict.CONVERT:
            yield Finding(
                code=RULE.code,
                place=site.place,
                message=f"{site.norm} in new layer {site.name}: {reasons(site)}",
                fixable=site.fixable or site.place in in_configs,
            )


RULE = Rule(
    code="BN101",
    summary="BatchNorm in a new layer",
    what="""
A norm layer that was added to a pretrained network (a neck, a head, a
deformable convolution) and is BatchNorm. A layer is new when it is built
outside of the backbone and no pretrained weights reach it; the finding says
what was seen.
""",
    why="""
A new layer has no pretrained statistics worth keeping, and at batch size 1 or 2
those of the batch are noise: training oscillates, and evaluation, which uses the
running averages of that noise, disagrees with training. GroupNorm does not
depend on the batch.
""",
    fix="`get_group_norm(...)`, and the helper in that file or in `shared-module`",
    instead="""
Run `bn2gn migrate`. The attribute keeps its name, so that `weight` and `bias`
keep their keys in a checkpoint. A call whose arguments cannot be read
(`**kwargs`) is left for you. If the layer is pretrained after all, say so with
the setting `backbone` or a comment `# bn2gn: keep` on its line.
""",
    examples=(
        Example(
            before=f"""
import torchvision
from torch import nn


class Neck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels, momentum=0.1)

    def forward(self, x):
        return self.bn(x)
{WITH_NECK}""",
            after=f'''
import torchvision
from torch import nn


def get_group_norm(num_channels, num_groups=32, eps=1e-5, affine=True):
    """GroupNorm with at most num_groups equal groups."""
    num_groups = min(num_groups, num_channels)
    while num_channels % num_groups != 0 and num_groups > 1:
        num_groups -= 1
    return nn.GroupNorm(num_groups, num_channels, eps=eps, affine=affine)


class Neck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn = get_group_norm(channels)

    def forward(self, x):
        return self.bn(x)
{WITH_NECK}''',
        ),
    ),
    findings=_findings,
)
