"""Roles that settings give."""

from __future__ import annotations

from bn2gn_codemod.survey.because import Because, Role, Slot
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.known.pins import Pins
from bn2gn_codemod.survey.values import Class, Instance


class PinnedRoles:
    """What ``backbone`` and ``convert`` say of classes and attributes."""

    def __init__(self, contents: Contents, backbone: Pins, convert: Pins) -> None:
        self._contents = contents
        self._pins = ((Role.BACKBONE, backbone), (Role.NEW, convert))

    def of_class(self, cls: Class) -> Because | None:
        """The role that a setting gives to a class, if one does."""
        for role, pins in self._pins:
            pin = pins.match(cls, None)
            if pin is not None:
                return Because(role, f"the setting {pin!r} says so")
        return None

    def of(self, slot: Slot) -> Because | None:
        """A setting that names the attribute, else what it holds, else its class."""
        levels: list[list[tuple[Class, str | None]]] = [
            [slot],
            [
                (value.class_, None)
                for value in self._contents.of_slot[slot]
                if isinstance(value, Instance)
            ],
            [(slot[0], None)],
        ]
        for level in levels:
            for role, pins in self._pins:
                for cls, name in level:
                    pin = pins.match(cls, name)
                    if pin is not None:
                        return Because(role, f"the setting {pin!r} says so")
        return None
