"""Configs that leave the BatchNorm of a pretrained backbone in train mode."""

from __future__ import annotations

from bn2gn_codemod.survey.configs.backbones import Backbones
from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.values import Table
from bn2gn_codemod.survey.configs.weights import ConfigWeights


def trains_statistics(config: Config, backbones: Backbones) -> bool:
    """Whether a pretrained backbone does so: ``norm_eval=False``, be it by its type's default.

    Types of libraries have defaults that differ, and are not judged by them.
    """
    filled = (config.resolved.get(*one.keys) for one in ConfigWeights().backbones(config))
    return any(
        isinstance(backbone, Table)
        and (
            backbone.scalar("norm_eval") is False
            or (backbone.entry("norm_eval") is None and backbones.moves_statistics(backbone))
        )
        for backbone in filled
    )
