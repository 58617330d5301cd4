"""Sites where no name of a norm class was followed: nothing is changed there.

What libraries make with BatchNorm in it, and calls to which the analysis never came.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.plan import Site, Verdict
from bn2gn_codemod.survey.because import told
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.norm_classes import norm_name
from bn2gn_codemod.survey.known.verdict_comments import KEEP_COMMENT, comment_on, said
from bn2gn_codemod.survey.norms.configs import find_norm_configs
from bn2gn_codemod.survey.norms.fresh_models import find_fresh_models
from bn2gn_codemod.survey.norms.library_parts import find_library_parts
from bn2gn_codemod.survey.norms.named_norms import find_named_norms
from bn2gn_codemod.survey.norms.unfollowed import find_unfollowed
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.idle_layers import IdleLayers


def sites_beside_names(flow: Flow, roles: RoleMap) -> Iterator[Site]:
    """All of them; of two at one place the first says more."""
    yield from _unfollowed(flow)
    yield from _library_parts(flow, roles)


def _unfollowed(flow: Flow) -> Iterator[Site]:
    """What the analysis never came to, so that nobody believes it is done."""
    seen: set[ast.AST] = {norm.spot.node for norm in flow.norm_classes}
    for found in find_unfollowed(flow, seen):
        comment = comment_on(found.module, found.call)
        verdict = Verdict.KEEP if comment == "keep" else Verdict.UNKNOWN
        words = said(comment) if comment == "keep" else found.reason
        yield Site(
            place=found.module.place(found.call),
            norm=found.norm,
            class_=found.class_,
            attribute="",
            verdict=verdict,
            reasons=(words,),
            evidence=(words,),
            settles=() if comment == "keep" else (KEEP_COMMENT,),
        )


def _library_parts(flow: Flow, roles: RoleMap) -> Iterator[Site]:
    """What a library makes with BatchNorm in it: nothing else would speak of it."""
    idle = IdleLayers(flow, roles)
    parts = (*find_library_parts(flow, idle), *find_norm_configs(flow, idle))
    parts = (*parts, *find_named_norms(flow, idle))
    for found in (*parts, *find_fresh_models(flow, roles)):
        is_said = comment_on(found.module, found.node) == "keep"
        note = said("keep") if is_said else found.note
        reasons, evidence = told("" if found.is_kept and not is_said else note, found.because)
        is_kept = found.is_kept or is_said
        yield Site(
            place=found.module.place(found.node),
            norm=norm_name(found.name),
            class_=found.class_,
            attribute=found.attribute,
            verdict=Verdict.KEEP if is_kept else Verdict.UNKNOWN,
            reasons=reasons,
            evidence=evidence,
            settles=() if is_kept else (KEEP_COMMENT,),
        )
