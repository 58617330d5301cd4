"""All rewrites of a file at once, as ``bn2gn migrate`` makes them."""

from __future__ import annotations

from bn2gn_codemod.codemods import (
    checkpoint_loads,
    freeze_backbone,
    group_norm,
    init_loops,
    mmengine_configs,
)
from bn2gn_codemod.codemods.planned import PlannedCommand

# Modules, not classes, are imported: the tool would list each class here once more.
_PARTS = (
    group_norm.GroupNormCommand,
    init_loops.InitLoopsCommand,
    freeze_backbone.FreezeBackboneCommand,
    checkpoint_loads.CheckpointLoadsCommand,
    mmengine_configs.MMEngineConfigsCommand,
)


class MigrateCommand(PlannedCommand):
    """What the other commands do, in one pass."""

    DESCRIPTION = "GroupNorm for new layers, a frozen BatchNorm backbone: all of bn2gn migrate."
    EDITS = tuple(edit for part in _PARTS for edit in part.EDITS)
    CODES = tuple(dict.fromkeys(code for part in _PARTS for code in part.CODES))
