"""Models whose constructors load a network, and add layers of their own to it."""

from __future__ import annotations

import ast

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.network_contents import is_aside
from bn2gn_codemod.survey.weights.loads import Load


def is_added_to(contents: Contents, slot: Slot, load: Load | None) -> bool:
    """Whether what a model keeps in an attribute is loaded by its constructor, and not all of it.

    ``self.net = net`` is a wrapper's attribute as well, but no wrapper does that.
    """
    init = slot[0].methods.get("__init__")
    if load is None or load.vague or init is None or isinstance(init.node, ast.Module):
        return False
    path, _, line = load.where.rpartition(":")
    end = init.node.end_lineno or init.node.lineno
    if path != slot[0].path or not init.node.lineno <= int(line) <= end:
        return False
    return any(
        contents.may_hold_layers(other) and not is_aside(contents, other)
        for other in contents.family_slots(slot[0])
        if other[1] != slot[1]
    )
