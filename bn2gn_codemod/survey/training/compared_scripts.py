"""What another script freezes of the same model, where two of them freeze it differently."""

from __future__ import annotations

from collections.abc import Iterator

from bn2gn_codemod.plan import TrainScript
from bn2gn_codemod.survey.training.models import TrainedModels
from bn2gn_codemod.survey.training.optimizers import Optimizer
from bn2gn_codemod.survey.training.scripts import TrainScripts
from bn2gn_codemod.survey.values import Class


class ComparedScripts:
    """Compares what train scripts freeze. ``whole``: the setting wants whole backbones frozen."""

    def __init__(self, models: TrainedModels, scripts: TrainScripts, whole: bool) -> None:
        self._models = models
        self._scripts = scripts
        self._whole = whole

    def compare(
        self, scripts: list[TrainScript], entries: list[Optimizer]
    ) -> Iterator[TrainScript]:
        """Each script, with another one that freezes the same model differently."""
        pairs = list(zip(scripts, entries, strict=True))
        for script, entry in pairs:
            others = [
                (other, other_entry)
                for other, other_entry in pairs
                if other.state == "frozen"
                and other.optimizer.path != script.optimizer.path
                and set(other_entry.models) & set(entry.models)
            ]
            if not others:
                yield script
            elif script.state != "frozen":
                yield script._replace(sibling=others[0][0].optimizer.path)
            else:
                yield self._compared(script, entry, others)

    def _compared(
        self, script: TrainScript, entry: Optimizer, others: list[tuple[TrainScript, Optimizer]]
    ) -> TrainScript:
        """The script, with the first one that freezes something else and rather what is wanted."""
        for other, other_entry in others:
            for cls in entry.models:
                if cls not in other_entry.models:
                    continue
                own = self._scripts.extent(entry, cls)
                theirs = self._scripts.extent(other_entry, cls)
                # A class that freezes itself shows in neither.
                if not own or not theirs or own == theirs or self._is_wanted(own, cls):
                    continue
                if not self._is_wanted(theirs, cls) and other.optimizer > script.optimizer:
                    continue
                difference = f"{_what(theirs)}, this {_what(own)}"
                return script._replace(sibling=other.optimizer.path, difference=difference)
        return script

    def _is_wanted(self, frozen: dict[str, str], cls: Class) -> bool:
        """Whether it is what the setting ``freeze`` asks for, and nothing else."""
        kind = "everything" if self._whole else "BatchNorm"
        return frozen == dict.fromkeys(self._models.paths_below(cls), kind)


def _what(frozen: dict[str, str]) -> str:
    """In words: ``BatchNorm in backbone and everything in head``."""
    by_kind: dict[str, list[str]] = {}
    for path, kind in frozen.items():
        by_kind.setdefault(kind, []).append(path)
    return " and ".join(f"{kind} in {', '.join(paths)}" for kind, paths in by_kind.items())
