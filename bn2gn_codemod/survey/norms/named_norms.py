"""Norm layers that a library makes of a string: ``get_norm("BN", 64)`` of detectron2.

Often the string comes from a config, so what it is not seen to say it may still say: each call
is listed but those with another norm written in them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.library_models import makes_named_norm, named_norm
from bn2gn_codemod.survey.known.norm_classes import norm_of_string
from bn2gn_codemod.survey.norms.library_parts import LibraryPart, part_made_by
from bn2gn_codemod.survey.roles.idle_layers import IdleLayers
from bn2gn_codemod.survey.values import External, NormClass, Text


def find_named_norms(flow: Flow, idle: IdleLayers) -> Iterator[LibraryPart]:
    """Every call of such a function that may make a BatchNorm."""
    for function, calls in flow.calls_in.items():
        for _, call in calls:
            name = _maker(flow, call)
            said = named_norm(call) if name is not None else None
            if name is None or said is None or not _may_be_batch_norm(flow, said):
                continue
            kinds = dict.fromkeys(filter(None, map(norm_of_string, _texts(flow, said))))
            norm = next(iter(kinds)) if len(kinds) == 1 else name
            note = _note(name, said)
            cls = function.enclosing_class
            yield part_made_by(idle, [call], function.module, call, norm, cls, note)


def _maker(flow: Flow, call: ast.Call) -> str | None:
    names = (held.name for held in flow.value_of(call.func) if isinstance(held, External))
    return next(filter(makes_named_norm, names), None)


def _texts(flow: Flow, said: ast.expr) -> list[str]:
    return [held.pattern for held in flow.value_of(said) if isinstance(held, Text)]


def _may_be_batch_norm(flow: Flow, said: ast.expr) -> bool:
    """Whether a BatchNorm may be named; a class that is handed over is judged for itself."""
    if isinstance(said, ast.Constant):
        return norm_of_string(said.value) is not None
    return bool(_texts(flow, said)) or not any(
        isinstance(held, NormClass) for held in flow.value_of(said)
    )


def _note(name: str, said: ast.expr) -> str:
    words = f"the norm layer is made by a library ({name}) and is not changed here"
    if isinstance(said, ast.Constant):
        return f"{words}: where it is new, write 'GN', which has 32 groups"
    kind = ast.unparse(said)
    return (
        f"{words}; {kind} says whether it is BatchNorm: where the layer is new, let that be 'GN', "
        "which has 32 groups"
    )
