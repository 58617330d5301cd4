"""From configs to their edits."""

from __future__ import annotations

import dataclasses
import re

from bn2gn_codemod.plan import ConfigEdit, FileEdits, Plan, Skipped, TrainScript
from bn2gn_codemod.relevance import config_matters
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository
from bn2gn_codemod.survey.configs.backbones import Backbones
from bn2gn_codemod.survey.configs.freezing import plan_freezes
from bn2gn_codemod.survey.configs.inheritance import Config, Configs
from bn2gn_codemod.survey.configs.norms import plan_norms
from bn2gn_codemod.survey.configs.reading import is_config
from bn2gn_codemod.survey.configs.train_modes import trains_statistics

_INHERITS = re.compile(rb"\b_base_\b|\bread_base\b")


def plan_configs(plan: Plan, repository: Repository, settings: Settings) -> Plan:
    """``plan`` and what was decided about the repository's configs."""
    configs, skipped = read_configs(repository, Configs(repository.file_or_outside))
    known = {one.path for one in plan.skipped}
    plan = dataclasses.replace(
        plan, skipped=(*plan.skipped, *(one for one in skipped if one.path not in known))
    )
    if not configs:
        return plan
    backbones = Backbones(repository)
    norms = plan_norms(configs, settings, backbones)
    freezes = plan_freezes(repository, configs)
    edits: dict[str, list[ConfigEdit]] = {}
    for edit in dict.fromkeys((*norms.edits, *freezes.edits)):
        edits.setdefault(edit.place.path, []).append(edit)
    files = {edited.path: edited for edited in plan.files}
    for path, own in edits.items():
        edited = files.get(path, FileEdits(path))
        files[path] = dataclasses.replace(edited, configs=tuple(own))
    return dataclasses.replace(
        plan,
        sites=tuple(sorted((*plan.sites, *norms.sites), key=lambda site: site.place)),
        files=tuple(files[path] for path in sorted(files)),
        new_files=(*plan.new_files, *freezes.new_files),
        pretended_freezes=freezes.freezes,
        train_scripts=_with_library_runs(plan, configs, backbones),
    )


def _with_library_runs(
    plan: Plan, configs: list[Config], backbones: Backbones
) -> tuple[TrainScript, ...]:
    """The train scripts, and those where a library trains a backbone that a config leaves free."""
    known = {script.optimizer for script in plan.train_scripts}
    more = [run for run in plan.library_runs if run.optimizer not in known]
    if not more or not any(trains_statistics(config, backbones) for config in configs):
        return plan.train_scripts
    return (*plan.train_scripts, *more)


def read_configs(
    repository: Repository, reader: Configs
) -> tuple[list[Config], tuple[Skipped, ...]]:
    """Files that may bear on freezing or norms, as far as they are configs."""
    found: list[Config] = []
    skipped: list[Skipped] = []
    for source in repository.files:
        if not (config_matters(source.data) or _INHERITS.search(source.data)):
            continue
        try:
            config = reader.read(source.path) if is_config(source) else None
        except SyntaxError as error:
            line = f" (line {error.lineno})" if error.lineno else ""
            path = error.filename or source.path
            skipped.append(Skipped(path, f"cannot be parsed{line}: {error.msg}"))
            continue
        if config is not None:
            found.append(config)
            skipped.extend(config.problems)
    return found, tuple(dict.fromkeys(skipped))
