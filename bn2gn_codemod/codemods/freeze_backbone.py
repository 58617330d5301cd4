"""The backbone's BatchNorm is frozen before the optimizer is built, and stays so."""

from __future__ import annotations

from bn2gn_codemod.codemods.planned import PlannedCommand


class FreezeBackboneCommand(PlannedCommand):
    """Freeze calls, the guards after ``.train()``, and the functions that they call."""

    DESCRIPTION = "Freeze the BatchNorm of pretrained backbones, also after every .train()."
    EDITS = ("freezes", "loop_guards", "model_guards", "freezing", "sync_tests")
    CODES = ("BN201", "BN202", "BN203", "BN204", "BN205")
