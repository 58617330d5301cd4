"""Reading a repository without running it, and deciding what is to be done."""

from __future__ import annotations

from bn2gn_codemod.own_names import own_names
from bn2gn_codemod.plan import Plan
from bn2gn_codemod.settings import Settings
from bn2gn_codemod.sources import Repository
from bn2gn_codemod.survey.assembly import assemble, combine
from bn2gn_codemod.survey.configs import with_configs
from bn2gn_codemod.survey.flow.injections import read_injections
from bn2gn_codemod.survey.flow.tracing import analyse
from bn2gn_codemod.survey.known.norm_classes import check_asked_for
from bn2gn_codemod.survey.known.pins import Pins
from bn2gn_codemod.survey.modules import read_modules
from bn2gn_codemod.survey.norms.attributes import find_attribute_uses
from bn2gn_codemod.survey.norms.checkpoint_loads import find_strict_loads
from bn2gn_codemod.survey.norms.group_sizes import find_group_sizes
from bn2gn_codemod.survey.norms.helper_placement import place_helper
from bn2gn_codemod.survey.norms.init_loops import survey_init_loops
from bn2gn_codemod.survey.norms.load_order import LoadOrder
from bn2gn_codemod.survey.norms.sites import decide_sites
from bn2gn_codemod.survey.roles.assignment import assign_roles
from bn2gn_codemod.survey.roles.held_layers import HeldLayers
from bn2gn_codemod.survey.roles.outline import outline
from bn2gn_codemod.survey.training.overwritten_backbones import OverwrittenBackbones
from bn2gn_codemod.survey.training.planning import survey_training


def plan_repository(repository: Repository, settings: Settings) -> Plan:
    """Survey the whole repository and plan its change.

    Runs no code of the repository and opens no file beyond those read already.
    """
    check_asked_for(settings)
    modules, skipped = read_modules(repository)
    unread = {one.path for one in skipped}
    read = unread.union(module.path for module in modules)
    flow = analyse(
        modules,
        (file for file in repository.files if file.path in unread),
        read_injections(repository, modules),
        own_names(repository.files),
    )
    flow.left_out.extend(file for file in repository.files if file.path not in read)
    roles = assign_roles(flow, Pins.of(settings, "backbone"), Pins.of(settings, "convert"))
    decided = decide_sites(flow, roles, settings)
    placement = place_helper(flow, repository, decided, settings)
    decided = placement.decided
    held = HeldLayers(roles, decided.converted, decided.divided)
    loops = survey_init_loops(flow, roles, held, placement.helpers, settings)
    order = LoadOrder(flow, roles, held)
    overwritten = OverwrittenBackbones(order, loops.tests)
    training = survey_training(flow, roles, decided, order, overwritten, repository, settings)
    loads = find_strict_loads(flow, held)
    plan = Plan(
        root=str(repository.root),
        sites=decided.sites,
        skipped=tuple(skipped),
        files=assemble(
            norms=decided.edits,
            helpers=placement.helpers,
            init_loops=loops.edits,
            freezes=training.freezes,
            loop_guards=training.loop_guards,
            model_guards=training.model_guards,
            loads=loads.edits,
            sync_tests=training.sync_tests,
            freezing=training.definitions,
        ),
        new_files=combine(filter(None, [*placement.new_files, training.new_file])),
        train_scripts=training.scripts,
        library_runs=training.library_runs,
        train_calls=training.calls,
        hidden_norms=training.hidden_norms,
        norm_tests=loops.tests,
        norm_attribute_uses=find_attribute_uses(flow, held),
        group_sizes=find_group_sizes(flow, decided.converted | decided.divided, settings),
        strict_loads=loads.loads,
        module_classes=outline(roles, decided.sites),
    )
    return with_configs(plan, repository, settings)
