"""Init loops and tests for BatchNorm see GroupNorm, too."""

from __future__ import annotations

from bn2gn_codemod.codemods.planned import PlannedCommand


class InitLoopsCommand(PlannedCommand):
    """``isinstance(m, nn.BatchNorm2d)`` and the like, where GroupNorm is meant as well."""

    DESCRIPTION = "Make init loops and parameter groups that test for BatchNorm see GroupNorm."
    EDITS = ("init_loops",)
    CODES = ("BN105", "BN107")
