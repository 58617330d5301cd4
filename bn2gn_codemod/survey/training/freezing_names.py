"""The names that each file's generated pattern is to match, and why there must be none."""

from __future__ import annotations

from collections.abc import Iterable

from bn2gn_codemod.survey.flow.certain_modules import BY_HAND
from bn2gn_codemod.survey.flow.shared_import import NotPlaced
from bn2gn_codemod.survey.training.broken_off_loads import BrokenOffLoads
from bn2gn_codemod.survey.training.freezing_certainty import FreezingCertainty
from bn2gn_codemod.survey.training.models import Names, TrainedModels
from bn2gn_codemod.survey.training.overwritten_backbones import OverwrittenBackbones
from bn2gn_codemod.survey.training.unstarted_alternatives import UnstartedAlternatives
from bn2gn_codemod.survey.values import Class
from bn2gn_codemod.survey.weights.copied.copied_statistics import CopiedStatistics


class FreezingNames:
    """One pattern for each file, over all models that may come there."""

    def __init__(
        self,
        models: TrainedModels,
        certainty: FreezingCertainty,
        statistics: CopiedStatistics,
        overwritten: OverwrittenBackbones,
        alternatives: UnstartedAlternatives,
        broken_off: BrokenOffLoads,
    ) -> None:
        self._models = models
        self._certainty = certainty
        self._statistics = statistics
        self._overwritten = overwritten
        self._alternatives = alternatives
        self._broken_off = broken_off
        # By file: the models that its pattern is for, and what else may come in their place.
        self._classes_in: dict[str, dict[Class, None]] = {}
        self._others_in: dict[str, dict[Class, None]] = {}

    def want(self, path: str, classes: Iterable[Class], others: Iterable[Class]) -> None:
        """The pattern of a file is for models of these classes as well."""
        self._classes_in.setdefault(path, {}).update(dict.fromkeys(classes))
        self._others_in.setdefault(path, {}).update(dict.fromkeys(others))

    def share(self) -> None:
        """All files have one pattern, in a module that they share."""
        for collected in (self._classes_in, self._others_in):
            everything = {cls: None for found in collected.values() for cls in found}
            collected.update(dict.fromkeys(collected, everything))

    def of_file(self, path: str) -> Names:
        """The names of one file's pattern; raises ``NotPlaced`` where it would freeze too much."""
        classes, others = self._classes_in[path], self._others_in[path]
        objection = ""
        for more in (self._models.elsewhere([*classes, *others]), []):
            names = self._models.names([*classes, *more])
            objection = self.objection(classes, others, names)
            if not objection:
                return names
        raise NotPlaced(objection)

    def passed_by(self, classes: Iterable[Class], names: Names) -> tuple[str, ...]:
        """What is not decided inside of the backbones of these models, and not frozen."""
        return self._certainty.passed_by(classes, names)

    def objection(self, classes: Iterable[Class], others: Iterable[Class], names: Names) -> str:
        """Why nothing is to be written for these models; ``""``: nothing speaks against it."""
        classes = list(classes)
        tangle = self._models.tangle(classes)
        if tangle:
            return tangle
        nameless = self._models.nameless(classes)
        if nameless:
            words = f"pretrained layers lie below a name that is not known ({nameless})"
            return f"{words}: {BY_HAND}"
        twice = self._models.same_as_foreign(classes)
        if twice:
            words = f"a library holds all of the model as {twice}, which has a {twice} of its own"
            return f"{words}: {BY_HAND}"
        copying = self._statistics.missing(self._models.with_backbones(classes))
        if copying:
            words = f"{copying} copies weight and bias of its BatchNorm and no running statistics"
            return f"{words}, so in eval mode it would normalise nothing"
        overwritten = self._overwritten.objection(self._models.with_backbones(classes))
        reason = overwritten or self._certainty.objection(classes, others, names)
        reason = reason or self._alternatives.objection(classes)
        return reason or self._broken_off.objection(self._models.with_backbones(classes))
