"""The rewrites as LibCST codemod commands.

    python -m libcst.tool codemod -x --no-format bn2gn_codemod.codemods.GroupNormCommand PATH

``MigrateCommand`` does all that ``bn2gn migrate`` does, the others a part of it
each. Importing this imports LibCST.
"""

from __future__ import annotations

from bn2gn_codemod.codemods.checkpoint_loads import CheckpointLoadsCommand
from bn2gn_codemod.codemods.freeze_backbone import FreezeBackboneCommand
from bn2gn_codemod.codemods.group_norm import GroupNormCommand
from bn2gn_codemod.codemods.init_loops import InitLoopsCommand
from bn2gn_codemod.codemods.migrate import MigrateCommand
from bn2gn_codemod.codemods.mmengine_configs import MMEngineConfigsCommand

__all__ = [
    "CheckpointLoadsCommand",
    "FreezeBackboneCommand",
    "GroupNormCommand",
    "InitLoopsCommand",
    "MMEngineConfigsCommand",
    "MigrateCommand",
]
