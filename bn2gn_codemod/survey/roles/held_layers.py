"""What a module holds, all the way down: which norm layers are among it."""

from __future__ import annotations

from collections.abc import Iterable

from bn2gn_codemod.survey.because import Role, Slot
from bn2gn_codemod.survey.known.library_models import inherited_model, library_model
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.converted_layers import is_group_norm
from bn2gn_codemod.survey.values import (
    Class,
    Instance,
    NormLayer,
    Spot,
    Value,
)


class HeldLayers:
    """Questions about the layers in a set of values.

    ``converted`` says where layers are made that become GroupNorm, ``divided``
    where only some of them do.
    """

    def __init__(
        self, roles: RoleMap, converted: frozenset[Spot], divided: frozenset[Spot]
    ) -> None:
        self._roles = roles
        self._converted = converted
        self._divided = divided

    def is_converted(self, value: Value) -> bool:
        """Whether the value is a layer that becomes GroupNorm, or has become it already."""
        if isinstance(value, NormLayer):
            return value.spot in self._converted or value.spot in self._divided
        return is_group_norm(value)

    def is_kept(self, value: Value) -> bool:
        """Whether the value is BatchNorm that stays, or a library's model that holds some."""
        if isinstance(value, NormLayer):
            return value.spot not in self._converted
        return library_model(value) is not None or inherited_model(value) is not None

    def below(self, values: Iterable[Value]) -> dict[Value, None]:
        """The values and all that they hold, nearest first."""
        return dict.fromkeys(value for value, _ in self._reached(values))

    def converted_below(self, values: Iterable[Value]) -> dict[Value, None]:
        """The converted layers among the values and all that they hold."""
        return dict.fromkeys(
            value
            for value, in_backbone in self._reached(values)
            if self.is_converted(value)
            and not (in_backbone and isinstance(value, NormLayer) and value.spot in self._divided)
        )

    def _reached(self, values: Iterable[Value]) -> list[tuple[Value, bool]]:
        """The values and all that they hold, each with whether it is part of a backbone there."""
        seen = dict.fromkeys((value, False) for value in values)
        found = list(seen)
        for value, around in found:
            for slot in self.slots(value) if isinstance(value, Instance) else ():
                in_backbone = around and slot not in self._roles.own
                if not in_backbone:
                    roles = set(self._roles.slot_roles(slot)) - {Role.DOUBT}
                    in_backbone = roles == {Role.BACKBONE}
                for inner in self._roles.contents[slot]:
                    # The helper, handed to heads, also seems to reach what shares their
                    # parameters; but nothing makes GroupNorm in a backbone.
                    one = (inner, in_backbone)
                    if one not in seen and not (in_backbone and is_group_norm(inner)):
                        seen[one] = None
                        found.append(one)
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
