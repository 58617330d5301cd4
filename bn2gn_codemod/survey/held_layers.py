"""What a module holds, all the way down: which norm layers are among it."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from bn2gn_codemod.generated.group_norm import is_group_norm_helper
from bn2gn_codemod.survey.because import Role, Slot
from bn2gn_codemod.survey.library_models import inherited_model, library_model
from bn2gn_codemod.survey.roles import RoleMap
from bn2gn_codemod.survey.values import (
    Class,
    ExternalObject,
    Instance,
    NormLayer,
    Spot,
    Value,
)


class HeldLayers:
    """Questions about the layers in a set of values.

    ``converted`` says where layers are made that become GroupNorm.
    """

    def __init__(self, roles: RoleMap, converted: frozenset[Spot]) -> None:
        self._roles = roles
        self._converted = converted

    def is_converted(self, value: Value) -> bool:
        """Whether the value is a layer that becomes GroupNorm, or has become it already."""
        if isinstance(value, NormLayer):
            return value.spot in self._converted
        return is_group_norm(value)

    def is_kept(self, value: Value) -> bool:
        """Whether the value is BatchNorm that stays, or a library's model that holds some."""
        if isinstance(value, NormLayer):
            return value.spot not in self._converted
        return library_model(value) is not None or inherited_model(value) is not None

    def below(self, values: Iterable[Value]) -> dict[Value, None]:
        """The values and all that they hold, nearest first."""
        found = dict.fromkeys(values)
        pending = list(found)
        for value in pending:
            if isinstance(value, Instance):
                for slot in self.slots(value):
                    # The helper, handed to heads, also seems to reach what shares their
                    # parameters; but nothing makes GroupNorm in a backbone.
                    is_backbone = set(self._roles.slot_roles(slot)) - {Role.DOUBT} == {
                        Role.BACKBONE
                    }
                    for inner in self._roles.contents[slot]:
                        if inner not in found and not (is_backbone and is_group_norm(inner)):
                            found[inner] = None
                            pending.append(inner)
        return found

    def slots(self, value: Instance) -> list[Slot]:
        """The attributes of an object; ``self`` may be of a subclass."""
        related = value.class_.ancestors()
        if value.spot is None:
            related += [cls for cls in value.class_.descendants() if cls not in related]
        return [slot for cls in related for slot in self._roles.slots_of.get(cls, ())]

    def own(self, cls: Class) -> list[Value]:
        """What a class itself stores in attributes, containers opened up."""
        return [v for slot in self._roles.slots_of.get(cls, ()) for v in self._roles.contents[slot]]


def is_group_norm(value: Value) -> bool:
    """Whether the helper made the value."""
    if not isinstance(value, ExternalObject) or not value.name.endswith("GroupNorm"):
        return False
    maker = value.spot.function.node
    return isinstance(maker, ast.FunctionDef) and is_group_norm_helper(maker)
