"""Old checkpoints load into the migrated model."""

from __future__ import annotations

from bn2gn_codemod.codemods.planned import PlannedCommand


class CheckpointLoadsCommand(PlannedCommand):
    """``load_state_dict`` of checkpoints that still hold replaced BatchNorm."""

    DESCRIPTION = "Load old checkpoints with strict=False, and print the keys that are skipped."
    EDITS = ("loads",)
    CODES = ("BN401",)
