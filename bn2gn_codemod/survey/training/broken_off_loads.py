"""Networks that code fills layer by layer, in a loop that may end before the last of them.

``if start >= weights.size: break``: the file of a classifier's first layers ends in the middle of
a detector. What comes after has no statistics but those that it learns, and no name tells it apart.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.because import shown
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.flow.call_sites import CallSites
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.backbone_paths import BackbonePaths
from bn2gn_codemod.survey.statements.loop_ends import early_end
from bn2gn_codemod.survey.statements.run_conditions import blocks_around
from bn2gn_codemod.survey.values import Class, Function, Instance
from bn2gn_codemod.survey.weights.loads import Load

_DEEPEST = 2  # functions between the loop and what fills one layer


class BrokenOffLoads:
    """Tells the models into which nothing but such loops puts weights."""

    def __init__(self, flow: Flow, roles: RoleMap, paths: BackbonePaths) -> None:
        self._flow = flow
        self._roles = roles
        self._paths = paths

    def objection(self, models: Iterable[Class]) -> str:
        """Why models of these classes must not be frozen; ``""``: nothing speaks against it."""
        for cls in models:
            held = (cls, *self._paths.held.below(cls))
            slots = list(dict.fromkeys(s for one in held for s in self._roles.family_slots(one)))
            if any(map(self._roles.is_pinned, slots)):
                continue
            ends = [(one, self._ends.get(load.where)) for one in held for load in self._loads(one)]
            if ends and all(end for _, end in ends):
                filled, end = ends[0]
                part = next((slot for slot in slots if slot in self._roles.loads.of_slot), None)
                words = f"{end} may end the loads into {filled.name} before its last layers"
                words = f"{words}, which would be frozen as they were made"
                return (
                    words
                    if part is None
                    else f'{words}; to settle it: backbone = ["{shown(part)}"]'
                )
        return ""

    def _loads(self, cls: Class) -> Iterator[Load]:
        """What fills a class, attributes of it, or what holds it."""
        loads = self._roles.loads
        yield from loads.all_into(cls)
        slots = self._roles.family_slots(cls)
        yield from (loads.of_slot[slot] for slot in slots if slot in loads.of_slot)
        for slot, load in loads.of_slot.items():
            held = self._roles.contents.get(slot, ())
            if any(isinstance(one, Instance) and one.class_ is cls for one in held):
                yield load

    @functools.cached_property
    def _ends(self) -> dict[str, str]:
        """By the line that fills a layer, the one that ends the loop around it."""
        sites = CallSites(self._flow)
        found: dict[str, str] = {}
        for call in self._flow.load_calls:
            if call.into_tensors and call.spot.node is not None:
                end = _end_around(sites, call.spot.function, call.spot.node, 0)
                if end:
                    found.setdefault(call.spot.where, end)
        return found


def _end_around(sites: CallSites, function: Function, node: ast.AST, depth: int) -> str:
    """The line that ends a loop around a node, or around a call of the function."""
    given = frozenset(function.parameters)
    for block, index in blocks_around(function.node, node):
        loop = block[index]
        if isinstance(loop, (ast.For, ast.While)):
            end = early_end(loop, node, given)
            if end is not None:
                return f"{function.module.path}:{end.lineno}"
    further = sites.of(function) if depth < _DEEPEST else ()
    found = (_end_around(sites, caller, site, depth + 1) for caller, site in further)
    return next(filter(None, found), "")
