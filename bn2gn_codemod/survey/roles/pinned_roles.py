"""Roles that settings give."""

from __future__ import annotations

from bn2gn_codemod.survey.because import Because, Role, Slot
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.known.library_models import library_model
from bn2gn_codemod.survey.known.pins import Pins
from bn2gn_codemod.survey.values import Class, Instance, NormLayer, Value


class PinnedRoles:
    """What ``backbone`` and ``convert`` say of classes and attributes."""

    def __init__(self, contents: Contents, backbone: Pins, convert: Pins) -> None:
        self._contents = contents
        pins = ((Role.BACKBONE, backbone), (Role.NEW, convert))
        self._pins = [(role, names) for role, names in pins if names.patterns]

    def of_class(self, cls: Class) -> Because | None:
        """The role that a setting gives to a class, if one does."""
        return self._said(cls, None)

    def of(self, slot: Slot) -> Because | None:
        """A setting that names the attribute, else what it holds, else its class."""
        if not self._pins:
            return None
        return self._of_attribute(slot) or self._of_content(slot) or self.of_class(slot[0])

    def of_value(self, slot: Slot, value: Value) -> Because | None:
        """That a setting makes the class of a value new, whatever else the attribute holds."""
        if not isinstance(value, Instance) or self._of_attribute(slot) is not None:
            return None
        found = self.of_class(value.class_)
        return found if found is not None and found.role is Role.NEW else None

    def _of_attribute(self, slot: Slot) -> Because | None:
        return self._said(*slot)

    def _of_content(self, slot: Slot) -> Because | None:
        """What is said of a class that the attribute holds; what is new leaves the others alone."""
        held = self._contents.of_slot[slot]
        found = [
            self.of_class(value.class_) if isinstance(value, Instance) else None for value in held
        ]
        backbone = (one for one in found if one is not None and one.role is Role.BACKBONE)
        first = next(backbone, None)
        if first is not None:
            return first
        others = [value for value, one in zip(held, found, strict=True) if one is None]
        is_new = len(others) < len(held) and not any(map(_has_layers, others))
        return next(filter(None, found)) if is_new else None

    def _said(self, cls: Class, attribute: str | None) -> Because | None:
        for role, pins in self._pins:
            pin = pins.match(cls, attribute)
            if pin is not None:
                return Because(role, f"the setting {pin!r} says so")
        return None


def _has_layers(value: Value) -> bool:
    return isinstance(value, (Instance, NormLayer)) or library_model(value) is not None
