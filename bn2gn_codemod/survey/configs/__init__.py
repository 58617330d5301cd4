"""MMEngine configs: read without running them, and planned like any other source."""

from __future__ import annotations

from bn2gn_codemod.plan import Plan
from bn2gn_codemod.relevance import config_matters
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository


def with_configs(plan: Plan, repository: Repository, settings: Settings) -> Plan:
    """``plan`` and what was decided about configs.

    Those that pretend to freeze get a real freeze, and BatchNorm that they put
    into new layers becomes GroupNorm. Most repositories have none: then nothing
    of this package is imported.
    """
    if not any(config_matters(source.data) for source in repository.files):
        return plan
    from bn2gn_codemod.survey.configs.planning import plan_configs

    return plan_configs(plan, repository, settings)
