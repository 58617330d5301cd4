"""BN301: a learning rate of 0 taken for freezing."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import Finding, Plan, PretendedFreeze
from bn2gn_codemod.rules import Example, Rule


def _findings(plan: Plan) -> Iterator[Finding]:
    for freeze in plan.pretended_freezes:
        yield Finding(RULE.code, freeze.place, _message(freeze), fixable=bool(freeze.fix))


def _message(freeze: PretendedFreeze) -> str:
    whom = f"parameters named {freeze.names}" if freeze.names else "all parameters"
    what = f"{freeze.entry} = 0 does not freeze {whom}"
    return f"{what}: {freeze.fix} does" if freeze.fix else f"{what}; not fixed: {freeze.reason}"


_MODEL = """
model = dict(
    type='FasterRCNN',
    backbone=dict(
        type='ResNet',
        depth=50,
        num_stages=4,
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=True),
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')))
"""

RULE = Rule(
    code="BN301",
    summary="A learning rate of 0 taken for freezing",
    what="""
An MMEngine config that gives the backbone (or another part) `lr_mult=0`, and
nothing that freezes it.
""",
    why="""
The parameters keep `requires_grad`: gradients are computed and stored for
nothing. The layers stay in train mode: the running statistics of their
BatchNorm move with every batch, so the "frozen" backbone computes something
else after every iteration. And a scheduler with `eta_min` lifts the learning
rate of 0 again.
""",
    fix="`frozen_stages` and `norm_eval` where the type has them, else a hook",
    instead="""
Run `bn2gn migrate`. A backbone type with `frozen_stages` and `norm_eval` (the
ResNet family) gets those, and its BatchNorm `requires_grad=False`. For anything
else a hook is written into the repository and registered in the config: it
freezes the parameters that `custom_keys` would have matched, takes them out of
the optimizer, and puts their BatchNorm into eval mode before every iteration.
The entry with the multiplier goes.
""",
    examples=(
        Example(
            path="configs/stage2.py",
            before="""
_base_ = './model.py'

optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=0.0003),
    paramwise_cfg=dict(
        custom_keys={
            'backbone': dict(lr_mult=0.0),
            'neck': dict(lr_mult=2.0),
        }))
""",
            after="""
_base_ = './model.py'

optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=0.0003),
    paramwise_cfg=dict(
        custom_keys={
            'neck': dict(lr_mult=2.0),
        }))

# Frozen for real: no gradients, and BatchNorm keeps its pretrained statistics.
model = dict(
    backbone=dict(
        frozen_stages=4,
        norm_eval=True,
        norm_cfg=dict(requires_grad=False)))
""",
            beside={"configs/model.py": _MODEL},
        ),
    ),
    findings=_findings,
)
