"""Parts of libraries with BatchNorm in them that are built beside a model's own layers.

No edit reaches what a library makes, so all that can be done is to say that it is there.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from typing import NamedTuple

from bn2gn_codemod.survey.because import Because, Role, Roles
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.library_models import (
    makes_named_norm,
    part_with_norms,
    takes_norm_layer,
)
from bn2gn_codemod.survey.modules import Module
from bn2gn_codemod.survey.roles.idle_layers import IdleLayers
from bn2gn_codemod.survey.values import Class, External, ExternalObject


class LibraryPart(NamedTuple):
    """Where one is made, or extended: ``node`` names it."""

    module: Module
    node: ast.expr
    name: str
    class_: str
    attribute: str
    is_kept: bool  # it is pretrained backbone for certain
    because: tuple[Because, ...]
    note: str  # why nothing is changed, and what may be done


def find_library_parts(flow: Flow, idle: IdleLayers) -> Iterator[LibraryPart]:
    """Every call that makes one, and every class of the repository that extends one."""
    for function, calls in flow.calls_in.items():
        for _, call in calls:
            name = _made_by(flow, call)
            if name is not None:
                cls = function.enclosing_class
                yield part_made_by(idle, [call], function.module, call, name, cls, _note(name))
    for cls in flow.classes:
        base = next(filter(part_with_norms, cls.external_bases), None)
        if base is not None:
            because = tuple(idle.roles.contexts.get(cls, {}).values())
            node = cls.node.bases[0]
            is_kept = _is_kept(because)
            yield LibraryPart(cls.module, node, base, cls.name, "", is_kept, because, _note(base))


def _made_by(flow: Flow, call: ast.Call) -> str | None:
    # A norm class that is handed over is judged for itself.
    if any(keyword.arg == "norm_layer" for keyword in call.keywords):
        return None
    names = (value.name for value in flow.value_of(call.func) if isinstance(value, External))
    return next((one for one in names if part_with_norms(one) and not makes_named_norm(one)), None)


def part_made_by(
    idle: IdleLayers,
    calls: Collection[ast.AST],
    module: Module,
    node: ast.expr,
    name: str,
    cls: Class | None,
    note: str,
) -> LibraryPart:
    """What ``calls`` make, in whatever attributes that is; ``node`` in ``cls`` names it."""
    roles = idle.roles
    found: Roles = {}
    attributes: dict[str, None] = {}
    holders: dict[Class, None] = {}
    for slot, values in roles.contents.items():
        for one in values:
            if isinstance(one, ExternalObject) and one.spot.node in calls:
                found = roles.library_roles(slot, one) | found
                holders[slot[0]] = None
                if slot[0] is cls:
                    attributes[slot[1]] = None
    if not set(found) - {Role.DOUBT}:
        found = idle.of_library(module.path, cls, holders) or found
    because = tuple(found.values())
    attribute = next(iter(attributes)) if len(attributes) == 1 else ""
    class_ = cls.name if cls is not None else ""
    is_kept = _is_kept(because)
    return LibraryPart(module, node, name, class_, attribute, is_kept, because, note)


def _note(name: str) -> str:
    words = f"the BatchNorm in {name} is made by a library and cannot be changed here"
    if takes_norm_layer(name):
        return f"{words}: where it is new, hand over norm_layer=get_group_norm"
    return f"{words}: where it is new, write the part out with GroupNorm"


def _is_kept(because: tuple[Because, ...]) -> bool:
    return {one.role for one in because} == {Role.BACKBONE} and not any(
        one.vague for one in because
    )
