"""Reading a repository without running it, and deciding what is to be done."""

from __future__ import annotations

from bn2gn_codemod.plan import FileEdits, HelperEdit, NormEdit, Plan
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository
from bn2gn_codemod.survey.configs import with_configs
from bn2gn_codemod.survey.modules import read_modules
from bn2gn_codemod.survey.roles import Pins, assign_roles
from bn2gn_codemod.survey.sites import decide_sites
from bn2gn_codemod.survey.statements import analyse


def plan_repository(repository: Repository, settings: Settings) -> Plan:
    """Survey the whole repository and plan its change.

    Runs no code of the repository and opens no file beyond those read already.
    """
    modules, skipped = read_modules(repository)
    flow = analyse(modules)
    roles = assign_roles(flow, Pins(settings.backbone), Pins(settings.convert))
    decided = decide_sites(flow, roles, settings)
    by_path: dict[str, list[NormEdit]] = {}
    for edit in decided.edits:
        by_path.setdefault(edit.place.path, []).append(edit)
    files = tuple(
        FileEdits(path, tuple(edits), HelperEdit(path, "nn")) for path, edits in by_path.items()
    )
    plan = Plan(root=str(repository.root), sites=decided.sites, skipped=tuple(skipped), files=files)
    return with_configs(plan, repository, settings)
