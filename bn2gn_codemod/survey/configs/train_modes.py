"""Configs that leave the BatchNorm of a pretrained backbone in train mode."""

from __future__ import annotations

from bn2gn_codemod.survey.configs.inheritance import Config
from bn2gn_codemod.survey.configs.values import Table
from bn2gn_codemod.survey.configs.weights import ConfigWeights


def trains_statistics(config: Config) -> bool:
    """Whether a pretrained backbone says so: ``norm_eval=False``; types have other defaults."""
    backbones = (config.resolved.get(*one.keys) for one in ConfigWeights().backbones(config))
    return any(
        isinstance(backbone, Table) and backbone.scalar("norm_eval") is False
        for backbone in backbones
    )
