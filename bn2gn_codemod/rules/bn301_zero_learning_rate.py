"""BN301: a learning rate of 0 taken for freezing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bn2gn_codemod.audit.evidence import Diagnosis, Evidence, Freezing
from bn2gn_codemod.audit.parameters import inner_name
from bn2gn_codemod.plan import Finding, Plan, PretendedFreeze
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.snapshot import ModelSnapshot, Parameter
from bn2gn_codemod.wording import counted


def _findings(plan: Plan) -> Iterator[Finding]:
    for freeze in plan.pretended_freezes:
        yield Finding(RULE.code, freeze.place, _message(freeze), freeze.fixable)


def _message(freeze: PretendedFreeze) -> str:
    if freeze.already:
        return f"{freeze.entry} = 0 is dead: {_already(freeze)}"
    whom = f"parameters named {freeze.names}" if freeze.names else "all parameters"
    what = f"{freeze.entry} = 0 does not freeze {whom}"
    if freeze.fix:
        stays = f"; the entry stays: {freeze.reason}" if freeze.reason else ""
        return f"{what}: {freeze.fix} does{stays}"
    return f"{what}; not fixed: {freeze.reason}"


def _already(freeze: PretendedFreeze) -> str:
    return f"{freeze.already} freezes parameters named {freeze.names} already"


# ---------------------------------------------------------------- audit


def _diagnoses(evidence: Evidence) -> Iterator[Diagnosis]:
    explained: set[str] = set()
    for freezing in evidence.freezings:
        names = freezing.freeze.names
        parameters = _trainable(evidence.model, names)
        explained.update(parameter.name for parameter in parameters)
        yield _of_config(evidence, freezing, parameters)
    rest = [p for p in _without_rate(evidence) if p.name not in explained]
    if rest and evidence.model:
        yield _of_optimizer(evidence, evidence.model, rest)


def _of_config(evidence: Evidence, freezing: Freezing, trainable: Sequence[Parameter]) -> Diagnosis:
    freeze = freezing.freeze
    if freeze.already:
        return _dead(freezing)
    whom = freeze.names or "the model"
    what = f"{whom} is not frozen"
    if evidence.model and trainable:
        total = sum(p.numel for p in evidence.model.parameters if freeze.names in p.name)
        count = sum(parameter.numel for parameter in trainable)
        what += f": {count:,} of its {total:,} parameters are trainable"
    if freeze.fix:
        remedy = f"bn2gn migrate writes it: {freeze.fix}"
        remedy += f"; the entry stays: {freeze.reason}" if freeze.reason else ""
    else:
        remedy = f"freeze it by hand: {freeze.reason}"
    return Diagnosis(
        code=RULE.code,
        severity="serious",
        what=what,
        cause=f"{freeze.entry} = 0 sets a learning rate and freezes nothing",
        effect=_effect(evidence, trainable),
        remedy=remedy,
        lines=freezing.diff or freeze.by_hand or _by_hand([freeze.names]),
        place=freeze.place,
        fixable=freeze.fixable,
    )


def _dead(freezing: Freezing) -> Diagnosis:
    freeze = freezing.freeze
    return Diagnosis(
        code=RULE.code,
        severity="advice",
        what=f"{freeze.entry} = 0 does nothing",
        cause=_already(freeze),
        effect="who reads it takes it for the freeze, and may take the real one out",
        remedy="bn2gn migrate takes it out",
        lines=freezing.diff,
        place=freeze.place,
        fixable=True,
    )


def _of_optimizer(
    evidence: Evidence, model: ModelSnapshot, parameters: Sequence[Parameter]
) -> Diagnosis:
    modules = list(dict.fromkeys(inner_name(model, p.name).split(".")[0] for p in parameters))
    count = sum(parameter.numel for parameter in parameters)
    return Diagnosis(
        code=RULE.code,
        severity="serious",
        what=f"{', '.join(modules)}: {count:,} trainable parameters have a learning rate of 0",
        cause="a parameter group of the optimizer has lr = 0, which freezes nothing",
        effect=_effect(evidence, parameters),
        remedy="freeze them for real, before the optimizer is built and after every .train()",
        lines=_by_hand(modules),
    )


def _effect(evidence: Evidence, trainable: Sequence[Parameter]) -> str:
    effects = ["gradients are computed and stored for nothing"]
    size = sum(parameter.numel for parameter in trainable) * 4 / 2**20
    if size >= 1:
        effects[0] += f" (about {size:,.0f} MiB of them)"
    owners = {parameter.name.rpartition(".")[0] for parameter in trainable}
    moved = [n for n in evidence.run.statistics_moved if n in owners] if evidence.run else []
    if moved:
        number = counted(len(moved), "BatchNorm layer")
        effects.append(f"the running statistics of {number} moved in the training that was tried")
    schedulers = evidence.value("param_scheduler")
    for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
        least = scheduler.get("eta_min") if isinstance(scheduler, dict) else None
        if least:
            effects.append(f"{scheduler.get('type')} lifts the 0 towards eta_min={least:g}")
    return "; ".join(effects)


def _trainable(model: ModelSnapshot | None, names: str) -> list[Parameter]:
    parameters = model.parameters if model else ()
    return [p for p in parameters if p.requires_grad and names in p.name]


def _without_rate(evidence: Evidence) -> list[Parameter]:
    run = evidence.run
    groups = [group for optimizer in run.optimizers for group in optimizer.groups] if run else []
    if run is None or not any(group.lr for group in groups):
        return []  # a warm-up that starts at 0
    without = {name for group in groups if not group.lr for name in group.parameters}
    return [p for p in run.model.parameters if p.requires_grad and p.name in without]


def _by_hand(names: Sequence[str]) -> str:
    return f"""\
for name, module in model.named_modules():
    if any(part in name for part in {list(names)!r}):
        module.requires_grad_(False)
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()  # again after every model.train()
"""


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
A config of mmcv 1.x (`optimizer = dict(...)`) that would need a hook is left
alone: its hooks are others, and `bn2gn audit` prints the one to write.

The entry with the multiplier goes last, when every config that inherits it
freezes for real: a migration that is stopped half-way trains nothing that it
should not, and the next one finishes it. While one of these configs cannot be
frozen, or trains what it would inherit frozen, the entry stays and the finding
names that config. Beside a real freeze the entry is dead, and goes as well.
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
    diagnoses=_diagnoses,
)
