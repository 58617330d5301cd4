"""Turning source code into the nodes and edges of the flow analysis.

``Statements`` reads a scope statement by statement, ``Expressions`` its
expressions. What names, targets and calls do is told by one module each, as
functions of the ``Tracer`` that they are read by.
"""

from __future__ import annotations

from collections.abc import Iterable

from bn2gn_codemod.sources import SourceFile
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.injections import Injections
from bn2gn_codemod.survey.flow.lenient_loads import loosen_loads
from bn2gn_codemod.survey.flow.tracing.applied_functions import join_applied
from bn2gn_codemod.survey.flow.tracing.configured_parts import hand_over_configured
from bn2gn_codemod.survey.flow.tracing.declarations import declare, link_bases
from bn2gn_codemod.survey.flow.tracing.frozen_networks import mark_frozen
from bn2gn_codemod.survey.flow.tracing.handed_tensors import join_handed
from bn2gn_codemod.survey.flow.tracing.imports import bind_imports, bind_star_imports
from bn2gn_codemod.survey.flow.tracing.injected_parts import fill_injected_arguments
from bn2gn_codemod.survey.flow.tracing.kept_classes import keep_lookups
from bn2gn_codemod.survey.flow.tracing.module_dicts import part_module_dicts
from bn2gn_codemod.survey.flow.tracing.statements import Statements
from bn2gn_codemod.survey.flow.tracing.transplants import join_transplants
from bn2gn_codemod.survey.modules import Module


def analyse(
    modules: Iterable[Module],
    unread: Iterable[SourceFile] = (),
    injections: Injections | None = None,
    own_names: frozenset[str] = frozenset(),
) -> Flow:
    """Build and solve the flow analysis of these modules; ``unread`` are files without a tree.

    By ``own_names`` they import each other from the root of the repository.
    """
    flow = Flow(modules, injections, own_names)
    flow.unread.extend(unread)
    declare(flow)
    scopes = [flow.top_level[module.path] for module in flow.modules]
    for scope in scopes:
        bind_imports(flow, scope)
    bind_star_imports(flow, scopes)
    link_bases(flow)
    for scope in scopes:
        Statements(flow, scope).run(scope.module.tree.body)
    fill_injected_arguments(flow)
    hand_over_configured(flow)
    flow.solve()
    keep_lookups(flow)
    part_module_dicts(flow)
    flow.solve()
    join_handed(flow)
    join_applied(flow)
    join_transplants(flow)
    loosen_loads(flow)
    mark_frozen(flow)
    return flow
