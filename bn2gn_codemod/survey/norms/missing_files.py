"""Parts whose file may not be there: ``if isfile(path): self.load_state_dict(...)``, and no else.

Where it is missing, the code goes on and says nothing, and BatchNorm must learn. Beside a backbone
that is always loaded, such a part is left out of a freeze. A published network is not: its file is
what whoever trains has downloaded.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bn2gn_codemod.survey.because import Role, Slot
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.held_classes import HeldClasses
from bn2gn_codemod.survey.statements.run_conditions import blocks_around
from bn2gn_codemod.survey.syntax.nodes import call_name
from bn2gn_codemod.survey.values import Class, Instance
from bn2gn_codemod.survey.weights.loads import Load

_ASKS = frozenset({"isfile", "is_file", "exists"})


def slots_of_missing_files(flow: Flow, roles: RoleMap) -> frozenset[Slot]:
    """The backbone attributes of such parts, and those that hold such parts."""
    guarded = {
        call.spot.where
        for call in flow.load_calls
        if call.spot.node is not None and _asks_for_file(call.spot.function.node, call.spot.node)
    }
    if not guarded:
        return frozenset()
    held = HeldClasses(flow, roles)
    parts = {
        cls
        for cls in roles.loads.of_class
        if not any(map(families.is_named_after_network, cls.ancestors()))
        and not families.is_file_of_backbone(cls.path)
        and all(load.where in guarded for load in _loads(cls, roles))
    }
    parts = {cls for cls in parts if _stands_beside_loaded(cls, parts, roles, held)}
    return frozenset(
        slot
        for slot, values in roles.contents.items()
        if slot in roles.own
        and roles.own[slot].role is Role.BACKBONE
        and not roles.is_pinned(slot)
        and (
            slot[0] in parts
            or (bool(values) and all(isinstance(v, Instance) and v.class_ in parts for v in values))
        )
    )


def _loads(cls: Class, roles: RoleMap) -> Iterator[Load]:
    """What fills objects of a class, be it from outside."""
    yield from roles.loads.all_into(cls)
    for slot, load in roles.loads.of_slot.items():
        if slot[0] is cls or any(
            isinstance(one, Instance) and one.class_ is cls for one in roles.contents.get(slot, ())
        ):
            yield load


def _stands_beside_loaded(cls: Class, parts: set[Class], roles: RoleMap, held: HeldClasses) -> bool:
    """Whether each model that has such a part has a backbone as well that is always loaded."""
    holders = [one for one in roles.slots_of if cls in held.below(one) and one not in parts]
    return bool(holders) and all(
        any(_is_loaded(one, roles) for one in held.below(holder) - parts - held.below(cls))
        or any(library_model(v) for slot in held.slots(holder) for v in roles.contents[slot])
        for holder in holders
    )


def _is_loaded(cls: Class, roles: RoleMap) -> bool:
    return any(not load.is_resumed and not load.declined for load in roles.loads.all_into(cls))


def _asks_for_file(scope: ast.AST, node: ast.AST) -> bool:
    """Whether code runs only where a file is there, and nothing is said where it is not."""
    for block, index in blocks_around(scope, node):
        match block[index]:
            case ast.If(test=test, orelse=[]) if _is_question(test):
                return True
            case _:
                pass
    return False


def _is_question(test: ast.expr) -> bool:
    parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    return any(isinstance(one, ast.Call) and call_name(one) in _ASKS for one in parts)
