"""What a class adds to a network that it extends: weights of the network need not have it."""

from __future__ import annotations

import re
from collections.abc import Callable

from bn2gn_codemod.survey.because import Slot
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.values import Class

# ``RepVGGBlock``, whatever network it is named after.
_PART = re.compile(r"(?:Block|Layer|Unit|Stage|Module)[A-Z]?\d*$")


class Extensions:
    """Finds the network that an attribute was added to.

    ``family_of`` tells the well-known family of a class by its attributes.
    """

    def __init__(
        self, contents: Contents, family_of: Callable[[Class], families.Family | None]
    ) -> None:
        self._contents = contents
        self._family_of = family_of

    def base_of(self, cls: Class, slot: Slot) -> Class | None:
        """The nearest base of ``cls`` that is a network by itself, if the attribute is not its."""
        for base in cls.ancestors()[1:]:
            if self._is_network(base):
                return None if self._has(base, slot[1]) else base
        return None

    def _has(self, base: Class, name: str) -> bool:
        family = self._family_of(base)
        is_member = family is not None and (family.members.match(name) or family.is_twin(name))
        return bool(is_member) or self._contents.has_name(base, name)

    def _is_network(self, cls: Class) -> bool:
        """Whether the class is complete: of a known family, or named after one and built."""
        if not any(map(self._contents.may_hold_layers, self._contents.family_slots(cls))):
            return False
        if self._family_of(cls) is not None:
            return True
        built = self._contents.flow.instances.get(cls, ())
        is_named = families.is_network_class(cls) and not _PART.search(cls.name)
        return is_named and any(not made.weak for made in built)
