"""Models of torchvision that are made without weights, beside a pretrained part of the same model.

Their BatchNorm is as new as that of any other layer there, and a library makes it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from bn2gn_codemod.survey.because import Role, Slot, shown
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known.library_models import (
    asks_for_no_weights,
    is_built_on_backbone,
    is_library_model,
)
from bn2gn_codemod.survey.known.verdict_comments import comment_on
from bn2gn_codemod.survey.norms.library_parts import LibraryPart
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.values import Class, External, ExternalObject, Instance, Value


def find_fresh_models(flow: Flow, roles: RoleMap) -> Iterator[LibraryPart]:
    """Every call that makes one."""
    for function, calls in flow.calls_in.items():
        for _, call in calls:
            name = _made_by(flow, call) if _asks_for_no_weights(call) else None
            beside = _pretrained_beside(flow, roles, call) if name is not None else None
            if name is not None and beside is not None:
                cls = function.enclosing_class
                yield LibraryPart(
                    module=function.module,
                    node=call,
                    name=name,
                    class_=cls.name if cls is not None else "",
                    attribute="",
                    is_kept=False,
                    because=(),
                    note=(
                        f"{name} is made without weights, beside the backbone {shown(beside)}: "
                        "its BatchNorm is new, and changed by handing over "
                        "norm_layer=get_group_norm"
                    ),
                )


def fresh_slots(flow: Flow, roles: RoleMap) -> frozenset[Slot]:
    """The attributes that hold nothing but such models, or parts of them; of any library."""
    made = {
        call
        for function, calls in flow.calls_in.items()
        for _, call in calls
        if _is_declined(flow, call)
        and comment_on(function.module, call) != "keep"
        and _pretrained_beside(flow, roles, call, in_class=True) is not None
    }
    if not made:
        return frozenset()
    return frozenset(
        slot
        for slot, values in roles.contents.items()
        if not roles.is_pinned(slot)
        and all(isinstance(one, ExternalObject) and one.spot.node in made for one in values)
    )


def _asks_for_no_weights(call: ast.Call) -> bool:
    """Whether a call says so itself: ``pretrained=False``, ``weights=None``."""
    said = [
        keyword.value
        for keyword in call.keywords
        if keyword.arg in ("pretrained", "weights", "weights_backbone")
    ]
    given = said + call.args[:1]
    return bool(given) and all(
        isinstance(value, ast.Constant) and value.value in (False, None) for value in given
    )


def _is_declined(flow: Flow, call: ast.Call) -> bool:
    """Whether a call makes a model without weights, whatever library it is of."""
    if _asks_for_no_weights(call) and _made_by(flow, call) is not None:
        return True
    names = {value.name for value in flow.value_of(call.func) if isinstance(value, External)}
    return bool(names) and all(
        is_library_model(name) and asks_for_no_weights(call, name) for name in names
    )


def _made_by(flow: Flow, call: ast.Call) -> str | None:
    if any(keyword.arg in ("norm_layer", None) for keyword in call.keywords):
        return None
    names = {value.name for value in flow.value_of(call.func) if isinstance(value, External)}
    if len(names) != 1 or not all(name.startswith("torchvision.models.") for name in names):
        return None
    name = next(filter(is_library_model, names), None)
    if name is not None and is_built_on_backbone(name):
        return name if asks_for_no_weights(call, name) else None
    return name


def _pretrained_beside(
    flow: Flow, roles: RoleMap, call: ast.Call, *, in_class: bool = False
) -> Slot | None:
    """A backbone in the model around the class that holds the object, or in that class itself.

    There is none to speak of where weights are loaded into either.
    """
    if any(_holds(flow.values(load.receiver), call) for load in flow.load_calls):
        return None
    holding = [slot for slot, values in roles.contents.items() if _holds(values, call)]
    family = {one: None for cls, _ in holding for one in (*cls.ancestors(), *cls.descendants())}
    loads = roles.loads
    is_loaded = any(cls in loads.of_class or cls in loads.resumed for cls in family)
    if is_loaded or any(slot in loads.of_slot for slot in holding):
        return None
    around = {
        slot: None
        for cls in family
        for made in flow.instances.get(cls, ())
        for slot in roles.held_in.get(made, ())
    }
    if any(slot in loads.of_slot or slot[0] in loads.of_class for slot in around):
        return None
    owners = [*around, *(holding if in_class else ())]
    for model, name in owners:
        for slot in roles.family_slots(model):
            found = _backbone_in(roles, slot, family) if slot[1] != name else None
            if found is not None:
                return found
    return None


def _holds(values: Iterable[Value], call: ast.Call) -> bool:
    """Whether the object that a call gave is among the values."""
    return any(isinstance(one, ExternalObject) and one.spot.node is call for one in values)


def _backbone_in(roles: RoleMap, slot: Slot, but: dict[Class, None]) -> Slot | None:
    """The attribute itself, or one of what it holds, that is a backbone for certain."""
    inner = [
        one
        for value in roles.contents[slot]
        if isinstance(value, Instance) and value.class_ not in but
        for one in roles.family_slots(value.class_)
    ]
    for one in (slot, *inner):
        own = roles.own.get(one)
        if own is not None and own.role is Role.BACKBONE and not own.vague:
            return one
    return None
