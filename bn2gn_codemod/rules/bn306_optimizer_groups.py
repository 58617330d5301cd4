"""BN306: parameters and the optimizer disagree about what trains."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.audit.evidence import Diagnosis, Evidence
from bn2gn_codemod.audit.parameters import inner_name
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.snapshot import LiveRun
from bn2gn_codemod.wording import counted, listed


def _diagnoses(evidence: Evidence) -> Iterator[Diagnosis]:
    run = evidence.run
    if run is None or not run.optimizers:
        return
    yield from _forgotten(run)
    yield from _decayed(run)


def _forgotten(run: LiveRun) -> Iterator[Diagnosis]:
    held = frozenset().union(*(optimizer.parameters for optimizer in run.optimizers))
    forgotten = [p for p in run.model.parameters if p.requires_grad and p.name not in held]
    if forgotten:
        names = [inner_name(run.model, parameter.name) for parameter in forgotten]
        count = sum(parameter.numel for parameter in forgotten)
        yield Diagnosis(
            code=RULE.code,
            severity="warning",
            what=f"{count:,} trainable parameters are in no optimizer",
            cause=f"{listed(names)}: requires_grad is set, and no parameter group holds them",
            effect="they get gradients and never change",
            remedy="hand them to the optimizer, or freeze them",
        )


def _decayed(run: LiveRun) -> Iterator[Diagnosis]:
    frozen = {p.name for p in run.model.parameters if not p.requires_grad}
    decayed = [
        name
        for optimizer in run.optimizers
        for group in optimizer.groups
        if group.weight_decay
        for name in group.parameters
        if name in frozen
    ]
    if decayed:
        names = [inner_name(run.model, name) for name in decayed]
        yield Diagnosis(
            code=RULE.code,
            severity="advice",
            what=f"{counted(len(decayed), 'frozen parameter')} lie in a group with weight decay",
            cause=f"{listed(names)}: handed to the optimizer although they do not train",
            effect="torch's own optimizers pass over parameters without a gradient; others decay "
            "them",
            remedy="build the optimizer from the parameters that require a gradient",
            lines="[p for p in model.parameters() if p.requires_grad]\n",
        )


RULE = Rule(
    code="BN306",
    summary="Trainable parameter missing from the optimizer, or a frozen one in it",
    severity="warning",
    what="""
A parameter with `requires_grad` that no parameter group holds; or a frozen one
inside a group with weight decay. Seen by `bn2gn audit` and `bn2gn verify --run`.
""",
    why="""
The first gets gradients and never learns, and nothing fails. The second is
changed by optimizers that decay without looking at gradients.
""",
    instead="""
Freeze first, then build the optimizer from what requires a gradient.
""",
    examples=(
        Example(
            path="train.py",
            before="""
import torch

from model import Detector, freeze_backbone_bn

model = Detector()
optimizer = torch.optim.AdamW(model.backbone.parameters(), weight_decay=0.05)  # not the head
freeze_backbone_bn(model)
""",
            after="""
import torch

from model import Detector, freeze_backbone_bn

model = Detector()
freeze_backbone_bn(model)
trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
optimizer = torch.optim.AdamW(trainable, weight_decay=0.05)
""",
        ),
    ),
    diagnoses=_diagnoses,
)
