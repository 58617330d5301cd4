"""Where a model's backbone BatchNorm layers are, as attribute paths below the model."""

from __future__ import annotations

import ast
import functools

from bn2gn_codemod.survey.because import Role, Slot
from bn2gn_codemod.survey.library_models import library_model
from bn2gn_codemod.survey.roles import RoleMap
from bn2gn_codemod.survey.values import Class, ExternalObject, Instance, NormLayer, Spot

_DEEPEST = 4  # model.module.cp.resnet is as deep as models get


class BackbonePaths:
    """Paths such as ``backbone``, ``cp.resnet`` or ``layer1`` by model class."""

    def __init__(self, roles: RoleMap, converted: frozenset[Spot]) -> None:
        self._roles = roles
        self._converted = converted
        self._memo: dict[Class, tuple[str, ...]] = {}
        self._slots_of: dict[Class, list[Slot]] = {}
        self._held_in: dict[Slot, list[Class]] = {}

    def below(self, cls: Class) -> tuple[str, ...]:
        """Paths below an instance of ``cls``; empty for a model without a backbone."""
        known = self._memo.get(cls)
        if known is None:
            leads = cls in self._leads_to_backbone
            known = self._memo[cls] = tuple(self._find(cls, ())) if leads else ()
        return known

    def owns(self, cls: Class) -> bool:
        """Whether the class itself, not something in it, holds a backbone attribute."""
        return any(self._is_backbone(slot) for slot in self._slots(cls))

    def parts(self, cls: Class) -> frozenset[str]:
        """The names of a class's attributes that hold modules."""
        return frozenset(slot[1] for slot in self._slots(cls))

    def backbone_classes(self, cls: Class) -> frozenset[Class]:
        """The classes of what the backbone attributes of a class hold."""
        return frozenset(
            value.class_
            for slot in self._slots(cls)
            if self._is_backbone(slot)
            for value in self._roles.contents[slot]
            if isinstance(value, Instance) and value.class_ not in _relatives(cls)
        )

    def holds_other_norm(self, cls: Class, attribute: str) -> bool:
        """Whether an attribute that is no backbone holds BatchNorm that stays."""
        return any(
            slot[1] == attribute and not self._is_backbone(slot) and self._holds_norm(slot, set())
            for slot in self._slots(cls)
        )

    def holders(self, cls: Class) -> list[tuple[str, Class]]:
        """Attributes of a class, with each class in them that holds a backbone somewhere."""
        return [
            (slot[1], value.class_)
            for slot in self._slots(cls)
            for value in self._roles.contents[slot]
            if isinstance(value, Instance) and self.below(value.class_)
        ]

    def _slots(self, cls: Class) -> list[Slot]:
        known = self._slots_of.get(cls)
        if known is None:
            known = self._slots_of[cls] = [
                slot for owner in _relatives(cls) for slot in self._roles.slots_of.get(owner, ())
            ]
        return known

    def _held(self, slot: Slot) -> list[Class]:
        """The classes of what an attribute holds, each once."""
        known = self._held_in.get(slot)
        if known is None:
            found = (v.class_ for v in self._roles.contents[slot] if isinstance(v, Instance))
            known = self._held_in[slot] = list(dict.fromkeys(found))
        return known

    @functools.cached_property
    def _leads_to_backbone(self) -> frozenset[Class]:
        """Classes below which a backbone attribute lies: the only ones worth a search."""
        holders: dict[Class, list[Class]] = {}
        for slot in self._roles.contents:
            for held in self._held(slot):
                for relative in _relatives(held):
                    holders.setdefault(relative, []).append(slot[0])
        start = {slot[0] for slot in self._roles.contents if self._is_backbone(slot)}
        found = {relative for cls in start for relative in _relatives(cls)}
        pending = list(found)
        while pending:
            for holder in holders.get(pending.pop(), ()):
                for relative in _relatives(holder):
                    if relative not in found:
                        found.add(relative)
                        pending.append(relative)
        return frozenset(found)

    def _is_backbone(self, slot: Slot) -> bool:
        own = self._roles.own.get(slot)
        return own is not None and own.role is Role.BACKBONE

    def _find(self, cls: Class, around: tuple[Class, ...]) -> list[str]:
        # A class that holds itself, or a relative of it, goes no deeper.
        if len(around) > _DEEPEST or not set(around).isdisjoint(_relatives(cls)):
            return []
        found: list[str] = []
        for slot in self._slots(cls):
            name = slot[1]
            if name == "*":
                continue
            below = self._inner(slot, (*around, cls))
            if self._is_backbone(slot):
                # A whole backbone; or one with new parts inside, named one by one.
                if below and self._has_new_parts(slot):
                    found.extend(f"{name}.{path}" for path in below)
                elif self._holds_norm(slot, set()):
                    found.append(name)
            else:
                found.extend(f"{name}.{path}" for path in below)
        return list(dict.fromkeys(found))

    def _inner(self, slot: Slot, around: tuple[Class, ...]) -> list[str]:
        found: list[str] = []
        for cls in self._held(slot):
            if cls is not slot[0] and cls in self._leads_to_backbone:
                found.extend(self._find(cls, around))
        return list(dict.fromkeys(found))

    def _has_new_parts(self, slot: Slot) -> bool:
        """Whether norm layers that are not the backbone's lie inside a backbone attribute."""
        return any(
            not self._is_backbone(inner) and inner in self._roles.own and self._makes_norm(inner)
            for value in self._roles.contents[slot]
            if isinstance(value, Instance)
            for inner in self._slots(value.class_)
        )

    def _makes_norm(self, slot: Slot) -> bool:
        return any(
            isinstance(value, NormLayer)
            or (
                isinstance(value, Instance)
                and any(
                    isinstance(held, NormLayer)
                    for inner in self._slots(value.class_)
                    for held in self._roles.contents[inner]
                )
            )
            for value in self._roles.contents[slot]
        )

    def _holds_norm(self, slot: Slot, seen: set[Class]) -> bool:
        for value in self._roles.contents[slot]:
            if library_model(value) is not None:
                return not _has_frozen_norms(value)
            if isinstance(value, NormLayer) and value.spot not in self._converted:
                return True
            if isinstance(value, Instance) and value.class_ not in seen:
                seen.add(value.class_)
                if any(self._holds_norm(inner, seen) for inner in self._slots(value.class_)):
                    return True
        return False


def _relatives(cls: Class) -> list[Class]:
    return [*cls.ancestors(), *cls.descendants()[1:]]


def _has_frozen_norms(value: object) -> bool:
    """``resnet50(norm_layer=FrozenBatchNorm2d)``."""
    if not isinstance(value, ExternalObject) or not isinstance(value.spot.node, ast.Call):
        return False
    return any(
        keyword.arg == "norm_layer" and "Frozen" in ast.unparse(keyword.value)
        for keyword in value.spot.node.keywords
    )
