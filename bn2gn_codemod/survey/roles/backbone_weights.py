"""Which loads bring weights to the backbones of a model: any that runs, or names alone say so."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

from bn2gn_codemod.survey.because import Slot, module_name
from bn2gn_codemod.survey.flow.analysis import Flow
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.roles.assignment import RoleMap
from bn2gn_codemod.survey.roles.held_classes import HeldClasses
from bn2gn_codemod.survey.values import Class, Instance, Value
from bn2gn_codemod.survey.weights.declined.uncalled_loads import UncalledLoads
from bn2gn_codemod.survey.weights.loads import Load
from bn2gn_codemod.survey.weights.resumed.resumed_models import starts_nothing


class BackboneContents(NamedTuple):
    """What lies in the backbone attributes of a model, and what has them."""

    parts: list[Value]
    owners: list[Value]
    loads: list[Load]  # into the attributes by themselves


class BackboneWeights:
    """Looks for loads into what lies below a model, and into the model itself."""

    def __init__(
        self,
        flow: Flow,
        roles: RoleMap,
        held: HeldClasses,
        is_backbone: Callable[[Slot], bool],
    ) -> None:
        self._flow = flow
        self._roles = roles
        self._held = held
        self._is_backbone = is_backbone
        self._uncalled = UncalledLoads(flow)

    @functools.cached_property
    def starts_nothing(self) -> bool:
        """Whether every load may be one that resumes, and no library gives any weights."""
        return starts_nothing(self._flow, self._roles.loads)

    def starts_from_nothing(self, cls: Class) -> bool:
        """The same of a model alone: what goes into it, its parts, or what holds it."""
        return self._roles.resumed_models.starts_from_nothing(cls)

    def where_resumed(self, cls: Class) -> str | None:
        """The line by which a training goes on with a model, where no other one loads it."""
        return self._roles.resumed_models.where_trained(cls)

    def is_only_named(self, cls: Class) -> bool:
        """Whether names alone say that what is backbone in a model is pretrained.

        No load of weights is seen that runs, neither into it nor into what it is made of.
        A file that is loaded into the backbone itself is one, whatever is in it.
        """
        below = [*self._held.relatives(cls), *self._held.below(cls)]
        found = {
            slot
            for one in below
            for slot in self._roles.slots_of.get(one, ())
            if self._is_backbone(slot)
        }
        return (
            all(map(self._is_only_named, found))
            and not any(self._runs(load, one) for one in below for load in self._loads(one))
            and self._filled_alone(cls).isdisjoint(
                v for one in found for v in self._roles.contents[one]
            )
        )

    def missing_weights(self, cls: Class) -> dict[str, str]:
        """Parameters that no call gives, if all weights of a model hang on such ones, and where."""
        below = [*self._held.relatives(cls), *self._held.below(cls)]
        loads = [load for one in below for load in self._loads(one)]
        of_slot = self._roles.loads.of_slot
        loads += [load for (owner, _), load in of_slot.items() if owner in below]
        found = {self._uncalled.missing(load): load.where for load in loads}
        return {} if "" in found or not self.is_only_named(cls) else found

    def contents(self, cls: Class) -> BackboneContents | None:
        """What weights may come to in a model; ``None`` where a setting says that they do."""
        found = BackboneContents([], [], [])
        for one in (*self._held.relatives(cls), *self._held.below(cls)):
            for slot in self._roles.slots_of.get(one, ()):
                if not self._is_backbone(slot) or families.is_teacher(module_name(slot)):
                    continue
                if self._roles.is_pinned(slot):
                    return None
                if slot in self._roles.loads.of_slot:
                    found.loads.append(self._roles.loads.of_slot[slot])
                found.owners.append(Instance(slot[0], None))
                found.parts.extend(self._roles.contents[slot])
        return found

    def _filled_alone(self, cls: Class) -> set[Value]:
        """The objects into which files go that never go into a model of the class as a whole."""
        kin, resumed = self._held.kin(cls), self._roles.loads.resumed
        found: set[Value] = set()
        for load in self._flow.load_calls:
            into = [v for v in self._flow.values(load.receiver) if isinstance(v, Instance)]
            if kin.isdisjoint(one.class_ for one in into):
                found.update(
                    one
                    for one in into
                    if one.class_ in resumed and self._runs(resumed[one.class_], one.class_)
                )
        return found

    def _is_only_named(self, slot: Slot) -> bool:
        """Whether no load that runs says that an attribute is pretrained, nor anything else."""
        if self._roles.is_only_named(slot):
            return True
        if self._roles.is_pinned(slot) or any(map(library_model, self._roles.contents[slot])):
            return False
        own = self._roles.loads.of_slot.get(slot)
        found = [
            (load, one) for one in (slot[0], *self._held.of(slot)) for load in self._loads(one)
        ]
        found += [(own, slot[0])] if own is not None else []
        return bool(found) and not any(self._runs(load, one) for load, one in found)

    def _loads(self, cls: Class) -> list[Load]:
        return [load for one in cls.ancestors() for load in self._roles.loads.of_class.get(one, ())]

    def _runs(self, load: Load, cls: Class) -> bool:
        return not self._uncalled.has(load, cls)
