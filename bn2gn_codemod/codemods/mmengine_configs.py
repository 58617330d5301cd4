"""MMEngine configs: GroupNorm for new layers, a backbone that is really frozen."""

from __future__ import annotations

from bn2gn_codemod.codemods.planned import PlannedCommand


class MMEngineConfigsCommand(PlannedCommand):
    """Entries of configs."""

    DESCRIPTION = "Change norm_cfg of new layers, and freeze instead of lr_mult=0, in configs."
    EDITS = ("configs",)
    CODES = ("BN101", "BN102", "BN103", "BN301")
