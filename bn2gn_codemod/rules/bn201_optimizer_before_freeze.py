"""BN201: the optimizer is built while the backbone's BatchNorm is not frozen."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.rules.example_detector import DETECTOR
from bn2gn_codemod.rules.wording import fix_or_reason, listed, parts

_STATES = {
    "unfrozen": "nothing freezes",
    "nothing": "no freeze reaches",
    "partly": "only eval mode or only requires_grad freezes",
    "in train": "at most train() of its own classes freezes",
    "optional": "only an option freezes",
    "late": "it is built before the freeze of",
}

_ONLY_NAMED = "a backbone by its name alone (no load of weights into it alone is seen)"
# ... and what that comes to where the whole repository loads none.
_FROM_SCRATCH = (
    "and every load in the repository may be one that resumes "
    '(trained from scratch, its BatchNorm must learn: freeze = "none")'
)
_UNSTARTED = (
    "and every load into this model may be one that resumes "
    "(trained from scratch, its BatchNorm must learn: leave the freeze out)"
)


def _findings(plan: Plan) -> Iterator[Finding]:
    for script in plan.train_scripts:
        if script.state == "unfollowed":
            message = f"optimizer of {script.model}: what model this is was not followed"
            remedy = "if it has a pretrained backbone, freeze that by hand"
            yield Finding(RULE.code, script.optimizer, f"{message}; {remedy}")
        if script.state in _STATES:
            where = parts(script.model, script.backbone) or script.model
            given = f"other parts of {script.model}" if script.is_beside else script.model
            message = f"optimizer of {given}: {_STATES[script.state]} BatchNorm in {where}"
            if script.is_only_named:
                message = f"{message}, {_ONLY_NAMED}"
            if script.is_from_scratch:
                message = f"{message}, {_FROM_SCRATCH}"
            elif script.is_unstarted:
                message = f"{message}, {_UNSTARTED}"
            if script.option:
                message = f"{message}: {script.option}"
            remedy = fix_or_reason(script.fix, script.reason)
            if script.fix and script.passed_by:
                remedy = f"{remedy}; left out, as not decided: {listed(script.passed_by)}"
            if script.fix and script.caveat:
                remedy = f"{remedy}; {script.caveat}"
            yield Finding(
                RULE.code, script.optimizer, f"{message}; {remedy}", fixable=bool(script.fix)
            )
    thaws = {
        script.thaw: script
        for script in plan.train_scripts
        if script.thaw is not None and (script.state == "frozen" or script.fix)
    }
    for place, script in thaws.items():
        message = f"this gives the frozen BatchNorm of {script.model} its gradients back"
        yield Finding(RULE.code, place, f"{message}: keep BatchNorm frozen after it")


_SCRIPT = """
import torch

from model import Detector

{define}
def main():
    model = Detector()
{freeze}    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    return model, optimizer


if __name__ == "__main__":
    main()
"""

RULE = Rule(
    code="BN201",
    summary="Optimizer built while backbone BatchNorm is not frozen",
    what="""
A train script that builds a model with a pretrained BatchNorm backbone, and
then an optimizer, with no freeze in between, or with one that only an option
switches on: what is added holds whatever the option says. Also, code that gives
the frozen layers their gradients back later.

In a repository with pretrained backbones it also names the optimizer of a model that
was not followed to its class, as where modules are imported by computed names, and the
call by which a library of OpenMMLab trains what it built from a config, or makes the
optimizer for it (`build_optimizer(model, cfg.optimizer)`).

A network of a library that a script trains as it is, in no class of the repository,
is named without a fix: no class has names for its parts.

A backbone that is only called so is frozen, too, and the report says so: where no
weights come from elsewhere either, and the model is trained from scratch, its BatchNorm
must learn, and `freeze = "none"` writes no freezes. Where every load in the repository may
be one that resumes a training, the report says that as well. None is written where each
load into such a model certainly goes on with its training (it says that it resumes, or
restores the optimizer with it): the report names one, and the setting that says otherwise.

No freeze is written where it could reach a layer that is not certain to be
backbone, in any model that the script may build: the report names the layer
and what settles it. Nor is one written that would pass by pretrained layers, or
where only weight and bias of BatchNorm were copied and no running statistics,
or where an init loop overwrites what was loaded (BN107). None is written either where all
weights of a model without new layers hang on an option that is off by default: the
report names the option, and without it BatchNorm must learn. Where new layers stand beside
the backbone, the freeze is written and the report names the option.
Nor is one where a branch puts a network of the repository, into which nothing loads
weights, in the place of the pretrained one (`if name == "tiny": net = Tiny()`).
What is not decided inside of a backbone is left out of the freeze, and named.
""",
    why="""
In training mode BatchNorm normalises with the statistics of one or two images
and moves its running statistics towards them: what was pretrained is gone after
a few hundred iterations. `requires_grad = False` alone does not stop that, and
`eval()` alone leaves the affine parameters training; it takes both. A freeze
after the optimizer leaves dead parameters in its groups.
""",
    fix="`freeze_backbone_bn(...)` and its printed count, before the optimizer",
    instead="""
Freeze after the model is created (and after `convert_sync_batchnorm`) and
before the optimizer. Print how many layers were frozen: 0 is a mistake.
""",
    examples=(
        Example(
            path="train.py",
            beside={"model.py": DETECTOR},
            before=_SCRIPT.format(define="", freeze=""),
            after=_SCRIPT.format(
                define='''
def freeze_backbone_bn(model):
    """Put the backbone's BatchNorm into eval mode, without gradient."""
    frozen = 0
    for module in model.backbone.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
            module.weight.requires_grad = False
            module.bias.requires_grad = False
            frozen += 1
    return frozen

''',
                freeze="""    frozen = freeze_backbone_bn(model)
    print(f"frozen backbone BatchNorm layers: {frozen}")
""",
            ),
        ),
    ),
    findings=_findings,
)
