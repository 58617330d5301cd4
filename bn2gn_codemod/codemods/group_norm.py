"""``nn.BatchNorm2d`` of new layers becomes GroupNorm."""

from __future__ import annotations

from bn2gn_codemod.codemods.planned import PlannedCommand


class GroupNormCommand(PlannedCommand):
    """New layers' norm calls, and the helper that they call."""

    DESCRIPTION = "Replace the BatchNorm of new layers by GroupNorm; pretrained backbones keep it."
    EDITS = ("norms", "helper")
    CODES = ("BN101", "BN102", "BN103", "BN104", "BN106")
