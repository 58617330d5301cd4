"""Classes that nobody builds, and what their own code says of weights."""

from __future__ import annotations

from collections.abc import Mapping

from bn2gn_codemod.survey.because import Because, Slot
from bn2gn_codemod.survey.flow.contents import Contents
from bn2gn_codemod.survey.flow.unreferenced import Unreferenced
from bn2gn_codemod.survey.known import families
from bn2gn_codemod.survey.values import Class
from bn2gn_codemod.survey.weights.evaluated.spoken_weights import handles_weights


class IdleClasses:
    """Tells which classes are certain to be no part of a backbone, as nobody builds them."""

    def __init__(self, contents: Contents, own: Mapping[Slot, Because]) -> None:
        self._contents = contents
        self._own = own
        self._unreferenced = Unreferenced(contents.flow, self._is_judged)

    def _is_judged(self, cls: Class) -> bool:
        """Whether anything is said of what a class holds, for what it holds itself."""
        return any(slot in self._own for slot in self._contents.family_slots(cls))

    def is_certainly_idle(self, cls: Class) -> bool:
        """Whether a class that nobody builds, or only such classes, is no part of a backbone."""
        return self._is_idle(cls, ())

    def _is_idle(self, cls: Class, around: tuple[Class, ...]) -> bool:
        if self.handles_weights(cls):
            return False
        if self.is_unused_part(cls):
            return True
        if not families.has_new_class_name(cls) and families.new_home(cls) is None:
            return False
        makers = self._contents.makers(cls) - {cls, *around}
        return all(maker is not None and self._is_idle(maker, (*around, cls)) for maker in makers)

    def is_unused_part(self, cls: Class) -> bool:
        """Whether a class that is no model or network is built by nothing in the repository."""
        return not (
            families.is_network_class(cls)
            or families.may_be_whole_model(cls)
            or families.backbone_home(cls.path) is not None
        ) and self._unreferenced.is_unused(cls)

    def handles_weights(self, cls: Class) -> bool:
        """Whether the class's own code speaks of pretrained weights."""
        return handles_weights(cls.module, cls.node)
