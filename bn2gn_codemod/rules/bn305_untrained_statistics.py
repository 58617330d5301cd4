"""BN305: frozen BatchNorm holds statistics that were never trained."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.audit.evidence import Diagnosis, Evidence
from bn2gn_codemod.audit.parameters import inner_name, modes
from bn2gn_codemod.rules import Example, Rule
from bn2gn_codemod.wording import counted, listed


def _diagnoses(evidence: Evidence) -> Iterator[Diagnosis]:
    model = evidence.model
    if model is None:
        return
    in_train = modes(evidence)
    trainable = {p.name.rpartition(".")[0] for p in model.parameters if p.requires_grad}
    fresh = [
        name
        for layer in model.batch_norms
        if layer.norm
        and layer.norm.statistics == "untrained"
        and not in_train[layer.name]
        and layer.name not in trainable
        and not _gets_weights(evidence, name := inner_name(model, layer.name))
    ]
    if fresh:
        yield Diagnosis(
            code=RULE.code,
            severity="warning",
            what=f"{counted(len(fresh), 'frozen BatchNorm layer')} hold statistics that were "
            "never trained",
            cause=f"{listed(fresh)}: mean 0, variance 1, no batch seen; no weights were loaded "
            "into them",
            effect="they normalise nothing and cannot learn to: an identity with a fixed scale",
            remedy="load pretrained weights that hold them, or do not freeze them",
        )


def _gets_weights(evidence: Evidence, name: str) -> bool:
    """Whether weights that the audit did not load would fill the layer."""
    config = evidence.snapshot.config
    parts = config.skipped_weights if config else ()
    return any(not part or name == part or name.startswith(f"{part}.") for part in parts)


RULE = Rule(
    code="BN305",
    summary="Frozen BatchNorm holds statistics that were never trained",
    severity="warning",
    what="""
A BatchNorm layer that is frozen while its running statistics are those of a
fresh layer. Seen by `bn2gn verify` and `bn2gn audit`; weights that a config
names and that the audit does not load are believed.
""",
    why="""
With mean 0 and variance 1 it normalises nothing, and frozen it never will.
""",
    instead="""
Load weights that hold these layers, or leave them out of the freeze.
""",
    examples=(
        Example(
            path="train.py",
            before="""
from model import Detector, freeze_backbone_bn

model = Detector()
freeze_backbone_bn(model)
""",
            after="""
import torch

from model import Detector, freeze_backbone_bn

model = Detector()
model.backbone.load_state_dict(torch.load("backbone.pth", map_location="cpu"))
freeze_backbone_bn(model)
""",
        ),
    ),
    diagnoses=_diagnoses,
)
